"""DBSCAN on a sparse matrix of distances."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers

if TYPE_CHECKING:
    from scipy import sparse

PAIRS_AT_ONCE = 1 << 22
"""Stored pairs looked at together: of dense matrices a few rows."""

OUTLIER = -1
"""The label of rows that belong to no cluster."""


def dbscan(distances: "sparse.csr_array", eps: float, *, min_samples: int = 4) -> Integers:
    """Cluster by DBSCAN (Ester et al. 1996): dense rows that are neighbours share a cluster.

    A row with `min_samples` neighbours within `eps`, itself among them, is a core. Cores that are neighbours belong to
    one cluster; another row belongs to the first cluster that has a core among its neighbours, or to none.

    Args:
        distances: [N, N], symmetric up to rounding; pairs that are not stored are farther than `eps`. Stored zeros
            count, on the diagonal too.
        eps: largest distance of neighbours.
        min_samples: see above.

    Returns:
        int64 [N], clusters `0..K-1` in the order of their first core; -1 for outliers.

    Raises:
        EvaluationError: `min_samples` below 1, or `eps` not above 0.
    """
    core, component = dense_components(distances, eps, min_samples, np.arange(distances.shape[0]))
    count = core.size
    labels = np.full(count, OUTLIER, dtype=np.int64)
    _, first_of, numbered = np.unique(component[core], return_index=True, return_inverse=True)
    labels[core] = np.argsort(np.argsort(first_of))[numbered]
    reached = np.full(count, count, dtype=np.int64)
    for rows, columns in near_pairs(distances, eps):
        border = core[columns] & ~core[rows]
        np.minimum.at(reached, rows[border], labels[columns[border]])
    labels[reached < count] = reached[reached < count]
    return labels


def dense_components(
    distances: "sparse.csr_array", eps: float, min_samples: int, component: Integers
) -> tuple[NDArray[np.bool_], Integers]:
    """Which rows are cores, bool [N], and components, int64 [N], each the number of one of its rows.

    Args:
        distances: as of `dbscan`.
        eps: likewise.
        min_samples: likewise.
        component: int64 [N], those that are one to begin with.

    Raises:
        EvaluationError: as of `dbscan`.
    """
    if min_samples < 1 or not eps > 0:
        raise EvaluationError(f"eps must be above 0 and min_samples at least 1, not {eps} and {min_samples}")
    neighbours = np.zeros(component.size, dtype=np.int64)
    for rows, _ in near_pairs(distances, eps):
        neighbours += np.bincount(rows, minlength=component.size)
    core = neighbours >= min_samples
    for rows, columns in near_pairs(distances, eps):
        joined = core[rows] & core[columns]
        component = _joined(component, rows[joined], columns[joined])
    return core, component


def near_pairs(distances: "sparse.csr_array", eps: float) -> Iterator[tuple[Integers, Integers]]:
    """Rows and columns of the neighbours, a bounded number of stored pairs at a time: all may take many gigabytes."""
    starts = np.asarray(distances.indptr, dtype=np.int64)
    begin, count = 0, starts.size - 1
    while begin < count:
        end = max(int(np.searchsorted(starts, starts[begin] + PAIRS_AT_ONCE, side="right")) - 1, begin + 1)
        part = slice(starts[begin], starts[end])
        near = distances.data[part] <= eps
        rows = np.repeat(np.arange(begin, end), np.diff(starts[begin : end + 1]))
        yield rows[near], distances.indices[part][near]
        begin = end


def _joined(component: Integers, rows: Integers, columns: Integers) -> Integers:
    """Components, each the number of one of its rows, after these pairs of rows have been joined."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    count = component.size
    ends = (np.concatenate([rows, np.arange(count)]), np.concatenate([columns, component]))
    graph = sparse.csr_array((np.ones(ends[0].size, dtype=np.int8), ends), shape=(count, count))
    _, number = connected_components(graph, directed=False)
    _, first = np.unique(number, return_index=True)
    return np.asarray(first[number])
