import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import EvaluationError
from passerby.metrics.ranking import screened_counts
from passerby.metrics.ranking.feature_ranking import rank
from passerby.metrics.ranking.rank_metrics import RankingResult
from tests.golden import golden_values
from tests.metrics.ranking import oracle as slow


def golden_problem(name="ev"):
    features = golden_values(name, (126, 16))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    i, j = np.arange(6), np.arange(120)
    return features[:6], features[6:], i % 4, 7 * j % 5, i % 3, 5 * j % 3


def test_golden_values():
    result = rank(*golden_problem())
    assert result.mAP == pytest.approx(0.16396358, abs=5e-8)
    assert result.mINP == pytest.approx(0.154603, abs=5e-7)
    measured = [result.rank_at(k) for k in (1, 2, 5, 6)]
    assert measured == pytest.approx([0, 0.166667, 0.333333, 0.666667], abs=5e-7)
    assert result.camera_rule
    assert result.rank1 == 0
    assert result.valid_queries == 6


@pytest.mark.parametrize("name", ["ev", "another name", "seed 7"])
@pytest.mark.parametrize("ap", ["step", "trapezoid"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_agrees_with_the_obvious_way(name, ap, metric):
    problem = golden_problem(name)
    assert_same(rank(*problem, metric=metric, ap=ap), slow.oracle(*problem, metric=metric, ap=ap))


def assert_same(result: RankingResult, expected: slow.Oracle) -> None:
    valid = np.array([first is not None for first in expected.first_match])
    np.testing.assert_array_equal(result.valid, valid)
    for name in ("average_precision", "inverse_negative_penalty", "first_match"):
        column = getattr(expected, name)
        absent = 0 if name == "first_match" else np.nan
        np.testing.assert_allclose(getattr(result, name), [absent if x is None else x for x in column], rtol=1e-12)
    precisions = [x for x in expected.average_precision if x is not None]
    assert result.mAP == pytest.approx(np.mean(precisions), rel=1e-12)
    assert result.mINP == pytest.approx(np.mean([x for x in expected.inverse_negative_penalty if x is not None]))
    np.testing.assert_allclose(result.cmc, slow.cmc(expected.first_match, len(result.cmc)), rtol=1e-12)


@st.composite
def problems(draw):
    """Small problems full of ties: few integer features, few identities, few cameras, junk."""
    queries, gallery, dimensions = draw(st.integers(1, 5)), draw(st.integers(1, 14)), draw(st.integers(1, 4))
    vector = st.lists(st.integers(-2, 2), min_size=dimensions, max_size=dimensions).filter(any)
    features = [draw(st.lists(vector, min_size=n, max_size=n)) for n in (queries, gallery)]
    scale = draw(st.sampled_from([1.0, 0.1, 2.0**-80, 1e15]))
    qid = draw(st.lists(st.integers(0, 2), min_size=queries, max_size=queries))
    gid = draw(st.lists(st.integers(-1, 2), min_size=gallery, max_size=gallery))
    cameras = [None, None]
    if draw(st.booleans()):
        cameras = [np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))) for n in (queries, gallery)]
    return [np.float32(np.array(f) * scale) for f in features] + [np.array(qid), np.array(gid), *cameras]


@settings(max_examples=250, deadline=None)
@given(
    problem=problems(),
    metric=st.sampled_from(["cosine", "euclidean"]),
    ap=st.sampled_from(["step", "trapezoid"]),
    query_block=st.integers(1, 6),
    gallery_block=st.integers(1, 16),
)
def test_agrees_with_the_obvious_way_in_every_small_case(problem, metric, ap, query_block, gallery_block):
    expected = slow.oracle(*problem, metric=metric, ap=ap)
    arguments = {"metric": metric, "ap": ap, "query_block": query_block, "gallery_block": gallery_block, "max_rank": 20}
    if all(first is None for first in expected.first_match):
        with pytest.raises(EvaluationError, match="none of the"):
            rank(*problem, **arguments)
        return
    result = rank(*problem, **arguments)
    assert_same(result, expected)
    assert result.camera_rule == (problem[4] is not None)
    assert result.junk == np.count_nonzero(problem[3] == -1)


