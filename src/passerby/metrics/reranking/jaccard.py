"""Sparse Jaccard distances between the images of one set, for clustering without identities.

The same parts as re-ranking, without the original distance: of N² distances only those below one are stored, a few
hundred per image, in the form that scikit-learn's DBSCAN takes.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from passerby.metrics.distances.all_pairs import Search, nearest_rows
from passerby.metrics.distances.distance import Distances, Metric
from passerby.metrics.reranking.jaccard_overlap import Overlap
from passerby.metrics.reranking.k_reciprocal import check_neighbourhoods
from passerby.metrics.reranking.reciprocal_encoding import average_neighbours, pair_distances, reciprocal_sets, weigh

if TYPE_CHECKING:
    from scipy import sparse


def jaccard_distances(
    features: Any, *, k1: int = 30, k2: int = 6, metric: Metric = "cosine", search: Search = "numpy"
) -> "sparse.csr_array":
    """Compute the Jaccard distances of k-reciprocal encodings that cluster-based training uses.

    Weights are exp(-d) of squared distances that are not divided by the largest one, as in published programs for
    clustering (re-ranking divides them). Pairs that are not stored have distance 1; the diagonal is stored, as zeros.
    `sklearn.cluster.DBSCAN(eps=0.6, metric="precomputed").fit_predict(sparse.csr_matrix(distances))` clusters them, for
    any `eps` below 1.

    Args:
        features: float [N, D], array or torch tensor; need not be normalised.
        k1: size of the reciprocal neighbourhoods.
        k2: images averaged over.
        metric: `"cosine"` compares unit vectors.
        search: how neighbours are found, see `passerby.metrics.distances.all_pairs`.

    Returns:
        float32 [N, N], symmetric up to rounding, entries in [0, 1).

    Raises:
        EvaluationError: features that cannot be compared, or `k1` or `k2` below 1.
    """
    from scipy import sparse

    check_neighbourhoods(k1, k2)
    distances = Distances(features, features, metric)
    rows = distances.candidates(np.arange(len(distances.gallery)))
    nearest = nearest_rows(distances, rows, max(k1 + 1, k2), search=search)
    sets = reciprocal_sets(nearest.indices, k1)
    encoding = average_neighbours(weigh(sets, pair_distances(sets, rows)), nearest, k2)
    overlap = Overlap(encoding, np.float32)
    count = encoding.shape[0]
    starts = np.zeros(count + 1, dtype=np.int64)
    columns, values = [], []
    for row in range(count):
        touched, sums = overlap.sums(encoding, row)
        found = np.maximum(1 - sums / (2 - sums), 0).astype(np.float32)
        own = np.searchsorted(touched, row)
        if own == touched.size or touched[own] != row:  # a row without neighbours, not even itself
            touched, found = np.insert(touched, own, row), np.insert(found, own, 0)
        found[own] = 0
        columns.append(touched.astype(np.int32))
        values.append(found)
        starts[row + 1] = starts[row] + touched.size
    return sparse.csr_array((np.concatenate(values), np.concatenate(columns), starts), shape=(count, count))
