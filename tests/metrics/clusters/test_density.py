"""Clusters by density, against scikit-learn's DBSCAN."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.cluster import DBSCAN

from passerby.errors import EvaluationError
from passerby.metrics.clusters import density
from passerby.metrics.clusters.density import dbscan
from passerby.metrics.reranking import jaccard
from passerby.metrics.reranking.jaccard import jaccard_distances

cases = st.tuples(
    st.integers(1, 60),  # rows
    st.integers(1, 6),  # min_samples
    st.floats(0.02, 0.6),  # eps
    st.integers(1, 8),  # centres
    st.integers(0, 2**30),
)


@settings(max_examples=150, deadline=None)
@given(cases)
def test_labels_are_scikit_learn_s(case: tuple[int, int, float, int, int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for pairs in (1, 100, density.PAIRS_AT_ONCE):  # however many are looked at together
            patch.setattr(density, "PAIRS_AT_ONCE", pairs)
            _compare(case)


def _compare(case: tuple[int, int, float, int, int]) -> None:
    count, min_samples, eps, centres, seed = case
    generator = np.random.default_rng(seed)
    points = generator.normal(0, 0.05, (count, 2)) + generator.uniform(0, 1, (centres, 2))[np.arange(count) % centres]
    whole = np.linalg.norm(points[:, None] - points[None], axis=2)
    rows, columns = np.nonzero(whole < 0.7)
    stored = sparse.csr_array((whole[rows, columns], (rows, columns)), shape=whole.shape)
    expected = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit_predict(whole)
    np.testing.assert_array_equal(dbscan(stored, eps, min_samples=min_samples), expected)


def test_sparse_jaccard_distances_are_clustered() -> None:
    generator = np.random.default_rng(0)
    people = generator.normal(size=(6, 16)).repeat(12, 0)
    order = generator.permutation(72)
    features = (people + 0.2 * generator.normal(size=people.shape))[order]
    distances = jaccard_distances(features, k1=8, k2=3)
    labels = dbscan(distances, 0.6)
    expected = DBSCAN(eps=0.6, min_samples=4, metric="precomputed").fit_predict(sparse.csr_matrix(distances))
    np.testing.assert_array_equal(labels, expected)
    assert len(np.unique(labels[labels >= 0])) == 6
    truth = np.arange(6).repeat(12)[order]
    assert all(len(np.unique(truth[labels == cluster])) == 1 for cluster in range(6))


def test_parameters_out_of_range_are_refused() -> None:
    empty = sparse.csr_array((3, 3))
    with pytest.raises(EvaluationError, match="eps must be above 0"):
        dbscan(empty, 0.0)
    with pytest.raises(EvaluationError, match="min_samples at least 1"):
        dbscan(empty, 0.5, min_samples=0)
    np.testing.assert_array_equal(dbscan(empty, 0.5), [-1, -1, -1])


def test_a_dense_matrix_takes_little_memory_besides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(density, "PAIRS_AT_ONCE", 1 << 16)
    count = 1500
    dense = sparse.csr_array(np.zeros((count, count), dtype=np.float32) + 0.1)
    tracemalloc.start()
    labels = dbscan(dense, 0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not labels.any()
    assert peak < 6 * 2**20, "a copy of all pairs is held"


def test_more_near_pairs_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaccard, "most_bytes", lambda: 8 * 20 * 200)
    alike = np.ones((200, 4)) + 1e-3 * np.random.default_rng(0).normal(size=(200, 4))
    with pytest.raises(EvaluationError, match=r"of 40,000 pairs of images are near.*lower max_distance"):
        jaccard_distances(alike, k1=60, k2=20)
