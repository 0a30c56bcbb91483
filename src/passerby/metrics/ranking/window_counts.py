"""Values beside the windows of their query: how many lie above each window, and which lie within one.

A window reaches from a `low` to a `high`, both counted in. Values are counted into bins, and only those that share a
bin with an end of a window are put in order: with windows much narrower than bins these are few, however many windows.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.arrays import Integers

_BINS = 2048, 16384
"""Fewest and most bins of a query; between these, `_BINS_A_WINDOW` for each of its windows."""

_BINS_A_WINDOW = 16

_FEW_VALUES = 512
"""Up to so many values are put in order right away."""

_LARGEST = np.iinfo(np.int64).max

_LARGEST_SCALE = 1e30
"""Bins are not narrower than the inverse of this, so that no scale is infinite."""


class Within(NamedTuple):
    """Values that lie within a window of their query, query after query, places ascending.

    Attributes:
        queries: int64 [n], from 0.
        places: int64 [n], where each value stands.
    """

    queries: Integers
    places: Integers


class WindowCounts:
    """Counts for the windows of successive queries, each of which has some.

    Attributes:
        above: int64 [A], how many values lie above each window and within none, of all that were settled.

    Args:
        low, high: float32 [A], the ends of each query's windows, falling.
        offsets: int64 [q + 1], where the windows of each query start.
    """

    def __init__(self, low: NDArray[np.float32], high: NDArray[np.float32], offsets: Integers) -> None:
        self._low, self._high, self._offsets = low, high, offsets
        self.above = np.zeros(low.size, dtype=np.int64)
        sizes = np.diff(offsets)
        self._bins = np.clip(_BINS_A_WINDOW * sizes, *_BINS)
        self._ends = low[offsets[1:] - 1]
        widths = high[offsets[:-1]].astype(np.float64) - self._ends
        scales = np.minimum(self._bins / widths, _LARGEST_SCALE)
        self._scales = scales.astype(np.float32)
        self._bases = (self._ends - 1.5 / scales).astype(np.float32)  # the lowest window then lies in bin 1
        self._windows = np.repeat(np.arange(sizes.size), sizes)
        self._first, self._last = (self._binned(self._windows, ends, np.empty_like(ends)) for ends in (low, high))
        self._wide = np.logical_or.reduceat(self._last > self._first + 1, offsets[:-1])
        self._scratch = np.empty(0, dtype=np.float32)
        self._kept: list[tuple[Integers, NDArray[np.float32]]] = []
        self._settled = 0
        self.waiting = 0

    def add(self, values: NDArray[np.float32]) -> None:
        """Take the values [n] of the next query; -inf where one is not to be counted. They may change afterwards."""
        query = self._settled + len(self._kept)
        reached = values >= self._ends[query]
        count = int(np.count_nonzero(reached))
        places = None
        if 4 * count < values.size:
            places = reached.nonzero()[0]
            values = values[places]
        if values.size > _FEW_VALUES:
            near = self._thin_out(query, values)
            values, places = values[near], near if places is None else places[near]
        elif places is None:
            values, places = values.copy(), np.arange(values.size)
        self._kept.append((places, values))
        self.waiting += values.size

    def settle(self) -> Within:
        """Count the values that were added since the last time, and return those within a window."""
        sizes = [places.size for places, _ in self._kept]
        first, last = self._settled, self._settled + len(sizes)
        own = slice(int(self._offsets[first]), int(self._offsets[last]))
        queries, windows = np.repeat(np.arange(len(sizes)), sizes), self._windows[own] - first
        values = np.concatenate([values for _, values in self._kept])
        shift = queries.size.bit_length()
        keys = np.sort((_keys(queries, values) << shift) | np.arange(queries.size))  # faster than to find the order
        low, high = (_keys(windows, ends[own]) << shift for ends in (self._low, self._high))
        starts = keys.searchsorted(low)
        stops, some = starts.copy(), np.flatnonzero(np.append(keys, _LARGEST)[starts] >> shift <= high >> shift)
        stops[some] = keys.searchsorted(high[some] | ((1 << shift) - 1), side="right")
        changes = np.bincount(starts[some], minlength=keys.size + 1) - np.bincount(stops[some], minlength=keys.size + 1)
        within = changes[:-1].cumsum() > 0
        outside = np.concatenate([[0], np.cumsum(~within)])  # of the values before each
        self.above[own] += outside[np.cumsum(sizes)[windows]] - outside[stops]
        found = np.sort(keys[within] & ((1 << shift) - 1))
        places = np.concatenate([places for places, _ in self._kept])
        self._kept, self._settled, self.waiting = [], last, 0
        return Within(queries[found] + first, places[found])

    def _thin_out(self, query: int, values: NDArray[np.float32]) -> Integers:
        """Count the values of bins that no window touches, and return the places of the others."""
        if self._scratch.size < values.size:
            self._scratch = np.empty(values.size, dtype=np.float32)
        binned = self._binned(query, values, self._scratch[: values.size])
        own = slice(self._offsets[query], self._offsets[query + 1])
        first, last = self._first[own], self._last[own]
        touched = np.zeros(self._bins[query] + 3, dtype=bool)
        touched[first] = True
        touched[last] = True
        if self._wide[query]:
            for window in np.flatnonzero(last > first + 1):
                touched[first[window] : last[window]] = True
        counts = np.bincount(binned, minlength=touched.size)
        counts[touched] = 0
        until = counts.cumsum()
        self.above[own] += until[-1] - until[last]
        return touched.take(binned).nonzero()[0]

    def _binned(self, queries: Integers | int, values: NDArray[np.float32], out: NDArray[np.float32]) -> Integers:
        """Number the bins of values of these queries: upwards, never falling while values rise."""
        np.subtract(values, self._bases[queries], out=out)
        out *= self._scales[queries]
        np.maximum(out, 0, out=out)
        np.minimum(out, self._bins[queries].astype(np.float32) + 2, out=out)
        return out.astype(np.int32).astype(np.int64)  # faster than in one step


def _keys(queries: Integers, values: NDArray[np.float32]) -> Integers:
    """Number values such that they order by query, then by value, in 32 bits besides those of the query."""
    bits = (values + np.float32(0)).view(np.int32).astype(np.int64)  # no zero is negative
    return (queries << 32) + np.where(bits < 0, -(2**31) - 1 - bits, bits)
