"""Features in lists of those that point alike (an inverted file): a search compares the lists nearest to its query.

Of a feature nothing is kept but the list it is in, and of a list the mean of its features. Scores come from the
gallery's own features, so they are exact; only whom a search compares is approximate.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

COUNTS = (10, 20, 50, 100)
"""How many of the most alike are looked for where recall is measured; 20 is what a search gives by default."""


@dataclass(frozen=True)
class Recall:
    """What the lists find of what an exact search finds, measured on the gallery's own features.

    Attributes:
        shares: of the 10, 20, 50 and 100 (`COUNTS`) most alike tracklets, those that are found.
        queries: how many features were searched for, each without itself.
        compared: share of the gallery that a search compares, on average; None where a server does it.
    """

    shares: tuple[float, ...]
    queries: int
    compared: float | None

    @property
    def at_10(self) -> float:
        """Share of the ten most alike that are found."""
        return self.shares[0]

    def enough_for(self, floor: float) -> int:
        """For how many hits at most no fewer than `floor` are found; 0 where for none of `COUNTS`."""
        passing = itertools.takewhile(lambda pair: pair[1] >= floor, zip(COUNTS, self.shares, strict=True))
        return max((count for count, _ in passing), default=0)


@dataclass(frozen=True)
class InvertedLists:
    """Which list each feature is in.

    Attributes:
        tracklets: int64 [N], numbers of tracklets, in the order in which their features were added.
        lists: int32 [N], the list of each.
        centroids: float16 [K, D], means of features that are in a list; zeros of one that lost them all.
        probes: how many lists a search compares.
        trained: how many features there were when the lists were made.
        recall: measured with so many probes.
    """

    tracklets: NDArray[np.int64]
    lists: NDArray[np.int32]
    centroids: NDArray[np.float16]
    probes: int
    trained: int
    recall: Recall

    def covers(self, tracklets: NDArray[np.int64]) -> bool:
        """Whether these are the first of the gallery's tracklets, int64 [M], in their order."""
        return len(self.tracklets) <= len(tracklets) and np.array_equal(
            self.tracklets, tracklets[: len(self.tracklets)]
        )

    def without(
        self, gone: NDArray[np.bool_], mean: Callable[[NDArray[np.int64]], NDArray[np.float16]]
    ) -> "InvertedLists":
        """The lists without some features, and with nothing that was computed from these.

        Args:
            gone: bool [N].
            mean: of the features of tracklets int64 [M], float16 [D]; never asked of none.
        """
        tracklets, lists, centroids = self.tracklets[~gone], self.lists[~gone], self.centroids.copy()
        for each in np.unique(self.lists[gone]):
            members = tracklets[lists == each]
            centroids[each] = mean(members) if len(members) else 0
        return replace(self, tracklets=tracklets, lists=lists, centroids=centroids)


def unit_centroids(centroids: NDArray[np.floating]) -> NDArray[np.float32]:
    """Centroids float32 [K, D] of length 1; zeros stay."""
    wide = centroids.astype(np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    wide /= lengths
    return wide


class Shortlist:
    """The lists as a search needs them.

    Args:
        lists: of a gallery's first features.
        floor: of the recall.
    """

    def __init__(self, lists: InvertedLists, floor: float) -> None:
        self.recall, self.most = lists.recall, lists.recall.enough_for(floor)
        self._covered, self._probes = len(lists.tracklets), lists.probes
        self._centroids = unit_centroids(lists.centroids)
        self._rows = np.argsort(lists.lists, kind="stable").astype(np.int32)
        self._starts = np.searchsorted(lists.lists[self._rows], np.arange(len(lists.centroids) + 1))
        self._empty = np.diff(self._starts) == 0

    def rows(self, query: NDArray[np.float32], total: int) -> NDArray[np.int64]:
        """Which rows to compare, int64 [M], ascending: those of the nearest lists, and those that are in none.

        Args:
            query: float32 [D], of length 1.
            total: how many rows there are.
        """
        alike = np.vecdot(self._centroids, query)
        alike[self._empty] = -np.inf
        nearest = np.argpartition(-alike, self._probes - 1)[: self._probes]
        found = [self._rows[self._starts[each] : self._starts[each + 1]] for each in nearest]
        return np.concatenate([np.sort(np.concatenate(found)), np.arange(self._covered, total)]).astype(np.int64)
