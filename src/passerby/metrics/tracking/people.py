"""Whom each box of a tracker shows."""

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.tracking.overlap import pairwise_iou
from passerby.metrics.tracking.trajectories import Trajectories, same_frames

_OVERLAP = 0.5


def people_shown(truth: Trajectories, result: Trajectories) -> NDArray[np.int64]:
    """The person of the truth whom each box of the result shows, int64 [N], -1 for nobody.

    In each frame boxes are paired one to one so that their overlaps of at least 0.5 sum to the most.

    Args:
        truth: by frame, with identities of at least 0.
        result: N boxes, by frame.
    """
    from scipy.optimize import linear_sum_assignment

    people = np.full(len(result.frames), -1, np.int64)
    for _, own, others in same_frames(truth.frames, result.frames):
        overlap = pairwise_iou(truth.boxes[own], result.boxes[others])
        rows, columns = linear_sum_assignment(np.where(overlap >= _OVERLAP, overlap, 0.0), maximize=True)
        right = overlap[rows, columns] >= _OVERLAP
        people[others][columns[right]] = truth.identities[own][rows[right]]
    return people
