"""Jaccard distances between rows of weights that each sum to one."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.arrays import Integers

if TYPE_CHECKING:
    from scipy import sparse


class Overlap:
    """Sums of minima between the rows of one encoding and all rows of another.

    Args:
        others: float32 [M, N], rows of weights that sum to one.
        dtype: float16 rounds every sum as a program does that stores it in half precision.
    """

    def __init__(self, others: "sparse.csr_array", dtype: Any) -> None:
        self._count = others.shape[0]
        columns = others.tocsc()
        columns.sort_indices()
        self._starts, self._rows, self._weights = columns.indptr, columns.indices, columns.data
        self._dtype = dtype

    def add_jaccard(self, line: NDArray[np.float32], encoding: "sparse.csr_array", row: int, share: float) -> None:
        """Add `share` times the Jaccard distances of this row of `encoding` to `line` [M], in place."""
        if self._dtype == np.float16:
            rounded = self._rounded_sums(*_entries(encoding, row))
            jaccard = np.float16(1) - rounded / (np.float16(2) - rounded)
            line += (jaccard * np.float16(share)).astype(np.float32)
            return
        touched, sums = self.sums(encoding, row)
        line += np.float32(share)
        line[touched] -= (share * (sums / (2 - sums))).astype(np.float32)

    def sums(self, encoding: "sparse.csr_array", row: int) -> tuple[Integers, NDArray[np.float64]]:
        """Find the others that share something with this row of `encoding`, ascending, and their sums of minima."""
        columns, weights = _entries(encoding, row)
        starts, lengths = self._starts[columns], self._starts[columns + 1] - self._starts[columns]
        places = np.arange(lengths.sum()) + np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        smaller = np.minimum(self._weights[places], np.repeat(weights, lengths))
        sums = np.bincount(self._rows[places], weights=smaller, minlength=self._count)
        touched = np.flatnonzero(sums).astype(np.int64, copy=False)
        return touched, sums[touched].astype(np.float64, copy=False)

    def _rounded_sums(self, columns: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float16]:
        """Add up minima [M], rounded to half precision after each addition, columns ascending."""
        sums = np.zeros(self._count, dtype=np.float16)
        for column, weight in zip(columns, weights, strict=True):
            part = slice(self._starts[column], self._starts[column + 1])
            sums[self._rows[part]] += np.minimum(self._weights[part], weight).astype(np.float16)
        return sums


def _entries(encoding: "sparse.csr_array", row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return columns and weights of one row."""
    part = slice(encoding.indptr[row], encoding.indptr[row + 1])
    return encoding.indices[part], encoding.data[part]
