"""All features of one model in memory, kept in step with the gallery, and the exact search in them."""

import threading

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.columns.columns import Columns
from passerby.gallery.columns.reading import ReadColumns
from passerby.gallery.database import Database
from passerby.gallery.schema import read_setting
from passerby.gallery.vectors import widened

_BLOCK = 1_024
"""Rows at a time where they are copied first: a processor's cache holds them."""

_GATHERING_COSTS, _GATHERING_HALVES_COSTS = 6, 3
"""How many times longer it takes to gather a row and multiply it than to multiply it in its place; of float16, 3."""


class Matrix:
    """The columns of one model, read again only as far as the gallery has changed.

    Args:
        database: of the gallery.
        model: the model's row.
        dim: length of its features.
    """

    def __init__(self, database: Database, model: int, dim: int) -> None:
        self._database, self.model, self.dim = database, model, dim
        self._lock = threading.Lock()
        self._read: ReadColumns | None = None
        self._state: tuple[str, str] | None = None
        self._columns: Columns | None = None

    def columns(self) -> Columns:
        """The columns as the gallery is now."""
        with self._lock, self._database.reading() as transaction:
            removals = read_setting(transaction, "removals") or "0"
            moves = read_setting(transaction, "moves") or "0"
            asked_again = self._read is not None
            if self._read is None or self._state is None or self._state[0] != removals:
                self._read, self._columns = ReadColumns(transaction, self.model, self.dim), None
            changed = self._read.read_on(transaction)
            changed |= asked_again and self._read.widen()
            if changed or self._columns is None or self._state != (removals, moves):
                self._columns = self._read.columns(transaction)
            self._state = removals, moves
            return self._columns


def best(
    columns: Columns, query: NDArray[np.float32], rows: NDArray[np.int64] | None, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The rows nearest to a query among some, exactly: similar ones first, equal ones by age.

    Args:
        columns: where to search.
        query: float32 [D], of length 1.
        rows: int64 [M], ascending, which to compare; None for all.
        count: how many at most.

    Returns:
        Rows int64 [K] and their cosines float32 [K].
    """
    similarity = _similarities(columns, query, rows)
    if len(similarity) > count:
        bound = np.partition(similarity, len(similarity) - count)[len(similarity) - count]
        candidates = np.flatnonzero(similarity >= bound)
    else:
        candidates = np.arange(len(similarity))
    ordered = candidates[np.lexsort((candidates, -similarity[candidates]))][:count]
    return (ordered if rows is None else rows[ordered]).astype(np.int64), similarity[ordered]


def _similarities(columns: Columns, query: NDArray[np.float32], rows: NDArray[np.int64] | None) -> NDArray[np.float32]:
    # np.vecdot reads memory twice as fast as the product with a vector in BLAS that NumPy brings along, and a row's
    # cosine does not depend on which others are computed with it
    total = len(columns.tracklets) if rows is None else len(rows)
    costs = _GATHERING_HALVES_COSTS if columns.exact is None else _GATHERING_COSTS
    if rows is not None and total * costs > len(columns.tracklets):
        return _similarities(columns, query, None)[rows]
    if columns.exact is not None and rows is None:
        everything: NDArray[np.float32] = np.vecdot(columns.exact, query)
        return everything
    found = np.empty(total, np.float32)
    for first in range(0, total, _BLOCK):
        some = slice(first, first + _BLOCK)
        wanted = some if rows is None else rows[some]
        part = widened(columns.features[wanted]) if columns.exact is None else columns.exact[wanted]
        found[some] = np.vecdot(part, query)
    return found
