"""Exact distances of whole blocks of pairs, by a matrix product in double precision."""

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.distances.distance import DOUBLE_ROUNDOFF, Distances, DoubleRows


def exact_block(distances: Distances, queries: DoubleRows, candidates: DoubleRows) -> NDArray[np.float32]:
    """Compute the distances [q, g] of all pairs, each bit for bit as `Distances.exact` gives it.

    |a|² + |b|² − 2·a·b and the sum over the squared differences, both in double precision, differ by at most
    (3D + 20) · 2⁻⁵³ · (|a| + |b|)². Where every value that near rounds to one float32, that is the distance; the few
    other pairs (about one in 50,000) are summed one by one. The library and its threads decide nothing.
    """
    product = np.matmul(queries.factors, candidates.factors.T)
    share = 2 * (3 * queries.factors.shape[1] + 20) * DOUBLE_ROUNDOFF  # (|a| + |b|)² is at most 2 (|a|² + |b|²)
    errors = share * queries.squares, share * candidates.squares
    exact, upper = np.empty(product.shape, dtype=np.float32), np.empty(product.shape[1], dtype=np.float32)
    error, shifted = np.empty((2, product.shape[1]))
    doubtful = np.empty(product.shape[1], dtype=bool)
    for row, values in enumerate(product):
        np.add(errors[1], errors[0][row], out=error)
        exact[row] = np.subtract(values, error, out=shifted)
        upper[:] = np.add(values, error, out=shifted)
        if np.not_equal(exact[row], upper, out=doubtful).any():
            columns = np.flatnonzero(doubtful)
            exact[row, columns] = distances.exact(int(queries.rows[row]), candidates.rows[columns])
    return exact
