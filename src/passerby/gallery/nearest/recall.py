"""How much of an exact search lists of features find, and how many lists that takes."""

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.nearest.inverted_lists import COUNTS, Recall, unit_centroids
from passerby.gallery.vectors import widened
from passerby.progress import Progress

_QUERIES = 500
_MOST_PROBES = 4
"""At most one in so many lists is compared: beyond that an exact search takes little longer."""

_DEARER = 4
"""How many times more lists the usual number of hits may take than ten."""

_BLOCK = 8_192


def choose_probes(
    features: NDArray[np.float16],
    lists: NDArray[np.int32],
    centroids: NDArray[np.float16],
    floor: float,
    *,
    show: bool,
) -> tuple[int, Recall]:
    """The fewest lists to compare such that half of what the floor lets go is still found, and what they find.

    That holds for 20 hits, which are usual; where these take more than four times as many lists as ten, for ten.

    What an approximate search misses of the most alike is what lies in other lists than it compares, for it scores like
    an exact one. So one exact search for each query tells the recall of every number of probes.

    Args:
        features: float16 [N, D].
        lists: int32 [N], the list of each.
        centroids: float16 [K, D].
        floor: of the recall.
        show: whether to show progress.
    """
    drawn = queries_of(features)
    nearest = most_alike(features, drawn, min(COUNTS[-1], len(features) - 1), show=show)
    sizes = np.bincount(lists, minlength=len(centroids))
    alike = widened(features[drawn]) @ unit_centroids(centroids).T
    alike[:, sizes == 0] = -np.inf
    order = np.argsort(-alike, axis=1, kind="stable")
    ranks = np.argsort(order, axis=1, kind="stable")
    ranks_of_nearest = np.take_along_axis(ranks, lists[nearest].astype(np.int64), axis=1)
    most = max(1, len(centroids) // _MOST_PROBES)
    found = [_found_by(ranks_of_nearest[:, :count], most) for count in COUNTS]
    ten, usual = _fewest(found[0], floor), _fewest(found[1], floor)
    probes = (usual if usual <= _DEARER * ten else 0) or ten or most
    compared = float(sizes[order[:, :probes]].sum(1).mean()) / len(features)
    return probes, Recall(tuple(float(each[probes - 1]) for each in found), len(drawn), compared)


def _fewest(found: NDArray[np.float64], floor: float) -> int:
    """The fewest probes that find enough; 0 where none do."""
    enough = found >= (1 + floor) / 2
    return int(np.argmax(enough)) + 1 if enough.any() else 0


def _found_by(ranks: NDArray[np.int64], most: int) -> NDArray[np.float64]:
    """The share of neighbours that 1, 2, … `most` probes find, float64 [most]."""
    if not ranks.size:
        return np.ones(most)
    shares: NDArray[np.float64] = np.cumsum(np.bincount(ranks.ravel(), minlength=most)[:most]) / ranks.size
    return shares


def queries_of(features: NDArray[np.float16]) -> NDArray[np.int64]:
    """Rows of the features [N, D] that are searched for, ascending; always the same."""
    return np.sort(np.random.default_rng(1).permutation(len(features))[:_QUERIES])


def most_alike(
    features: NDArray[np.float16], queries: NDArray[np.int64], count: int, *, show: bool
) -> NDArray[np.int64]:
    """Rows [Q, count] of the features most like each of some rows [Q] beside itself, best first."""
    if not count:
        return np.zeros((len(queries), 0), np.int64)
    wanted = widened(features[queries])
    rows = np.zeros((len(queries), 0), np.int64)
    scores = np.zeros((len(queries), 0), np.float32)
    with Progress("measuring recall", len(features), unit="features", quiet=not show) as progress:
        for first in range(0, len(features), _BLOCK):
            some = widened(features[first : first + _BLOCK])
            alike = wanted @ some.T
            own = np.flatnonzero((queries >= first) & (queries < first + len(some)))
            alike[own, queries[own] - first] = -np.inf
            scores = np.concatenate([scores, alike], axis=1)
            block = np.broadcast_to(np.arange(first, first + len(some)), alike.shape)
            rows = np.concatenate([rows, block], axis=1)
            if scores.shape[1] > count:
                kept = np.argpartition(-scores, count - 1, axis=1)[:, :count]
                rows, scores = np.take_along_axis(rows, kept, 1), np.take_along_axis(scores, kept, 1)
            progress.advance(len(some))
    return np.take_along_axis(rows, np.argsort(-scores, axis=1, kind="stable"), 1)
