"""DBSCAN on a sparse matrix of distances."""

from typing import TYPE_CHECKING

import numpy as np

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers

if TYPE_CHECKING:
    from scipy import sparse

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
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    if min_samples < 1 or not eps > 0:
        raise EvaluationError(f"eps must be above 0 and min_samples at least 1, not {eps} and {min_samples}")
    count = distances.shape[0]
    first = np.repeat(np.arange(count, dtype=np.int32), np.diff(distances.indptr))
    near = distances.data <= eps
    rows, columns = first[near], distances.indices[near]
    del first
    core = np.bincount(rows, minlength=count) >= min_samples
    joined = core[rows] & core[columns]
    graph = sparse.csr_array(
        (np.ones(np.count_nonzero(joined), dtype=np.int8), (rows[joined], columns[joined])), shape=(count, count)
    )
    _, component = connected_components(graph, directed=False)
    labels = np.full(count, OUTLIER, dtype=np.int64)
    _, first_of, numbered = np.unique(component[core], return_index=True, return_inverse=True)
    labels[core] = np.argsort(np.argsort(first_of))[numbered]
    border = core[columns] & ~core[rows]
    reached = np.full(count, count, dtype=np.int64)
    np.minimum.at(reached, rows[border], labels[columns[border]])
    labels[reached < count] = reached[reached < count]
    return labels
