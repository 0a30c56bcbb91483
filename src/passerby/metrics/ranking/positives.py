"""The positives of a block of queries, and how many negatives come before each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.arrays import Integers
from passerby.metrics.distances.distance import Distances
from passerby.metrics.distances.exact_block import exact_block
from passerby.metrics.ranking.matches import Matches

_CANDIDATE_BYTES = 32 * 2**20
"""Most memory of an identity's images in double precision."""


class PositiveCounts(NamedTuple):
    """How many negatives compare with each positive of q queries, the positives of each query nearest first.

    Equally far positives come in gallery order.

    Attributes:
        rows: int64 [q], the query rows.
        offsets: int64 [q + 1], where the positives of each query start.
        nearer: int64 [A], negatives nearer to the query than the positive.
        tied: int64 [A], negatives exactly as far.
        tied_before: int64 [A], those of them that come earlier in the gallery.
    """

    rows: Integers
    offsets: Integers
    nearer: Integers
    tied: Integers
    tied_before: Integers


class Positives:
    """The positives of a block of queries, which all have some; counts grow as parts of the gallery are compared.

    Those of a query are in gallery order until their distances are known, then nearest first.

    Attributes:
        counts: so far.
        numbers: int64 [A], the number of each positive's query within the block.
        positions: int64 [A], the positives' gallery positions.
        exact: float32 [A], their distances.
    """

    def __init__(self, rows: Integers, matches: Matches) -> None:
        positions = [matches.positives(int(row)) for row in rows]
        sizes = np.array([each.size for each in positions])
        self.numbers = np.repeat(np.arange(rows.size), sizes)
        self.positions = np.concatenate(positions)
        self.exact = np.empty(self.numbers.size, dtype=np.float32)
        zeros = (np.zeros(self.numbers.size, dtype=np.int64) for _ in range(3))
        self.counts = PositiveCounts(rows, np.concatenate([[0], np.cumsum(sizes)]), *zeros)
        self._matches = matches

    def measure(self, distances: Distances) -> None:
        """Compute the distances of all positives, with one product for each identity, the cheaper way for many."""
        rows, matches = self.counts.rows, self._matches
        first = np.array([matches.same_identity(int(row))[0] for row in rows])
        order = np.argsort(first, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(first[order])) + 1):
            images = matches.same_identity(int(rows[group[0]]))
            queries = distances.double_queries(rows[group])
            step = max(1, _CANDIDATE_BYTES // (8 * distances.gallery.shape[1]))
            block = np.empty((group.size, images.size), dtype=np.float32)
            for start in range(0, images.size, step):
                candidates = distances.double_candidates(matches.rows[images[start : start + step]])
                block[:, start : start + step] = exact_block(distances, queries, candidates)
            self._put_in_order(group, images, block)

    def _put_in_order(self, group: Integers, images: Integers, exact: NDArray[np.float32]) -> None:
        """Take the distances [group, images] of queries to all images of their identity, and put the nearest first."""
        exact += np.float32(0)  # so that no zero is negative
        for number, line in zip(group.tolist(), exact, strict=True):
            own = self.of(number)
            places = images.searchsorted(self.positions[own])
            keys = (line[places].view(np.int32).astype(np.int64) << 32) | places
            keys.sort()
            self.positions[own] = images[keys & (2**32 - 1)]
            self.exact[own] = (keys >> 32).astype(np.int32).view(np.float32)

    def measure_pairs(self, distances: Distances) -> None:
        """Compute the distances of all positives one by one, the cheaper way where they are few."""
        exact = distances.pairs(self.counts.rows[self.numbers], self._matches.rows[self.positions])
        order = np.lexsort((exact, self.numbers))
        self.positions, self.exact = self.positions[order], exact[order]

    def of(self, number: int) -> slice:
        """Return where the positives of a query lie in the columns."""
        return slice(int(self.counts.offsets[number]), int(self.counts.offsets[number + 1]))

    def hide(self, number: int, line: NDArray[np.float32], start: int, value: float) -> None:
        """Write `value` where an image is of the query's own identity; `line` is of gallery positions from `start`."""
        own = self._matches.same_identity(int(self.counts.rows[number]))
        first, stop = own.searchsorted((start, start + line.size))
        line[own[first:stop] - start] = value

    def add_negatives(self, numbers: Integers, positions: Integers, exact: NDArray[np.float32]) -> None:
        """Count negatives of known distance, ordered by query number and then by gallery position."""
        keys = _keys(numbers, exact)
        order = np.argsort(keys, kind="stable")
        keys, positions = keys[order], positions[order]
        some = slice(self.of(int(numbers[0])).start, self.of(int(numbers[-1])).stop)
        own_keys = _keys(self.numbers[some], self.exact[some])
        nearer = keys.searchsorted(own_keys)
        queries = np.arange(numbers[0], numbers[-1] + 1)
        firsts = keys.searchsorted(queries << 32)
        self.counts.nearer[some] += nearer - firsts[self.numbers[some] - numbers[0]]
        found = np.flatnonzero(np.append(keys, -1)[nearer] == own_keys)
        if found.size:
            nearer = nearer[found]
            self.counts.tied[some][found] += keys.searchsorted(own_keys[found], side="right") - nearer
            groups = np.cumsum(np.concatenate([[0], keys[1:] != keys[:-1]])) << 32  # of equally far images
            before = (groups | positions).searchsorted(groups[nearer] | self.positions[some][found])
            self.counts.tied_before[some][found] += before - nearer


def _keys(numbers: Integers, exact: NDArray[np.float32]) -> Integers:
    """Order by query number, then by distance: the bits of floats that are not negative order as the floats do."""
    return (numbers << 32) | exact.view(np.int32)
