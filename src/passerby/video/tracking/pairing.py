"""Who is paired with whom."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Mask = NDArray[np.bool_]


def height_overlap(first: Floats, second: Floats) -> Floats:
    """Shared over joint height of boxes [M, 4] and [N, 4], float64 [M, N]: people at the same depth stand alike."""
    shared = np.minimum(first[:, None, 3], second[:, 3]) - np.maximum(first[:, None, 1], second[:, 1])
    joint = np.maximum(first[:, None, 3], second[:, 3]) - np.minimum(first[:, None, 1], second[:, 1])
    overlap: Floats = np.maximum(shared, 0.0) / joint
    return overlap


class Pairs(NamedTuple):
    """Tracks and their detections, int [P] each: no track and no detection twice."""

    tracks: Places
    detections: Places

    @classmethod
    def none(cls) -> "Pairs":
        """Nobody is paired."""
        return cls(np.empty(0, np.intp), np.empty(0, np.intp))

    def and_then(self, more: "Pairs") -> "Pairs":
        """These and others."""
        return Pairs(np.concatenate([self.tracks, more.tracks]), np.concatenate([self.detections, more.detections]))


def pair_up(cost: Floats, limit: float) -> Pairs:
    """The one-to-one pairs of least total cost, where leaving two unpaired costs `limit`.

    Args:
        cost: float64 [T, N], of pairing each track with each detection; at or above `limit` they are never paired.
        limit: the price of staying alone.
    """
    allowed = cost < limit
    tracks, detections = np.nonzero(allowed)
    if not tracks.size:
        return Pairs(tracks, detections)
    if np.bincount(tracks).max() > 1 or np.bincount(detections).max() > 1:  # else nobody has a choice
        tracks, detections = linear_sum_assignment(np.where(allowed, cost, limit))
        kept = allowed[tracks, detections]
        tracks, detections = tracks[kept], detections[kept]
    return Pairs(tracks, detections)


def pair_some(cost: Floats, tracks: Mask, detections: Mask, limit: float) -> Pairs:
    """`pair_up` among some of the tracks, bool [T], and some of the detections, bool [N]."""
    rows, columns = np.flatnonzero(tracks), np.flatnonzero(detections)
    if not rows.size or not columns.size:
        return Pairs.none()
    pairs = pair_up(cost[np.ix_(rows, columns)], limit)
    return Pairs(rows[pairs.tracks], columns[pairs.detections])
