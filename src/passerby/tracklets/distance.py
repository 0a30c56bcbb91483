"""Cosine distances whose value depends on the two vectors alone, never on block shapes, threads or the library.

Matrix products only screen; whatever is compared with a threshold or kept is summed row by row in double precision.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Integers = NDArray[np.int64]

TIE = 1e-7
"""Distances that differ by no more are equally far; the first in order is taken."""

NO_DIRECTION = 1e-6
"""The mean of unit vectors points nowhere when it is shorter than this; it is then at distance 1 from everything."""

_ROWS = 8192


def unit_rows(features: NDArray[Any], numbers: Integers | None = None) -> Float64:
    """Features [N, D] as float64 rows of length 1.

    Raises:
        DataError: a row is zero, NaN or infinite; the message calls it by its entry in `numbers` [N], if given.
    """
    rows = np.asarray(features, dtype=np.float64)
    norms = np.sqrt(row_products(rows, rows))
    broken = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
    if broken.size:
        raise DataError(
            f"feature {broken[0] if numbers is None else numbers[broken[0]]} (from 0) is zero, NaN or infinite: embed "
            "its image again, or drop its row"
        )
    unit: Float64 = rows / norms[:, None]
    return unit


def mean_direction(features: NDArray[Any], numbers: Integers | None = None) -> Float64:
    """The mean of features [N, D] at length 1, float64 [D], in one pass over them: all, or those of some rows.

    Raises:
        DataError: a row is zero, NaN or infinite.
    """
    numbers = np.arange(len(features)) if numbers is None else numbers
    total = np.zeros(features.shape[1])
    for start in range(0, numbers.size, _ROWS):
        some = numbers[start : start + _ROWS]
        total += unit_rows(features[some], some).sum(axis=0)
    return total / numbers.size


def row_products(first: Float64, second: Float64) -> Float64:
    """The inner product of each row with the row beside it, float64 [N]."""
    products: Float64 = np.add.reduce(np.multiply(first, second), axis=1)
    return products


def products_with(rows: Float64, vector: Float64) -> Float64:
    """The inner product of each row [N, D] with one vector [D], float64 [N]."""
    products: Float64 = np.einsum("nd,d->n", rows, vector)
    return products


def group_sums(rows: Float64, offsets: Integers) -> Float64:
    """The sum of each group of rows, float64 [G, D]; group g is `rows[offsets[g]:offsets[g + 1]]` and may be empty."""
    sums = np.zeros((len(offsets) - 1, rows.shape[1]))
    filled = np.flatnonzero(offsets[1:] > offsets[:-1])
    if filled.size:
        sums[filled] = np.add.reduceat(rows[: offsets[-1]], offsets[filled], axis=0)
    return sums


def directions(sums: Float64, counts: Integers) -> Float64:
    """Sums of unit vectors [G, D] at length 1; a zero row where they point nowhere."""
    norms = np.sqrt(row_products(sums, sums))
    usable = norms > NO_DIRECTION * np.maximum(counts, 1)
    unit: Float64 = sums / np.where(usable, norms, 1.0)[:, None]
    unit[~usable] = 0.0
    return unit


def pair_distances(centroids: Float32 | Float64, first: Integers, second: Integers) -> Float64:
    """Cosine distance of pairs of rows, float64 [P]; 1 where a row is zero."""
    found = np.empty(len(first))
    for start in range(0, len(first), _ROWS):
        left, right = (np.asarray(centroids[ends[start : start + _ROWS]], dtype=np.float64) for ends in (first, second))
        scale = np.sqrt(row_products(left, left) * row_products(right, right))
        product = row_products(left, right)
        found[start : start + _ROWS] = 1.0 - np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    return found
