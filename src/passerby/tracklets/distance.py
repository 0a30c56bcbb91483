"""Cosine distances whose value depends on the two vectors alone, never on block shapes, threads or the library.

Matrix products only screen; whatever is compared with a threshold or kept is summed row by row in double precision.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Integers = NDArray[np.int64]


class Rows(Protocol):
    """An array of which whole rows are read: a NumPy array, or one in a file (`array_file`)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and what each has."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: slice | Integers, /) -> NDArray[Any]: ...


TIE = 1e-7
"""Distances that differ by no more are equally far; the first in order is taken."""

NO_DIRECTION = 1e-6
"""The mean of unit vectors points nowhere when it is shorter than this; it is then at distance 1 from everything."""

_ROWS = 8192


def unit_vectors(features: NDArray[Any], numbers: Integers | None = None, *, centered: bool = False) -> Float64:
    """Features [N, D] as float64 rows of length 1.

    Args:
        features: float [N, D].
        numbers: int64 [N], what errors call the rows; by default 0, 1, …
        centered: whether the mean was subtracted, as errors say then.

    Raises:
        DataError: a row is zero, NaN or infinite.
    """
    rows = np.asarray(features, dtype=np.float64)
    norms = np.sqrt(row_products(rows, rows))
    broken = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
    if broken.size:
        number = broken[0] if numbers is None else numbers[broken[0]]
        raise DataError(
            f"feature {number} (from 0) is the mean of all features: leave out center"
            if centered
            else f"feature {number} (from 0) is zero, NaN or infinite: embed its image again, or drop its row"
        )
    unit: Float64 = rows / norms[:, None]
    return unit


def first_without_direction(features: NDArray[Any]) -> int | None:
    """The first of N features that is zero, NaN or infinite; None if there is none."""
    rows = np.asarray(features, dtype=np.float64)
    squares = row_products(rows, rows)
    broken = np.flatnonzero(~(np.isfinite(squares) & (squares > 0)))
    return int(broken[0]) if broken.size else None


def mean_direction(features: Rows, numbers: Integers | None = None) -> Float64:
    """The mean of features [N, D] at length 1, float64 [D], in one pass over them: all, or those of some rows.

    Raises:
        DataError: a row is zero, NaN or infinite.
    """
    numbers = np.arange(len(features)) if numbers is None else numbers
    total = np.zeros(features.shape[1])
    for start in range(0, numbers.size, _ROWS):
        some = numbers[start : start + _ROWS]
        total += unit_vectors(features[some], some).sum(axis=0)
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


def cosine_distances(left_rows: Rows, first: Integers, right_rows: Rows, second: Integers) -> Float64:
    """Cosine distance of P pairs of a row among some and a row among others, float64 [P]; 1 where a row is zero."""
    distances = np.empty(len(first))
    for start in range(0, len(first), _ROWS):
        part = slice(start, start + _ROWS)
        left = np.asarray(left_rows[first[part]], dtype=np.float64)
        right = np.asarray(right_rows[second[part]], dtype=np.float64)
        scale = np.sqrt(row_products(left, left) * row_products(right, right))
        product = row_products(left, right)
        distances[part] = 1.0 - np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    return distances
