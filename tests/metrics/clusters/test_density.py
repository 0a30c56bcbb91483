"""Clusters by density, against scikit-learn's DBSCAN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.cluster import DBSCAN

from passerby.errors import EvaluationError
from passerby.metrics.clusters.density import dbscan
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
