"""How much boxes overlap, and who is paired with whom."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Mask = NDArray[np.bool_]


def pairwise_iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of boxes [M, 4] and [N, 4], left, top, right, bottom: float64 [M, N].

    A box without an area overlaps nothing.
    """
    columns, rows = first.T[:, :, None], second.T[:, None, :]
    width = np.minimum(columns[2], rows[2]) - np.maximum(columns[0], rows[0])
    height = np.minimum(columns[3], rows[3]) - np.maximum(columns[1], rows[1])
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    union = box_areas(first)[:, None] + box_areas(second) - shared
    overlap: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def box_areas(boxes: Floats) -> Floats:
    """Areas of boxes [N, 4] in square pixels, float64 [N]."""
    return np.maximum(boxes[:, 2] - boxes[:, 0], 0.0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0.0)


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
