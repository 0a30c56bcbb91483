import tracemalloc

import numpy as np
import pytest

from passerby.errors import EvaluationError
from passerby.metrics.open_set import calibration
from passerby.metrics.open_set.calibration import calibrate
from passerby.metrics.open_set.verification import Verification
from passerby.metrics.reranking.score_normalisation import cohort_scores, normalise_scores


def people(count, images=6, dimensions=32, noise=0.8, seed=0):
    generator = np.random.default_rng(seed)
    identities = np.repeat(np.arange(count), images)
    centres = generator.standard_normal((count, dimensions))
    features = centres[identities] + noise * generator.standard_normal((identities.size, dimensions))
    return features.astype(np.float32), identities, generator.integers(0, 3, identities.size)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("with_cameras", [True, False])
@pytest.mark.parametrize("rows", [7, 512])
def test_the_threshold_is_that_of_all_pairs(metric, with_cameras, rows, monkeypatch):
    monkeypatch.setattr(calibration, "_ROWS", rows)
    monkeypatch.setattr(calibration, "_HEADROOM", 3)
    features, identities, cameras = people(30)
    identities[5:9] = -1
    found = calibrate(features, identities, cameras if with_cameras else None, far=0.02, metric=metric, repeats=30)
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    scores = units @ units.T if metric == "cosine" else -np.linalg.norm(features[:, None] - features, axis=2)
    pairs = np.triu((identities[:, None] != -1) & (identities != -1), 1)
    if with_cameras:
        pairs &= cameras[:, None] != cameras
    same = identities[:, None] == identities
    expected = Verification.of(scores[pairs & same], scores[pairs & ~same])
    assert found.threshold.value == pytest.approx(expected.threshold_at(0.02), abs=3e-6)
    assert found.tar.value == pytest.approx(expected.tar_at(0.02), abs=2 / found.genuine)
    assert (found.genuine, found.impostor) == (expected.genuine.size, expected.impostor.size)
    assert found.threshold.low <= found.threshold.value <= found.threshold.high
    assert found.tar.low <= found.tar.value <= found.tar.high


def test_the_interval_holds_the_threshold_of_many_people():
    truth = calibrate(*people(500, images=4, seed=99)[:2], far=0.01, repeats=2).threshold.value
    held = 0
    for seed in range(40):
        features, identities, _ = people(40, seed=seed)
        found = calibrate(features, identities, far=0.01, repeats=100, seed=seed).threshold
        held += found.low <= truth <= found.high
    assert held >= 32


@pytest.mark.parametrize("with_cameras", [True, False])
def test_weights_of_people_count_pairs_as_copies_would(with_cameras):
    features, identities, cameras = people(12)
    cameras = cameras if with_cameras else None
    pairs = calibration._Pairs.of(features, identities, cameras, "cosine", 0.2)
    weights = np.array([2, 1, 0, 3, 1, 1, 1, 0, 2, 1, 0, 0], dtype=float)
    copies = [(row, copy) for row, who in enumerate(identities) for copy in range(int(weights[who]))]
    rows = np.array([row for row, _ in copies])
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    scores = (units @ units.T)[rows[:, None], rows]
    different = np.triu(identities[rows][:, None] != identities[rows], 1)
    if with_cameras:
        different &= cameras[rows][:, None] != cameras[rows]
    impostor = scores[different]
    assert pairs.images.pairs(weights) == impostor.size
    assert pairs.threshold(weights, 0.2) == pytest.approx(Verification.of([0.0], impostor).threshold_at(0.2), abs=3e-6)


def test_memory_does_not_grow_with_pairs_of_people(monkeypatch):
    monkeypatch.setattr(calibration, "_ROWS", 64)
    features, identities, cameras = people(3000, images=2, dimensions=4, noise=0.1)
    tracemalloc.start()
    try:
        calibrate(features, identities, cameras, far=1e-6, repeats=2)
        assert tracemalloc.get_traced_memory()[1] < 3000**2 * 8  # bytes of one table of people by people
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibrate(np.eye(4), [0, 0, 1, 1]), "2 people are too few"),
        (lambda: calibrate(np.eye(4), [0, 1, 2, 3], far=0.5), "nobody has two images"),
        (lambda: calibrate(np.eye(4), [0, 1, 2, 2], far=1e-3), "5 impostor pairs cannot show"),
        (lambda: calibrate(np.eye(4), [0, 1, 2, 2], far=2), "between 0 and 1"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(call, message):
    with pytest.raises(EvaluationError, match=message):
        call()


def test_normalised_scores_are_their_definition():
    generator = np.random.default_rng(0)
    query, gallery, cohort = (generator.standard_normal((n, 8)) for n in (4, 6, 50))
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (query, gallery, cohort)]
    scores = units[0] @ units[1].T
    by = [cohort_scores(rows * 3, cohort) for rows in (query, gallery)]
    for found, rows in zip(by, units, strict=False):
        np.testing.assert_allclose(found.mean, (rows @ units[2].T).mean(axis=1), atol=1e-6)
    z = (scores - (units[0] @ units[2].T).mean(1)[:, None]) / (units[0] @ units[2].T).std(1)[:, None]
    t = (scores - (units[1] @ units[2].T).mean(1)) / (units[1] @ units[2].T).std(1)
    for kind, expected in (("z", z), ("t", t), ("s", (z + t) / 2)):
        np.testing.assert_allclose(normalise_scores(scores, *by, kind=kind), expected, atol=2e-5)
    adaptive = cohort_scores(query, cohort, closest=10)
    np.testing.assert_allclose(adaptive.mean, np.sort(units[0] @ units[2].T, axis=1)[:, -10:].mean(axis=1), atol=1e-6)


def test_one_threshold_serves_better_after_normalisation():
    """Some images look like everybody; against a cohort that shows."""
    generator = np.random.default_rng(3)
    common = generator.standard_normal(32)
    share = generator.uniform(0, 3, 300)[:, None]
    identities = np.tile(np.arange(60), 5)
    features = generator.standard_normal((60, 32))[identities] + 0.9 * generator.standard_normal((300, 32))
    features = features + share * common
    cohort = generator.standard_normal((400, 32)) + generator.uniform(0, 3, 400)[:, None] * common
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    scores = units[:100] @ units[100:].T
    by = cohort_scores(features[:100], cohort), cohort_scores(features[100:], cohort)
    same = identities[:100, None] == identities[100:]
    plain = Verification.of(scores[same], scores[~same]).auc
    normalised = normalise_scores(scores, *by)
    assert Verification.of(normalised[same], normalised[~same]).auc > plain


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cohort_scores(np.eye(2), np.eye(3)), "2 dimensions and the cohort 3"),
        (lambda: cohort_scores(np.eye(3), np.eye(3), closest=1), "1 of 3 cohort images"),
        (lambda: cohort_scores(np.eye(3), np.eye(3), closest=4), "4 of 3 cohort images"),
        (lambda: cohort_scores(np.eye(3)[:1], np.eye(3)[1:]), "all equal"),
        (lambda: normalise_scores(np.ones((2, 2)), *[cohort_scores(np.eye(3), np.eye(3))] * 2), "3 queries"),
        (lambda: normalise_scores(np.ones((3, 3)), *[cohort_scores(np.eye(3), np.eye(3))] * 2, kind="q"), "'q'"),
    ],
)
def test_what_cannot_be_normalised_is_refused(call, message):
    with pytest.raises(EvaluationError, match=message):
        call()