def test_copies_of_a_picture_tie_wherever_they_stand():
    """The same picture as match and as non-match: the one that comes first in the gallery decides, in any block."""
    generator = np.random.default_rng(0)
    pictures = generator.standard_normal((40, 37)).astype(np.float32)
    query = generator.standard_normal((7, 37)).astype(np.float32)
    for copies_first in (True, False):
        gallery = np.concatenate([pictures] * 9)
        identities = np.repeat(np.arange(9), 40)  # the first or the last copy of every picture is right
        right = 0 if copies_first else 8
        for query_block, gallery_block in [(7, 360), (1, 360), (3, 41), (2, 7), (7, 1)]:
            result = rank(
                query,
                gallery,
                np.full(7, right),
                identities,
                query_block=query_block,
                gallery_block=gallery_block,
            )
            # k-th nearest picture: 9 (k-1) images are nearer, and 0 or 8 copies of it come first
            expected = np.mean([k / (9 * (k - 1) + right + 1) for k in range(1, 41)])
            np.testing.assert_allclose(result.average_precision, expected, rtol=1e-12)


@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_blocks_never_change_the_result(shift):
    """Also where all features nearly coincide, as those of an untrained network do."""
    generator = np.random.default_rng(1)
    query, gallery = (np.float32(generator.standard_normal((n, 24)) + shift) for n in (12, 300))
    labels = [generator.integers(0, 6, n) for n in (12, 300, 12, 300)]
    reference = rank(query, gallery, *labels)
    for blocks in [(12, 299), (1, 300), (7, 64), (11, 13)]:
        result = rank(query, gallery, *labels, query_block=blocks[0], gallery_block=blocks[1])
        np.testing.assert_array_equal(result.average_precision, reference.average_precision)
        np.testing.assert_array_equal(result.first_match, reference.first_match)
    assert_same(reference, slow.oracle(query, gallery, *labels))


def test_constant_features_are_ranked_in_gallery_order():
    gallery_identities = np.tile(np.arange(50), 80)
    result = rank(np.ones((3, 8)), np.ones((4000, 8)), np.array([0, 7, 49]), gallery_identities, max_rank=50)
    np.testing.assert_array_equal(result.first_match, [1, 8, 50])
    np.testing.assert_allclose(result.inverse_negative_penalty, [80 / 3951, 80 / 3958, 80 / 4000])


def test_few_identities_with_thousands_of_matches_each():
    generator = np.random.default_rng(2)
    features = generator.standard_normal((3000, 8))
    identities = generator.integers(0, 2, 3000)
    result = rank(features[:40], features, identities[:40], identities)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    for row in range(40):
        distances = ((features - features[row]) ** 2).sum(axis=1).astype(np.float32)
        hits = (identities == identities[row])[np.argsort(distances, kind="stable")]
        expected = (np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1)).mean()
        assert result.average_precision[row] == pytest.approx(expected, rel=1e-9)


def test_the_product_is_never_larger_than_a_block(monkeypatch):
    sizes, pairs = [], []
    products = screened_counts._products

    def spied(block, candidates, buffer):
        sizes.append(buffer.size)
        for first, lines in products(block, candidates, buffer):
            assert lines.base is buffer or lines.base.base is buffer
            pairs.append(lines.size)
            yield first, lines

    monkeypatch.setattr(screened_counts, "_products", spied)
    monkeypatch.setattr(screened_counts, "PRODUCT_BYTES", 8 * 64 * 4)
    features = golden_values("blocks", (500, 8))
    rank(features[:90], features, np.arange(90) % 9, np.arange(500) % 9, query_block=16, gallery_block=64)
    assert len(pairs) == (5 * 2 + 2) * 8  # 90 queries are five blocks of 16, two products each, and one of 10
    assert max(sizes) == 8 * 64
    assert sum(pairs) == 90 * 500


def test_a_block_of_queries_shrinks_where_matches_are_many(monkeypatch):
    from passerby.metrics.ranking import matches

    monkeypatch.setattr(matches, "_PAIRS", 100)
    found = matches.Matches.of(30, 60, np.zeros(30, dtype=int), np.zeros(60, dtype=int))
    blocks = list(found.query_blocks(2048))
    assert [block.size for block in blocks] == [1] * 30
    np.testing.assert_array_equal(np.concatenate(blocks), np.arange(30))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_tensors_are_ranked_as_arrays(dtype):
    query, gallery, *labels = golden_problem()
    tensors = [torch.from_numpy(x).to(dtype).requires_grad_() for x in (query, gallery)]
    arrays = [x.detach().float().numpy() for x in tensors]
    result = rank(*tensors, *(torch.from_numpy(x) for x in labels))
    np.testing.assert_array_equal(result.average_precision, rank(*arrays, *labels).average_precision)


