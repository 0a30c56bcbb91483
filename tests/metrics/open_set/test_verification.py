import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score, roc_curve

from passerby.errors import EvaluationError
from passerby.metrics.open_set.pairs import pair_scores
from passerby.metrics.open_set.verification import Verification
from tests.metrics.ranking.test_feature_ranking import golden_problem

scores = st.lists(st.integers(-6, 6).map(lambda n: n / 4), min_size=1, max_size=40)


def as_labels(genuine, impostor):
    labels = np.concatenate([np.ones(len(genuine)), np.zeros(len(impostor))])
    return labels, np.concatenate([genuine, impostor])


@settings(max_examples=200, deadline=None)
@given(genuine=scores, impostor=scores)
def test_rates_and_areas_agree_with_scikit_learn(genuine, impostor):
    found = Verification.of(np.array(genuine), np.array(impostor))
    labels, values = as_labels(genuine, impostor)
    assert found.auc == pytest.approx(roc_auc_score(labels, values), abs=1e-12)
    for far, tar, threshold in zip(*roc_curve(labels, values, drop_intermediate=False), strict=True):
        assert found.far(threshold) == pytest.approx(far, abs=1e-12)
        assert found.tar(threshold) == pytest.approx(tar, abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(genuine=scores, impostor=scores)
def test_equal_error_rate_agrees_with_the_crossing_of_scikit_learn_s_curve(genuine, impostor):
    far, tar, _ = roc_curve(*as_labels(genuine, impostor), drop_intermediate=False)
    steps = np.linspace(0, 1, len(far))
    curve = interp1d(steps, np.stack([far, tar]))
    at = brentq(lambda step: curve(step)[0] + curve(step)[1] - 1, 0.0, 1.0, xtol=1e-14)
    found = Verification.of(np.array(genuine), np.array(impostor))
    assert found.eer == pytest.approx(float(curve(at)[0]), abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(genuine=scores, impostor=scores, far=st.floats(0.001, 0.999))
def test_the_threshold_is_the_lowest_that_keeps_the_rate(genuine, impostor, far):
    found = Verification.of(np.array(genuine), np.array(impostor))
    allowed = [value for value in np.unique(genuine + impostor) if np.mean(np.array(impostor) >= value) <= far]
    best = max([0.0] + [float(np.mean(np.array(genuine) >= value)) for value in allowed])
    if far * len(impostor) < 1 - 1e-9:
        with pytest.raises(EvaluationError, match="cannot show a false acceptance rate"):
            found.tar_at(far)
        return
    assert found.far(found.threshold_at(far)) <= far + 1e-12
    assert found.tar_at(far) == pytest.approx(best)


def test_the_curve_rises_and_has_the_right_area():
    generator = np.random.default_rng(0)
    genuine, impostor = generator.normal(1, 1, 4000), generator.normal(-1, 1, 200_000)
    found = Verification.of(genuine, impostor)
    far, tar = found.roc()
    assert len(far) <= 513
    assert (np.diff(far) >= 0).all()
    assert (np.diff(tar) >= 0).all()
    assert np.trapezoid(tar, far) == pytest.approx(found.auc, abs=2e-3)
    assert found.eer == pytest.approx(0.1587, abs=0.01)  # the normal distribution beyond one deviation
    assert found.tar_at(0.1587) == pytest.approx(0.8413, abs=0.01)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("cameras", [True, False])
def test_pairs_are_those_of_the_protocol(metric, cameras):
    query, gallery, qid, gid, qcam, gcam = golden_problem()
    query, gallery = query * 2, gallery * 3
    gid = np.where(np.arange(120) % 11 == 0, -1, gid)
    columns = (qid, gid, qcam, gcam) if cameras else (qid, gid)
    found = pair_scores(query, gallery, *columns, metric=metric)
    same = qid[:, None] == gid
    admissible = gid != -1
    genuine = same & admissible & ((qcam[:, None] != gcam) | (not cameras))
    impostor = ~same & admissible
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (query, gallery)]
    expected = units[0] @ units[1].T if metric == "cosine" else -np.linalg.norm(query[:, None] - gallery, axis=2)
    np.testing.assert_allclose(found.genuine, expected[genuine], atol=2e-6)
    np.testing.assert_array_equal(found.genuine_queries, np.nonzero(genuine)[0])
    np.testing.assert_allclose(np.sort(found.impostor), np.sort(expected[impostor]), atol=5e-6)
    assert found.pairs == impostor.sum()


def test_a_sample_of_impostors_is_kept_and_said():
    problem = golden_problem()
    whole = pair_scores(*problem)
    part = pair_scores(*problem, max_impostors=200, seed=1)
    assert part.pairs == whole.pairs
    assert 100 < part.impostor.size <= 200
    assert np.isin(part.impostor, whole.impostor).all()
    np.testing.assert_array_equal(part.impostor, pair_scores(*problem, max_impostors=200, seed=1).impostor)
    np.testing.assert_array_equal(part.genuine, whole.genuine)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Verification.of([], [1.0]), "no genuine scores"),
        (lambda: Verification.of([1.0], []), "no impostor scores"),
        (lambda: Verification.of([np.nan], [1.0]), "genuine scores hold NaN"),
        (lambda: Verification.of([1.0], [1.0]).tar_at(0), "between 0 and 1, not 0"),
        (lambda: Verification.of([1.0], [1.0] * 9).tar_at(0.1), "9 impostor scores cannot show .* of 0.1"),
        (lambda: pair_scores(np.eye(2), np.eye(2), [0, 1], [2, 3]), "no pair of one person"),
        (lambda: pair_scores(np.eye(2), np.eye(2), [0, 0], [0, 0]), "no pair of two people"),
        (lambda: pair_scores(np.eye(2), np.eye(2), [0, 1], [0, 1], max_impostors=0), "max_impostors"),
    ],
)
def test_what_cannot_be_verified_is_refused(call, message):
    with pytest.raises(EvaluationError, match=message):
        call()
