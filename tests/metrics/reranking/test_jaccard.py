import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score

from passerby.errors import EvaluationError
from passerby.metrics.clusters.density import dbscan
from passerby.metrics.reranking import jaccard
from passerby.metrics.reranking.jaccard import jaccard_distances
from tests.metrics.reranking.dense_rerank import reciprocal
from tests.metrics.reranking.test_k_reciprocal import people


def dense_jaccard(features, k1, k2):
    """Row by row from the definition, in double precision."""
    rows = features / np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    distances = ((rows[:, None] - rows) ** 2).sum(axis=2)
    ranking = np.argsort(distances.astype(np.float32), axis=1, kind="stable")
    encoding = np.zeros_like(distances)
    for row in range(len(rows)):
        near = set(reciprocal(ranking, row, k1))
        members = set(near)
        for other in near:
            candidates = set(reciprocal(ranking, other, int(np.around(k1 / 2))))
            if len(near & candidates) > 2 / 3 * len(candidates):
                members |= candidates
        members = sorted(members)
        encoding[row, members] = np.exp(-distances[row, members]) / np.exp(-distances[row, members]).sum()
    encoding = np.stack([encoding[ranking[row, :k2]].mean(axis=0) for row in range(len(rows))])
    shared = np.minimum(encoding[:, None], encoding).sum(axis=2)
    return 1 - shared / (2 - shared)


@pytest.mark.parametrize(("k1", "k2"), [(30, 6), (10, 1), (5, 20)])
def test_agrees_with_the_dense_way(k1, k2):
    features = people(100)
    found = jaccard_distances(features, k1=k1, k2=k2)
    dense = np.ones((100, 100))
    rows = np.repeat(np.arange(100), np.diff(found.indptr))
    dense[rows, found.indices] = found.data
    np.testing.assert_allclose(dense, dense_jaccard(features, k1, k2), atol=2e-6)
    assert (found.diagonal() == 0).all()
    assert found.nnz < 100 * 100 or k1 == 30
    assert (found.data < 1).all()


def test_clusters_are_people():
    generator = np.random.default_rng(1)
    identities = np.repeat(np.arange(25), 12)
    features = generator.standard_normal((25, 64))[identities] + 0.5 * generator.standard_normal((300, 64))
    distances = jaccard_distances(features.astype(np.float32), k1=12)
    clusters = DBSCAN(eps=0.6, min_samples=4, metric="precomputed").fit_predict(sparse.csr_matrix(distances))
    assert adjusted_rand_score(identities, clusters) > 0.99


def test_few_images_and_copies():
    found = jaccard_distances(np.ones((1, 3)))
    assert found.shape == (1, 1)
    copies = jaccard_distances(np.repeat(np.eye(2), 40, axis=0), k1=5)
    assert (copies.diagonal() == 0).all()
    assert copies.max() < 1
    rows = np.repeat(np.arange(80), np.diff(copies.indptr))
    assert (rows // 40 == copies.indices // 40).all()


def test_pairs_beyond_the_largest_distance_are_not_stored():
    features = people(100)
    whole, near = jaccard_distances(features, k1=10), jaccard_distances(features, k1=10, max_distance=0.6)
    dense = whole.toarray()
    rows = np.repeat(np.arange(100), np.diff(whole.indptr))
    stored = whole.data <= 0.6
    assert 0 < near.nnz < whole.nnz
    np.testing.assert_array_equal(near.indices, whole.indices[stored])
    np.testing.assert_array_equal(near.data, dense[rows[stored], whole.indices[stored]])
    np.testing.assert_array_equal(dbscan(near, 0.6), dbscan(whole, 0.6))


def test_a_dense_result_takes_little_more_than_itself():
    columns, values = np.arange(1500), np.linspace(0, 0.9, 1500, dtype=np.float32)
    tracemalloc.start()
    try:
        pairs = jaccard._StoredPairs(1500)
        for row in range(1500):
            pairs.add(row, columns, values)
        found = pairs.matrix()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.nnz == 1500**2
    np.testing.assert_array_equal(found[[0, 700, 1499]].toarray(), np.tile(values, (3, 1)))
    assert peak < 1.2 * 8 * 1500**2  # float32 and int32 of each pair


def test_sizes_below_one_are_refused():
    with pytest.raises(EvaluationError, match="k1 must be at least 1"):
        jaccard_distances(np.eye(3), k1=0)
