"""Rows that are appended to without copying those that are there."""

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

_ROOM = 1.25
_LEAST_ROOM = 65_536


class Growing(Generic[Scalar]):
    """An array whose first rows never change, so that whoever has them may read on while others are appended.

    Room for a quarter more is set aside; memory that nothing was written to costs nothing.

    Args:
        dtype: of the numbers.
        row: shape of a row.
        count: how many rows it will have at first.
    """

    def __init__(self, dtype: DTypeLike, row: tuple[int, ...], count: int) -> None:
        self._rows: NDArray[Any] = np.empty((self._capacity(count), *row), dtype)
        self._filled = 0

    @property
    def rows(self) -> NDArray[Scalar]:
        """All rows so far."""
        return self._rows[: self._filled]

    def append(self, rows: NDArray[Any]) -> None:
        """Put rows behind those that are there."""
        end = self._filled + len(rows)
        if end > len(self._rows):
            larger = np.empty((self._capacity(end), *self._rows.shape[1:]), self._rows.dtype)
            larger[: self._filled] = self.rows
            self._rows = larger
        self._rows[self._filled : end] = rows
        self._filled = end

    @staticmethod
    def _capacity(count: int) -> int:
        return max(round(_ROOM * count), count + _LEAST_ROOM)
