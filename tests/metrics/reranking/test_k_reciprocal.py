import builtins

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import DeviceError, EvaluationError
from passerby.metrics.distances import all_pairs, sweep
from passerby.metrics.distances.all_pairs import nearest_rows
from passerby.metrics.distances.distance import Distances
from passerby.metrics.ranking.distance_ranking import rank_distances
from passerby.metrics.reranking.k_reciprocal import rerank
from passerby.metrics.reranking.reciprocal_encoding import half_neighbourhood
from tests.metrics.ranking.test_feature_ranking import golden_problem
from tests.metrics.reranking.dense_rerank import dense_k_reciprocal


def test_golden_values_as_published():
    """To what one weight on the edge between two half-precision numbers, on another machine, could change."""
    query, gallery, *labels = golden_problem()
    distances = rerank(query, gallery, k1=6, k2=3, variant="original")
    assert distances.dtype == np.float32
    np.testing.assert_allclose(distances[0, :4], [0.944548, 0.705591, 0.787492, 0.889399], atol=3e-5)
    assert distances.astype(np.float64).sum() == pytest.approx(617.24884, abs=2e-3)
    assert rank_distances(distances, *labels).mAP == pytest.approx(0.168601, abs=1e-5)


def test_golden_values_in_single_precision():
    """The values written down for single precision come from a program whose weights still are half precision."""
    query, gallery, *labels = golden_problem()
    noted = dense_k_reciprocal(query, gallery, 6, 3, weights=np.float16, averages=np.float16)
    assert noted[0, 0] == pytest.approx(0.944439, abs=2e-6)
    assert noted.sum(dtype=np.float64) == pytest.approx(617.119, abs=1e-3)
    distances = rerank(query, gallery, k1=6, k2=3)
    assert distances[0, 0] == pytest.approx(0.944439, abs=2e-5)
    assert distances.sum(dtype=np.float64) == pytest.approx(617.119, abs=2e-3)
    assert rank_distances(distances, *labels).mAP == pytest.approx(0.168573, abs=1e-6)


def people(count=90, dimensions=24, identities=18, noise=0.7, seed=0):
    """Features of a few pictures per person: neighbourhoods that are really reciprocal."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((identities, dimensions))
    rows = centres[generator.integers(0, identities, count)] + noise * generator.standard_normal((count, dimensions))
    return rows.astype(np.float32)


@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (50, 15), (7, 1), (5, 3), (1, 1), (300, 6), (4, 300)])
def test_agrees_with_the_dense_way(k1, k2):
    features = people()
    jaccard = dense_k_reciprocal(features[:12], features[12:], k1, k2, 0.0)
    original = dense_k_reciprocal(features[:12], features[12:], 1, 1, 1.0)
    for share in (0.3, 0.0, 1.0):
        found = rerank(features[:12], features[12:], k1=k1, k2=k2, lambda_value=share)
        np.testing.assert_allclose(found, (1 - share) * jaccard + share * original, atol=3e-6)


@pytest.mark.parametrize("seed", range(4))
def test_half_precision_agrees_with_the_dense_way_to_the_bit_of_half_precision(seed):
    features = people(seed=seed)
    half = np.float16
    expected = dense_k_reciprocal(features[:12], features[12:], 10, 4, 0.3, half, half, half)
    found = rerank(features[:12], features[12:], k1=10, k2=4, variant="original")
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.mean(np.abs(found - expected) < 3e-7) > 0.97  # a weight on the edge may round to the other side


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(2, 24), k1=st.integers(1, 8), k2=st.integers(1, 5))
def test_copies_and_ties_are_decided_as_in_the_dense_way(data, count, k1, k2):
    values = st.lists(st.integers(-2, 2), min_size=2, max_size=2).filter(any)
    features = np.array(data.draw(st.lists(values, min_size=count, max_size=count)), dtype=np.float32)
    if len(np.unique(features / np.linalg.norm(features, axis=1, keepdims=True), axis=0)) == 1:
        return  # all distances are zero, and the published way divides by the largest
    queries = data.draw(st.integers(1, count - 1))
    with np.errstate(invalid="ignore"):  # no neighbours, no weights
        expected = dense_k_reciprocal(features[:queries], features[queries:], k1, k2)
    found = rerank(features[:queries], features[queries:], k1=k1, k2=k2)
    np.testing.assert_allclose(found, np.nan_to_num(expected, nan=1.0), atol=3e-6)


def test_one_picture_many_times_is_all_alike():
    found = rerank(np.ones((2, 4)), np.ones((30, 4)), k1=5, k2=2)
    assert found.shape == (2, 30)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("search", ["numpy", "torch", "faiss"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_every_search_finds_the_same_neighbours(search, metric, monkeypatch):
    if search == "faiss":
        pytest.importorskip("faiss")
    monkeypatch.setattr(sweep, "_BLOCK", 70)
    monkeypatch.setattr(sweep, "_STRIP", 16)
    features = people(500)
    features[100:200] = features[:100]  # copies
    features[300:340] = features[0]  # more copies than candidates are kept
    distances = Distances(features, features, metric)
    shown = np.full((500, 500), np.nan, dtype=np.float32)

    def observe(rows, columns, values):
        shown[rows, columns] = values

    rows = distances.candidates(np.arange(500))
    found = nearest_rows(distances, rows, 9, search=search, observe=observe)
    for row in range(500):
        exact = distances.exact(row, np.arange(500))
        order = np.argsort(exact, kind="stable")[:9]
        np.testing.assert_array_equal(found.indices[row], order)
        np.testing.assert_allclose(found.distances[row], exact[order], rtol=1e-5, atol=2e-6)
        np.testing.assert_allclose(shown[row, row:], -exact[row:] / 2, rtol=1e-5, atol=2e-6)
        assert found.farthest[row] == pytest.approx(exact.max(), rel=1e-5)


@pytest.mark.parametrize("search", ["torch", "faiss"])
def test_every_search_gives_the_same_distances(search):
    """But for the last digit: the original distances are those of the search's own product."""
    if search == "faiss":
        pytest.importorskip("faiss")
    features = people(300)
    found, expected = (rerank(features[:40], features[40:], search=each) for each in (search, "numpy"))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(1, 40), k=st.integers(1, 45), block=st.integers(1, 50))