def test_a_gallery_shorter_than_the_curve_keeps_its_last_value():
    result = rank(np.eye(2), np.eye(2), [0, 1], [1, 0], max_rank=5)
    np.testing.assert_array_equal(result.cmc, [0, 1, 1, 1, 1])


def test_queries_without_a_match_count_in_no_mean():
    result = rank(np.eye(3), np.eye(3), [0, 1, 7], [0, 1, 2])
    np.testing.assert_array_equal(result.valid, [True, True, False])
    assert (result.mAP, result.mINP, result.rank1) == (1, 1, 1)
    assert np.isnan(result.average_precision[2])
    assert result.first_match[2] == 0


def test_without_cameras_the_same_camera_counts_and_the_result_says_so():
    features = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    without = rank(features[:1], features, [0], [0, 1, 0])
    with_cameras = rank(features[:1], features, [0], [0, 1, 0], [5], [5, 5, 6])
    assert (without.rank1, without.camera_rule) == (1, False)
    assert (with_cameras.rank1, with_cameras.camera_rule) == (0, True)


def test_dictionary_is_json_and_in_fractions():
    import json

    dictionary = json.loads(json.dumps(rank(*golden_problem(), max_rank=5).to_dict()))
    assert dictionary["rank5"] == pytest.approx(1 / 3)
    assert "rank10" not in dictionary
    assert (dictionary["queries"], dictionary["valid_queries"], dictionary["camera_rule"]) == (6, 6, True)


def spoiled(**changes):
    names = ("query_features", "gallery_features", "query_identities", "gallery_identities")
    problem = dict(zip((*names, "query_cameras", "gallery_cameras"), golden_problem(), strict=True))
    return problem | changes


def with_value(value, row):
    features = golden_problem()[1].copy()
    features[row, 3] = value
    return features


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gallery_features": with_value(np.nan, 5)}, "gallery features hold NaN .* in 1 of 120 rows, first in row 5"),
        ({"gallery_features": with_value(-np.inf, 0)}, "infinity"),
        ({"query_features": np.zeros((6, 16), np.float32)}, "query features are all zero in 6 of 6 rows"),
        ({"query_features": np.zeros((6, 16), np.uint8)}, "floating point, not uint8"),
        ({"query_features": np.ones((6, 15))}, "15 dimensions and gallery features 16"),
        ({"query_features": np.ones(6)}, r"shape \[N, D\], not \[6\]"),
        ({"query_features": np.ones((0, 16))}, "query features are empty"),
        ({"gallery_features": np.ones((0, 16))}, "gallery features are empty"),
        ({"query_identities": np.arange(5)}, r"query identities must have one entry per feature, shape \[6\]"),
        ({"gallery_identities": np.zeros(120)}, "gallery identities must be integer labels, not float64"),
        ({"query_identities": np.array([0, -1, 1, 1, -1, 2])}, "2 queries have identity -1"),
        ({"query_cameras": None}, "query cameras are missing"),
        ({"gallery_cameras": None}, "gallery cameras are missing"),
        ({"gallery_cameras": np.zeros(3, int)}, r"gallery cameras must have one entry per feature, shape \[120\]"),
        ({"query_identities": np.full(6, 99)}, "none of the 6 queries has an image of its identity in another camera"),
        ({"gallery_identities": np.full(120, -1)}, "none of the 6 queries"),
        ({"max_rank": 0}, "max_rank must be at least 1"),
        ({"gallery_block": 0}, "gallery_block must be at least 1"),
        ({"metric": "hamming"}, "metric 'hamming' is not known"),
        ({"ap": "area"}, "ap 'area' is not known"),
    ],
)
def test_what_cannot_be_ranked_is_refused_in_one_line(changes, message):
    with pytest.raises(EvaluationError, match=message) as caught:
        rank(**spoiled(**changes))
    assert "\n" not in str(caught.value)


def test_a_rank_beyond_the_curve_is_refused():
    with pytest.raises(EvaluationError, match="pass max_rank=10"):
        rank(*golden_problem(), max_rank=5).rank_at(10)


def test_ranking_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, passerby; import numpy as np; passerby.rank(np.eye(2), np.eye(2), [0, 1], [0, 1]);"
    subprocess.run([sys.executable, "-c", code + "sys.exit('torch' in sys.modules)"], check=True)
