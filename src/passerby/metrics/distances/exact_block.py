"""Exact distances of whole blocks of pairs, by a matrix product in double precision."""

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.distances.distance import Distances, DoubleRows

_UNIT_ROUNDOFF = 2.0**-53
"""Largest relative error of rounding to float64."""

_CACHED_PAIRS = 2**15
"""Pairs whose distances are rounded at a time: their float64 values stay in the cache."""


def exact_block(distances: Distances, queries: DoubleRows, candidates: DoubleRows) -> NDArray[np.float32]:
    """Compute the distances [q, g] of all pairs, each bit for bit as `Distances.exact` gives it.

    |a|² + |b|² − 2·a·b and the sum over the squared differences, both in double precision, differ by at most
    (2D + 20) · 2⁻⁵³ · (|a| + |b|)². Where every value that near rounds to one float32, that is the distance; the few
    other pairs (about one in 100,000) are summed one by one. The library and its threads decide nothing.
    """
    product = np.matmul(queries.centred * -2, candidates.centred.T)
    share = 2 * (2 * queries.centred.shape[1] + 20) * _UNIT_ROUNDOFF  # (|a| + |b|)² is at most 2 (|a|² + |b|²)
    lower = queries.squares * (1 - share), candidates.squares * (1 - share)
    upper = queries.squares * (1 + share), candidates.squares * (1 + share)
    exact = np.empty(product.shape, dtype=np.float32)
    step = max(1, _CACHED_PAIRS // max(1, product.shape[1]))
    for start in range(0, len(product), step):
        part = slice(start, start + step)
        values = product[part]
        found = exact[part]
        np.add(values + lower[1], lower[0][part, None], out=found, casting="same_kind")
        values += upper[1]
        values += upper[0][part, None]
        doubtful = found != values.astype(np.float32)
        for row in np.flatnonzero(doubtful.any(axis=1)):
            columns = np.flatnonzero(doubtful[row])
            found[row, columns] = distances.exact(int(queries.rows[start + row]), candidates.rows[columns])
    return exact
