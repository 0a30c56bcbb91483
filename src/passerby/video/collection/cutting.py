"""Where tracks are cut: who was before or behind somebody may have gone on with the other one's number.

A tracklet of two people spoils whatever is made of it; two tracklets of one person are joined later by their looks.
"""

from typing import NamedTuple

import numpy as np

from passerby.metrics import pairwise_iou
from passerby.video.collection.options import TrackletOptions
from passerby.video.detection.detector import Detections


class Sight(NamedTuple):
    """A track's box in a frame.

    Attributes:
        frame: of how many frames that were analysed it is the last.
        time: of the frame, seconds.
        overlap: the largest intersection over union with a box of another track in the same frame; 0 for none.
    """

    frame: int
    time: float
    overlap: float


def is_cut(before: Sight, now: Sight, options: TrackletOptions) -> bool:
    """Whether a track is cut between two sights that follow upon each other.

    It is where it parts from a track whose box it nearly shared, and where it was not seen for a while: at whose
    beginning or end it met another one, if so is asked, though who hid it may not have been found.
    """
    return _parted(before, now, options.cut_at_overlap) or _lost(before, now, options)


def _parted(before: Sight, now: Sight, overlap: float | None) -> bool:
    return overlap is not None and before.overlap >= overlap > now.overlap


def _lost(before: Sight, now: Sight, options: TrackletOptions) -> bool:
    if options.cut_unseen is None or now.frame - before.frame == 1:
        return False
    met = max(before.overlap, now.overlap) >= options.cut_unseen_overlap
    return met and now.time - before.time > options.cut_unseen


def overlap_with(detections: Detections, place: int, others: set[int]) -> float:
    """The largest intersection over union of a detection with others of its frame; 0 without any.

    Args:
        detections: of the frame.
        place: of the one.
        others: places, in which the one may be.
    """
    rivals = sorted(others - {place})
    if not rivals:
        return 0.0
    boxes = detections.boxes.astype(np.float64)
    return float(pairwise_iou(boxes[place : place + 1], boxes[rivals]).max())
