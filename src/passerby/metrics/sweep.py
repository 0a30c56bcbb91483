"""One pass over all pairs of a set, block by block, that keeps the closest candidates of every row."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.distance import Block, margin

_BLOCK = 4096
"""Rows and columns of a block; it is multiplied in strips of `_STRIP` rows, which stay in the cache."""

_STRIP = 1024


class Screened(NamedTuple):
    """What a pass in single precision found for N rows.

    Attributes:
        values: float32 [N, K], minus half the squared distance of the K closest rows, in no order.
        indices: int32 [N, K], which rows these are.
        lowest: float32 [N], minus half the squared distance of the farthest row.
    """

    values: NDArray[np.float32]
    indices: NDArray[np.int32]
    lowest: NDArray[np.float32]


def closeness(rows: Block, others: Block, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Minus half the squared distances, float32 [n, m], within `margin` of the truth."""
    product = np.matmul(rows.centred, others.centred.T, out=out)
    product -= (0.5 * rows.squares).astype(np.float32)[:, None]
    product -= (0.5 * others.squares).astype(np.float32)
    return product


def sweep(rows: Block, width: int) -> Screened:
    """The `width` closest rows of every row, itself included.

    Args:
        rows: the set, prepared.
        width: candidates kept, at most N.
    """
    count = len(rows.squares)
    found = _Candidates(count, width, _first_bounds(rows, width) - 2 * margin(rows, rows))
    buffer = np.empty(_STRIP * min(_BLOCK, count), dtype=np.float32)
    for first in range(0, count, _BLOCK):
        last = min(first + _BLOCK, count)
        for start in range(first, count, _BLOCK):
            stop = min(start + _BLOCK, count)
            _screen(found, rows, slice(first, last), slice(start, stop), buffer)
    return Screened(found.values, found.indices, found.lowest)


def _first_bounds(rows: Block, width: int) -> NDArray[np.float64]:
    """The `width`-th best value of each row among a sample: no row below it can be among the closest of all."""
    count = len(rows.squares)
    size = min(count, max(8 * width, 256))
    sample = np.linspace(0, count - 1, size).astype(np.int64)
    others = Block(rows.centred[sample], rows.squares[sample])
    bounds = np.empty(count, dtype=np.float64)
    for start in range(0, count, _BLOCK):
        part = slice(start, start + _BLOCK)
        values = closeness(Block(rows.centred[part], rows.squares[part]), others)
        bounds[part] = np.partition(values, size - width, axis=1)[:, size - width]
    return bounds


def _screen(found: "_Candidates", rows: Block, down: slice, across: slice, buffer: NDArray[np.float32]) -> None:
    """Compute one block of pairs; both its rows and its columns get what is new to them."""
    others = Block(rows.centred[across], rows.squares[across])
    columns: list[_Pairs] = []
    for start in range(down.start, down.stop, _STRIP):
        strip = slice(start, min(start + _STRIP, down.stop))
        shape = (strip.stop - strip.start, across.stop - across.start)
        out = buffer[: shape[0] * shape[1]].reshape(shape)
        values = closeness(Block(rows.centred[strip], rows.squares[strip]), others, out=out)
        found.lowest[strip] = np.minimum(found.lowest[strip], values.min(axis=1))
        found.add(_above(values, found.bound[strip, None], strip.start, across.start))
        if down != across:
            found.lowest[across] = np.minimum(found.lowest[across], values.min(axis=0))
            columns.append(_above(values, found.bound[across], strip.start, across.start).turned())
    if columns:
        found.add(_joined(columns))


class _Pairs(NamedTuple):
    """Pairs of rows and their values, columns of equal length."""

    rows: NDArray[np.int64]
    others: NDArray[np.int64]
    values: NDArray[np.float32]

    def turned(self) -> "_Pairs":
        return _Pairs(self.others, self.rows, self.values)


def _joined(parts: list[_Pairs]) -> _Pairs:
    """All pairs of the parts, their rows ascending."""
    rows = np.concatenate([part.rows for part in parts])
    others = np.concatenate([part.others for part in parts])
    values = np.concatenate([part.values for part in parts])
    order = np.argsort(rows, kind="stable")
    return _Pairs(rows[order], others[order], values[order])


def _above(values: NDArray[np.float32], bound: NDArray[np.float32], row: int, column: int) -> _Pairs:
    """The pairs of a block, whose corner is (row, column), that reach the bound, row after row."""
    places = np.flatnonzero(values >= bound)
    rows, columns = np.divmod(places, values.shape[1])
    return _Pairs(rows + row, columns + column, values.ravel()[places])


class _Candidates:
    """The closest rows of every row so far, and the value that another must reach to be among them."""

    def __init__(self, count: int, width: int, bound: NDArray[np.float64]) -> None:
        self.values = np.full((count, width), -np.inf, dtype=np.float32)
        self.indices = np.full((count, width), -1, dtype=np.int32)
        self.lowest = np.full(count, np.inf, dtype=np.float32)
        self.bound = np.nextafter(bound.astype(np.float32), np.float32(-np.inf))

    def add(self, pairs: _Pairs) -> None:
        """Take in pairs whose rows ascend."""
        if not pairs.rows.size:
            return
        named, starts, counts = np.unique(pairs.rows, return_index=True, return_counts=True)
        line = np.repeat(np.arange(named.size), counts)
        place = np.arange(pairs.rows.size) - np.repeat(starts, counts)
        shape = (named.size, int(counts.max()))
        values, indices = np.full(shape, -np.inf, dtype=np.float32), np.full(shape, -1, dtype=np.int32)
        values[line, place], indices[line, place] = pairs.values, pairs.others
        values = np.concatenate([self.values[named], values], axis=1)
        indices = np.concatenate([self.indices[named], indices], axis=1)
        width = self.values.shape[1]
        best = np.argpartition(values, values.shape[1] - width, axis=1)[:, -width:]
        self.values[named] = np.take_along_axis(values, best, axis=1)
        self.indices[named] = np.take_along_axis(indices, best, axis=1)
        self.bound[named] = np.maximum(self.bound[named], self.values[named].min(axis=1))
