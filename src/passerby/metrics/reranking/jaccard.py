"""Sparse Jaccard distances between the images of one set, for clustering without identities.

The same parts as re-ranking, without the original distance: of N² distances only those below one are stored, in the
form that scikit-learn's DBSCAN takes. Of trained features these are a few hundred per image; where features tell
little, nearly all pairs share something, and `max_distance` bounds what is stored.
"""

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers
from passerby.metrics.distances.all_pairs import Search, nearest_rows
from passerby.metrics.distances.distance import Distances, Metric
from passerby.metrics.reranking.jaccard_overlap import Overlap
from passerby.metrics.reranking.k_reciprocal import check_neighbourhoods
from passerby.metrics.reranking.reciprocal_encoding import average_neighbours, pair_distances, reciprocal_sets, weigh

if TYPE_CHECKING:
    from scipy import sparse


_BYTES_PER_PAIR = 8


def most_bytes() -> int:
    """Half of the machine's memory: what stored pairs may take."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def jaccard_distances(
    features: Any,
    *,
    k1: int = 30,
    k2: int = 6,
    max_distance: float | None = None,
    metric: Metric = "cosine",
    search: Search = "numpy",
) -> "sparse.csr_array":
    """Compute the Jaccard distances of k-reciprocal encodings that cluster-based training uses.

    Weights are exp(-d) of squared distances that are not divided by the largest one, as in published programs for
    clustering (re-ranking divides them). Pairs that are not stored have distance 1; the diagonal is stored, as zeros.
    `dbscan(distances, 0.6)` clusters them, as scikit-learn's DBSCAN does.

    Args:
        features: float [N, D], array or torch tensor; need not be normalised.
        k1: size of the reciprocal neighbourhoods.
        k2: images averaged over.
        max_distance: pairs farther than this are not stored either: a clustering that needs no others, such as DBSCAN
            with this `eps`, then takes memory for near pairs alone. By default all below 1 are stored.
        metric: `"cosine"` compares unit vectors.
        search: how neighbours are found, see `passerby.metrics.distances.all_pairs`.

    Returns:
        float32 [N, N], symmetric up to rounding, entries in [0, 1).

    Raises:
        EvaluationError: features that cannot be compared, `k1` or `k2` below 1, or more near pairs than memory holds.
    """
    check_neighbourhoods(k1, k2)
    distances = Distances(features, features, metric)
    rows = distances.candidates(np.arange(len(distances.gallery)))
    nearest = nearest_rows(distances, rows, max(k1 + 1, k2), search=search)
    sets = reciprocal_sets(nearest.indices, k1)
    encoding = average_neighbours(weigh(sets, pair_distances(sets, rows)), nearest, k2)
    overlap = Overlap(encoding, np.float32)
    pairs = _StoredPairs(encoding.shape[0])
    for row in range(encoding.shape[0]):
        touched, sums = overlap.sums(encoding, row)
        found = np.maximum(1 - sums / (2 - sums), 0).astype(np.float32)
        if max_distance is not None:
            near = found <= max_distance
            touched, found = touched[near], found[near]
        own = np.searchsorted(touched, row)
        if own == touched.size or touched[own] != row:  # a row without neighbours, not even itself
            touched, found = np.insert(touched, own, row), np.insert(found, own, 0)
        found[own] = 0
        pairs.add(row, touched, found)
    return pairs.matrix()


class _StoredPairs:
    """A sparse matrix that grows row by row; its columns are enlarged in place, so that no copy of them is held."""

    def __init__(self, count: int) -> None:
        self._starts = np.zeros(count + 1, dtype=np.int64)
        self._columns = np.empty(16 * count, dtype=np.int32)
        self._values = np.empty(16 * count, dtype=np.float32)

    def add(self, row: int, columns: Integers, values: NDArray[np.float32]) -> None:
        """Append the next row."""
        start = self._starts[row]
        stop = start + columns.size
        if stop > self._values.size:
            self._resize(int(stop) + self._values.size // 8)
        self._columns[start:stop], self._values[start:stop] = columns, values
        self._starts[row + 1] = stop

    def matrix(self) -> "sparse.csr_array":
        """Return the matrix [N, N]."""
        from scipy import sparse

        count, pairs = self._starts.size - 1, int(self._starts[-1])
        self._resize(pairs)
        starts = self._starts.astype(np.int32) if pairs < 2**31 else self._starts  # scipy widens columns to its type
        return sparse.csr_array((self._values, self._columns, starts), shape=(count, count))

    def _resize(self, size: int) -> None:
        if size * _BYTES_PER_PAIR > most_bytes():
            raise EvaluationError(
                f"more than {self._values.size:,} of {(self._starts.size - 1) ** 2:,} pairs of images are near, too "
                "many for memory: the features tell little apart: lower max_distance (a recipe's eps) or k1"
            )
        self._columns.resize(size, refcheck=False)
        self._values.resize(size, refcheck=False)
