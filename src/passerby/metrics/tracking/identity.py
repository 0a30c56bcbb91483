"""IDF1: one track for each person over a whole video, or over all cameras (Ristani et al., ECCVW 2016)."""

from collections.abc import Sequence

import numpy as np

from passerby.errors import EvaluationError
from passerby.metrics.tracking.counts import IdentityCounts
from passerby.metrics.tracking.overlap import pairwise_iou
from passerby.metrics.tracking.trajectories import Comparison, Floats, Trajectories, same_frames

OVERLAP = 0.5
"""Least overlap at which a track agrees with a person in a frame."""


def count_identity(comparison: Comparison) -> IdentityCounts:
    """Pair people and tracks one to one so that they agree in as many frames as can be."""
    agreed = np.zeros((len(comparison.people), len(comparison.tracks)))
    for people, tracks, overlap in comparison.frames:
        agreed[np.ix_(people, tracks)] += overlap >= OVERLAP
    return _best(agreed, comparison.people.sum(), comparison.tracks.sum())


def count_multi_camera_identity(cameras: Sequence[tuple[Trajectories, Trajectories]]) -> IdentityCounts:
    """Pair people and tracks one to one over all cameras.

    Args:
        cameras: truth and result of each; identities mean the same person, or the same track, in all of them.

    Raises:
        EvaluationError: no camera, or something is wrong with truth or result of one.
    """
    if not cameras:
        raise EvaluationError("no camera: there is nothing to compare")
    checked = [(truth.checked("truth"), result.checked("result")) for truth, result in cameras]
    people, persons = np.unique(np.concatenate([truth.identities for truth, _ in checked]), return_inverse=True)
    tracks, numbers = np.unique(np.concatenate([result.identities for _, result in checked]), return_inverse=True)
    agreed = np.zeros((len(people), len(tracks)))
    person, number = 0, 0
    for truth, result in checked:
        for _, own, others in same_frames(truth.frames, result.frames):
            overlap = pairwise_iou(truth.boxes[own], result.boxes[others])
            rows, columns = persons[person:][own], numbers[number:][others]
            agreed[np.ix_(rows, columns)] += overlap >= OVERLAP
        person, number = person + len(truth.frames), number + len(result.frames)
    return _best(agreed, len(persons), len(numbers))


def _best(agreed: Floats, boxes: float, tracked: float) -> IdentityCounts:
    from scipy.optimize import linear_sum_assignment

    right = float(agreed[linear_sum_assignment(agreed, maximize=True)].sum()) if agreed.size else 0.0
    return IdentityCounts(true_positives=right, false_negatives=boxes - right, false_positives=tracked - right)
