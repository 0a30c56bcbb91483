"""The nearest pairs of camera identities of different cameras: one matrix product for each pair of cameras."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Float32 = NDArray[np.float32]

FARTHEST = np.float32(4.0)
"""The largest squared distance of two vectors of length 1."""


@dataclass(frozen=True)
class NearestPairs:
    """Pairs of camera identities of different cameras from the nearest on, and what else each could be linked to.

    Attributes:
        pairs: int64 [P, 2], the smaller number first; equally near ones in the order of their numbers.
        distances: float32 [P], squared Euclidean.
        directions: float32 [N, D], of length 1.
        columns: int64 [N], the column of each camera identity's camera in the tables below.
        nearest: int64 [N, C], the nearest camera identity of each camera; -1 for the own.
        first, second: float32 [N, C], how far it and the second nearest are; infinite where there is none.
    """

    pairs: Integers
    distances: Float32
    directions: Float32
    columns: Integers
    nearest: Integers
    first: Float32
    second: Float32

    def measured(self, links: Integers) -> Float32:
        """The squared distances of any pairs, float32 [L]."""
        differences = self.directions[links[:, 0]] - self.directions[links[:, 1]]
        return np.asarray((differences**2).sum(axis=1), dtype=np.float32)

    def nearest_alternative(self, links: Integers) -> Float32:
        """How far the nearest camera identity is that either end could be linked to in place of the other, float32 [L].

        That is another camera identity of the other's camera; `FARTHEST` where there is none.
        """
        found = np.full(len(links), FARTHEST, dtype=np.float32)
        for one, other in ((links[:, 0], links[:, 1]), (links[:, 1], links[:, 0])):
            camera = self.columns[other]
            own = self.nearest[one, camera] == other
            found = np.minimum(found, np.where(own, self.second[one, camera], self.first[one, camera]))
        return found


def nearest_pairs(
    directions: Float32, cameras: Integers, count: int, apart: Integers, persons: Integers | None = None
) -> NearestPairs:
    """The `count` nearest pairs of camera identities of different cameras, or all if there are fewer.

    Args:
        directions: float32 [N, D], of length 1.
        cameras: int64 [N].
        count: of pairs.
        apart: int64 [A, 2], pairs to leave out, which are not counted.
        persons: int64 [N], known people, -1 for none, of whom pairs are left out likewise; None where nobody is known.
    """
    names, columns = np.unique(cameras, return_inverse=True)
    columns = columns.reshape(-1).astype(np.int64)
    members = [np.flatnonzero(columns == column) for column in range(names.size)]
    of_camera = [directions[rows] for rows in members]
    shape = (len(cameras), names.size)
    nearest = np.full(shape, -1, dtype=np.int64)
    first, second = (np.full(shape, np.inf, dtype=np.float32) for _ in range(2))
    shortest = _Shortest(count + len(apart))
    for one, other in combinations(range(names.size), 2):
        rows, others = members[one], members[other]
        block = of_camera[one] @ of_camera[other].T
        block *= -2
        block += 2
        np.maximum(block, 0, out=block)
        shortest.add(block, rows, others, None if persons is None else _two_people(persons[rows], persons[others]))
        for table, ends, candidates, column in ((block, rows, others, other), (block.T, others, rows, one)):
            places, first[ends, column], second[ends, column] = _two_smallest(table)
            nearest[ends, column] = candidates[places]
    pairs, distances = shortest.without(apart)
    return NearestPairs(pairs[:count], distances[:count], directions, columns, nearest, first, second)


class _Shortest:
    """The shortest of the pairs that were added, at most `limit`, in order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pairs = np.empty((0, 2), dtype=np.int64)
        self._distances = np.empty(0, dtype=np.float32)
        self._bound = np.inf

    def add(self, block: Float32, rows: Integers, others: Integers, apart: NDArray[np.bool_] | None) -> None:
        """All pairs of a row and another, whose distances are [rows, others], but those that are apart."""
        if not self._limit:
            return
        flat = (block if apart is None else np.where(apart, np.float32(np.nan), block)).reshape(-1)
        places = np.flatnonzero(flat <= self._bound)
        if places.size > self._limit:  # pairs as far as the last one stay: their numbers decide
            kept = flat[places]
            places = places[kept <= np.partition(kept, self._limit - 1)[self._limit - 1]]
        ends = np.stack([rows[places // others.size], others[places % others.size]], axis=1)
        ends.sort(axis=1)
        pairs = np.concatenate([self._pairs, ends])
        distances = np.concatenate([self._distances, flat[places]])
        order = np.lexsort((pairs[:, 1], pairs[:, 0], distances))[: self._limit]
        self._pairs, self._distances = pairs[order], distances[order]
        if order.size == self._limit:
            self._bound = float(self._distances[-1])

    def without(self, apart: Integers) -> tuple[Integers, Float32]:
        """Pairs int64 [P, 2] and distances float32 [P], those left out that are to stay apart."""
        if not len(apart):
            return self._pairs, self._distances
        size = int(max(self._pairs.max(initial=0), apart.max())) + 1
        ordered = np.sort(apart, axis=1)
        kept = ~np.isin(self._pairs @ np.array([size, 1]), ordered @ np.array([size, 1]))
        return self._pairs[kept], self._distances[kept]


def _two_people(persons: Integers, others: Integers) -> NDArray[np.bool_] | None:
    """Which pairs of camera identities are of two known people, bool [rows, others]; None for none."""
    if persons.max(initial=-1) < 0 or others.max(initial=-1) < 0:
        return None
    known = (persons[:, None] >= 0) & (others[None] >= 0)
    different: NDArray[np.bool_] = known & (persons[:, None] != others[None])
    return different


def _two_smallest(table: Float32) -> tuple[Integers, Float32, Float32]:
    """Of each row the place of the smallest value, that value, and the second smallest (infinite where it has none)."""
    places = np.argmin(table, axis=1)
    rows = np.arange(len(table))
    smallest = table[rows, places]
    if table.shape[1] == 1:
        return places, smallest, np.full(len(table), np.inf, dtype=np.float32)
    return places, smallest, np.partition(table, 1, axis=1)[:, 1]