def test_neighbours_of_few_and_equal_rows(data, count, k, block):
    values = st.lists(st.integers(-1, 1), min_size=2, max_size=2)
    features = np.array(data.draw(st.lists(values, min_size=count, max_size=count)), dtype=np.float32)
    distances = Distances(features, features, "euclidean")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "_BLOCK", block)
        patch.setattr(sweep, "_STRIP", max(1, block // 3))
        patch.setattr(all_pairs, "_SPARE", 2)
        patch.setattr(sweep, "_SAMPLE", data.draw(st.integers(1, 20)))
        found = nearest_rows(distances, distances.candidates(np.arange(count)), k)
    assert found.indices.shape == (count, min(k, count))
    for row in range(count):
        order = np.argsort(((features - features[row]) ** 2).sum(axis=1), kind="stable")[:k]
        np.testing.assert_array_equal(found.indices[row], order)


def test_two_thirds_are_two_thirds_in_whole_numbers():
    sizes = np.arange(1, 2000)
    for shared in (sizes * 2 // 3 - 1, sizes * 2 // 3, sizes * 2 // 3 + 1):
        np.testing.assert_array_equal(3 * shared > 2 * sizes, shared > 2 / 3 * sizes)


def test_halves_are_rounded_to_even():
    assert [half_neighbourhood(k) for k in (1, 2, 3, 4, 5, 6, 7, 20, 50)] == [0, 1, 2, 2, 2, 3, 4, 10, 25]


def test_faiss_that_is_not_installed_is_named(monkeypatch):
    import_module = builtins.__import__

    def without_faiss(name, *rest, **options):
        if name == "faiss":
            raise ImportError(name)
        return import_module(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without_faiss)
    with pytest.raises(DeviceError, match="pip install faiss-cpu"):
        rerank(*golden_problem()[:2], search="faiss")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k1": 0}, "k1 must be at least 1"),
        ({"k2": 0}, "k2 must be at least 1"),
        ({"lambda_value": 1.5}, "lambda_value must be between 0 and 1"),
        ({"variant": "half"}, "variant 'half' is not known"),
        ({"search": "hnsw"}, "search 'hnsw' is not known"),
        ({"gallery": np.ones((5, 3))}, "16 dimensions and gallery features 3"),
        ({"gallery": np.full((5, 16), np.nan)}, "gallery features hold NaN or infinity in 5 of 5 rows"),
        ({"query": np.full((5, 16), np.inf)}, "query features hold NaN or infinity in 5 of 5 rows"),
        ({"query": np.zeros((2, 16), np.float32)}, "query features are all zero in 2 of 2 rows"),
    ],
)
def test_what_cannot_be_reranked_is_refused(changes, message):
    query, gallery = golden_problem()[:2]
    with pytest.raises(EvaluationError, match=message):
        rerank(**({"query": query, "gallery": gallery} | changes))


def test_reranking_does_not_import_torch():
    import subprocess
    import sys

    code = (
        "import sys; import numpy as np; from passerby.metrics.reranking.k_reciprocal import rerank;"
        "rerank(np.eye(2, 4), np.eye(4)); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240)
