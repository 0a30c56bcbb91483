"""Who may be paired with whom, and who is: only boxes that touch are ever compared."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Pairs(NamedTuple):
    """P pairs of a track and a detection.

    Attributes:
        tracks, detections: int [P], their places.
    """

    tracks: Places
    detections: Places

    @classmethod
    def none(cls) -> "Pairs":
        """Nobody is paired."""
        return cls(np.empty(0, np.intp), np.empty(0, np.intp))

    def and_then(self, more: "Pairs") -> "Pairs":
        """These and others."""
        if not len(more.tracks):
            return self
        return Pairs(np.concatenate([self.tracks, more.tracks]), np.concatenate([self.detections, more.detections]))


class Touching(NamedTuple):
    """Pairs whose boxes touch.

    Attributes:
        pairs: P of them.
        overlap: float64 [P], intersection over union, above 0.
        height_overlap: float64 [P], shared over joint height: people at the same depth stand alike.
    """

    pairs: Pairs
    overlap: Floats
    height_overlap: Floats


def touching(tracks: Floats, detections: Floats) -> Touching:
    """Find which boxes of tracks [T, 4] touch which of detections [N, 4], left, top, right, bottom."""
    pairs = _close(tracks, detections)
    one, other = tracks.take(pairs.tracks, axis=0).T, detections.take(pairs.detections, axis=0).T
    begin, end = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    across, down = end - begin
    shared = across * down
    one_size, other_size = one[2:] - one[:2], other[2:] - other[:2]
    union = one_size[0] * one_size[1] + other_size[0] * other_size[1] - shared
    return Touching(pairs, shared / union, down / (one_size[1] + other_size[1] - down))


def _close(tracks: Floats, detections: Floats) -> Pairs:
    """Boxes that touch: among tracks by their left edge, from one greatest width before each detection to its end."""
    if not len(tracks):
        return Pairs.none()
    left = tracks[:, 0]
    order = left.argsort()
    edges = left[order]
    start = edges.searchsorted(detections[:, 0] - (tracks[:, 2] - left).max())
    count = edges.searchsorted(detections[:, 2]) - start
    columns = np.arange(len(detections)).repeat(count)
    before = count.cumsum() - count
    rows = order[np.arange(len(columns)) + (start - before).repeat(count)]
    one, other = tracks.take(rows, axis=0).T, detections.take(columns, axis=0).T
    close = (one[2] > other[0]) & (one[1] < other[3])
    close &= one[3] > other[1]
    near = close.nonzero()[0]
    return Pairs(rows.take(near), columns.take(near))


def pair_up(candidates: Pairs, cost: Floats, limit: float) -> Pairs:
    """The one-to-one pairs of least total cost, where leaving two unpaired costs `limit`.

    Args:
        candidates: who may be paired; each pair once.
        cost: float64 [P], of each pair; those at or above `limit` are never chosen.
        limit: the price of staying alone.
    """
    return _pair_up(candidates, cost, cost < limit, limit)


def pair_some(candidates: Pairs, cost: Floats, tracks: Mask, detections: Mask, limit: float) -> Pairs:
    """`pair_up` among some of the tracks, bool [T], and some of the detections, bool [N]."""
    if not (tracks.any() and detections.any()):
        return Pairs.none()
    allowed = tracks.take(candidates.tracks)
    allowed &= detections.take(candidates.detections)
    allowed &= cost < limit
    return _pair_up(candidates, cost, allowed, limit)


def _pair_up(candidates: Pairs, cost: Floats, which: Mask, limit: float) -> Pairs:
    """`pair_up` among those candidates, bool [P], that cost less than the limit."""
    allowed = which.nonzero()[0]
    if not allowed.size:
        return Pairs.none()
    tracks, detections = candidates.tracks.take(allowed), candidates.detections.take(allowed)
    rivals = np.bincount(tracks).take(tracks) + np.bincount(detections).take(detections) > 2
    contested = rivals.nonzero()[0]
    if not contested.size:
        return Pairs(tracks, detections)
    people, rows = _numbered(tracks[contested])
    boxes, columns = _numbered(detections[contested])
    table = np.full((len(people), len(boxes)), limit)
    table[rows, columns] = cost[allowed[contested]]
    rows, columns = linear_sum_assignment(table)
    kept = table[rows, columns] < limit
    chosen = Pairs(people[rows[kept]], boxes[columns[kept]])
    free = (~rivals).nonzero()[0]
    return Pairs(tracks[free], detections[free]).and_then(chosen)


def _numbered(values: Places) -> tuple[Places, Places]:
    """The values that occur, rising, and the place of each value among them."""
    occurs = np.bincount(values) > 0
    return occurs.nonzero()[0], (occurs.cumsum() - 1)[values]
