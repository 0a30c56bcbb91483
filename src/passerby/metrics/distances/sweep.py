"""One pass over all pairs of a set, block by block, that keeps the nearest candidates of every row."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.arrays import Integers
from passerby.metrics.distances.distance import Block, margin

_BLOCK = 4096
"""Rows and columns of a block; it is multiplied in strips of `_STRIP` rows, which stay in the cache."""

_STRIP = 1024

_SAMPLE = 1024
"""Rows that every row is compared with beforehand, to know from where on a pair matters."""

Observer = Callable[[slice, slice, NDArray[np.float32]], None]
"""Is shown the pairs of rows and columns, and their similarity [rows, columns], once for each block of a pass."""


class Screened(NamedTuple):
    """Nearest candidates of N rows from a pass in single precision.

    Attributes:
        values: float32 [N, K], minus half the squared distance of the K nearest rows, in no order; -inf where the pass
            lost some, which the caller has to find again.
        indices: int32 [N, K], which rows these are.
        lowest: float32 [N], minus half the squared distance of the farthest row.
    """

    values: NDArray[np.float32]
    indices: NDArray[np.int32]
    lowest: NDArray[np.float32]


def similarity(rows: Block, others: Block, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Compute minus half the squared distances, float32 [n, m], within `margin` of the exact ones."""
    product = np.matmul(rows.centred, others.centred.T, out=out)
    product -= (0.5 * rows.squares).astype(np.float32)[:, None]
    product -= (0.5 * others.squares).astype(np.float32)
    return product


def sweep(rows: Block, width: int, observe: Observer | None = None) -> Screened:
    """Find the `width` nearest rows of every row, itself included.

    Args:
        rows: the set, prepared.
        width: candidates kept, at most N.
        observe: is shown every pair at least one way round: the blocks of the upper triangle, row before column.
    """
    count = len(rows.squares)
    found = _Candidates(count, width, _first_bounds(rows, width) - 2 * margin(rows, rows))
    buffer = np.empty(min(_STRIP, count) * min(_BLOCK, count), dtype=np.float32)
    for first in range(0, count, _BLOCK):
        down = slice(first, min(first + _BLOCK, count))
        for start in range(first, count, _BLOCK):
            across = slice(start, min(start + _BLOCK, count))
            _screen(found, rows, down, across, buffer, observe)
    return Screened(found.values, found.indices, found.lowest)


def _first_bounds(rows: Block, width: int) -> NDArray[np.float64]:
    """Estimate from a sample a value that the `width` nearest of each row reach; more than twice as many should.

    A row that it proves too high for ends with fewer candidates.
    """
    count = len(rows.squares)
    size = min(count, _SAMPLE)
    sample = np.linspace(0, count - 1, size).astype(np.int64)
    place = min(width, size, 10 + 2 * width * size // count if size < count else width)
    others = Block(rows.centred[sample], rows.squares[sample])
    bounds = np.empty(count, dtype=np.float64)
    for start in range(0, count, _STRIP):
        part = slice(start, start + _STRIP)
        values = similarity(Block(rows.centred[part], rows.squares[part]), others)
        values.partition(size - place, axis=1)
        bounds[part] = values[:, size - place]
    return bounds


def _screen(
    found: "_Candidates",
    rows: Block,
    down: slice,
    across: slice,
    buffer: NDArray[np.float32],
    observe: Observer | None,
) -> None:
    """Compute one block of pairs, and offer its candidates to both its rows and its columns."""
    others = Block(rows.centred[across], rows.squares[across])
    columns: list[_Pairs] = []
    for start in range(down.start, down.stop, _STRIP):
        strip = slice(start, min(start + _STRIP, down.stop))
        shape = (strip.stop - strip.start, across.stop - across.start)
        out = buffer[: shape[0] * shape[1]].reshape(shape)
        values = similarity(Block(rows.centred[strip], rows.squares[strip]), others, out=out)
        if observe is not None:
            observe(strip, across, values)
        np.minimum(found.lowest[strip], values.min(axis=1), out=found.lowest[strip])
        found.add(_above(values, found.bound[strip, None]), strip.start, across.start)
        if down != across:
            np.minimum(found.lowest[across], values.min(axis=0), out=found.lowest[across])
            pairs = _above(values, found.bound[across])
            columns.append(_Pairs(pairs.others, pairs.rows + (strip.start - down.start), pairs.values))
    if columns:
        found.add(_joined(columns), across.start, down.start)


class _Pairs(NamedTuple):
    """Pairs of rows and their values, columns of equal length; rows are counted from the corner of a block."""

    rows: Integers
    others: Integers
    values: NDArray[np.float32]


def _joined(parts: list[_Pairs]) -> _Pairs:
    """Join the parts, their rows ascending."""
    rows = np.concatenate([part.rows for part in parts])
    others = np.concatenate([part.others for part in parts])
    values = np.concatenate([part.values for part in parts])
    order = np.argsort(rows.astype(np.uint16), kind="stable")  # of 16 bits, so that it is a radix sort
    return _Pairs(rows[order], others[order], values[order])


def _above(values: NDArray[np.float32], bound: NDArray[np.float32]) -> _Pairs:
    """Select the pairs of a block that reach the bound, row after row."""
    places = np.flatnonzero(values >= bound)
    rows, columns = np.divmod(places, values.shape[1])
    return _Pairs(rows, columns, values.ravel()[places])


class _Candidates:
    """The nearest rows of every row so far, and the value that another must reach to be among them."""

    def __init__(self, count: int, width: int, bound: NDArray[np.float64]) -> None:
        self.values = np.full((count, width), -np.inf, dtype=np.float32)
        self.indices = np.full((count, width), -1, dtype=np.int32)
        self.lowest = np.full(count, np.inf, dtype=np.float32)
        self.bound = np.nextafter(bound.astype(np.float32), np.float32(-np.inf))

    def add(self, pairs: _Pairs, first: int, other: int) -> None:
        """Take in pairs whose rows ascend, of a block with the corner (first, other)."""
        counts = np.bincount(pairs.rows)
        named = np.flatnonzero(counts)
        if not named.size:
            return
        counts = counts[named]
        line = np.repeat(np.arange(named.size), counts)
        place = np.arange(pairs.rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
        shape = (named.size, int(counts.max()))
        values, indices = np.full(shape, -np.inf, dtype=np.float32), np.full(shape, -1, dtype=np.int32)
        values[line, place], indices[line, place] = pairs.values, pairs.others + other
        named += first
        values = np.concatenate([self.values[named], values], axis=1)
        indices = np.concatenate([self.indices[named], indices], axis=1)
        width = self.values.shape[1]
        best = np.argpartition(values, values.shape[1] - width, axis=1)[:, -width:]
        self.values[named] = np.take_along_axis(values, best, axis=1)
        self.indices[named] = np.take_along_axis(indices, best, axis=1)
        self.bound[named] = np.maximum(self.bound[named], self.values[named].min(axis=1))
