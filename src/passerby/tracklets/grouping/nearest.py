"""Links without an order: each tracklet's nearest neighbours wherever they stand, by faiss."""

from typing import Any

import numpy as np

from passerby.errors import DeviceError
from passerby.tracklets.distance import Rows, cosine_distances
from passerby.tracklets.grouping.links import Links

EXACT_UP_TO = 50_000
"""So many tracklets are compared in full; more through an inverted file, which may miss neighbours."""

_ROWS = 4096
_SEED = 0


def neighbour_links(centroids: Rows, sigma: float, neighbours: int) -> Links:
    """The pairs in which one is among the other's `neighbours` nearest, and nearer than or at sigma.

    Args:
        centroids: float32 [N, D] of length 1, in any order.
        sigma: longest distance of a link.
        neighbours: how many neighbours of each are looked at.

    Raises:
        DeviceError: faiss is not installed.
    """
    if len(centroids) < 2:
        return Links(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    index = _index(centroids)
    pairs = []
    for start in range(0, len(centroids), _ROWS):
        nearest = index.search(np.ascontiguousarray(centroids[start : start + _ROWS]), neighbours + 1)[1]
        rows = np.repeat(np.arange(start, start + len(nearest)), nearest.shape[1])
        others = nearest.ravel().astype(np.int64)
        usable = (others >= 0) & (others != rows)
        pairs.append(np.stack([np.minimum(rows, others), np.maximum(rows, others)])[:, usable])
    first, second = np.unique(np.concatenate(pairs, axis=1), axis=1)
    distance = cosine_distances(centroids, first, centroids, second)
    return Links(first, second, distance).take(np.flatnonzero(distance <= sigma))


def _index(centroids: Rows) -> Any:
    """A filled index for inner products: flat, or an inverted file with a fixed seed."""
    try:
        import faiss
    except ImportError as error:
        raise DeviceError(
            "linking without an order needs faiss: pip install 'passerby[faiss]', or use search=range"
        ) from error
    count, dim = centroids.shape
    if count <= EXACT_UP_TO:
        index: Any = faiss.IndexFlatIP(dim)
        index.add(np.ascontiguousarray(centroids[:]))
        return index
    lists = int(4 * np.sqrt(count))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = _SEED
    sample = np.random.default_rng(_SEED).choice(count, min(count, 40 * lists), replace=False)
    index.train(np.ascontiguousarray(centroids[np.sort(sample)]))
    for start in range(0, count, 65536):
        index.add(np.ascontiguousarray(centroids[start : start + 65536]))
    index.nprobe = max(8, lists // 32)
    return index
