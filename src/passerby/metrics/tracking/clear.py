"""CLEAR: misses, false alarms and switches of frame by frame pairs (Bernardin and Stiefelhagen, 2008), and tracklets.

The same pairs say whom each tracklet shows: purity, which later steps cannot mend, and coverage, which they can.
"""

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.tracking.counts import ClearCounts, TrackletCounts
from passerby.metrics.tracking.trajectories import Comparison, FramePair, Integers

OVERLAP = 0.5
"""Least overlap of a person and a track that are a pair."""

_NOBODY = -1
_LOYALTY = 1000.0
"""What it is worth to stay with the track of the frame before; more than any sum of overlaps of a frame."""
_ROUNDING = np.finfo(np.float64).eps


def count_clear(comparison: Comparison) -> tuple[ClearCounts, TrackletCounts]:
    """Pair people and tracks in each frame, pairs of the frame before first, and count."""
    people, tracks = len(comparison.people), len(comparison.tracks)
    before = np.full(people, _NOBODY)  # in the last frame that had people and tracks
    ever = np.full(people, _NOBODY)
    matched, spells = np.zeros(people), np.zeros(people)
    shown = np.zeros((people, tracks))
    overlap = 0.0
    switches = 0
    for frame in comparison.frames:
        if not frame.overlap.size:
            continue
        rows, columns = _pairs(frame, before)
        overlap += frame.overlap[rows, columns].sum()
        persons, followers = frame.people[rows], frame.tracks[columns]
        switches += int(((ever[persons] != _NOBODY) & (ever[persons] != followers)).sum())
        ever[persons] = followers
        spells[persons] += before[persons] == _NOBODY
        before[:] = _NOBODY
        before[persons] = followers
        matched[persons] += 1
        shown[persons, followers] += 1
    positives = matched.sum()
    share = matched / np.maximum(comparison.people, 1)
    clear = ClearCounts(
        true_positives=positives,
        false_negatives=comparison.people.sum() - positives,
        false_positives=comparison.tracks.sum() - positives,
        overlap=overlap,
        switches=float(switches),
        fragments=np.maximum(spells - 1, 0).sum(),
        mostly_tracked=float((share > 0.8).sum()),
        mostly_lost=float((share < 0.2).sum()),
        people=float(people),
    )
    return clear, _count_tracklets(comparison, shown)


def _pairs(frame: FramePair, before: Integers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    from scipy.optimize import linear_sum_assignment

    stayed = frame.tracks == before[frame.people][:, None]
    worth = np.where(frame.overlap < OVERLAP - _ROUNDING, 0.0, _LOYALTY * stayed + frame.overlap)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    real = worth[rows, columns] > _ROUNDING
    return rows[real], columns[real]


def _count_tracklets(comparison: Comparison, shown: NDArray[np.float64]) -> TrackletCounts:
    """From how often each track shows each person, float64 [people, tracks]."""
    return TrackletCounts(
        boxes=comparison.tracks.sum(),
        of_people=shown.sum(),
        of_main_person=shown.max(axis=0, initial=0.0).sum(),
        people_boxes=comparison.people.sum(),
        in_longest=shown.max(axis=1, initial=0.0).sum(),
        tracklets=float((shown.sum(axis=0) > 0).sum()),
        people=float((shown.sum(axis=1) > 0).sum()),
    )
