"""HOTA: detection and association in one figure (Luiten et al., IJCV 2021, arXiv 2009.07736)."""

import numpy as np

from passerby.metrics.tracking.counts import HotaCounts
from passerby.metrics.tracking.trajectories import Comparison, Floats, Integers

THRESHOLDS = np.arange(1, 20) / 20
"""Overlaps at and above which a detection is right: 0.05, 0.10 … 0.95."""

_ROUNDING = np.finfo(np.float64).eps


def count_hota(comparison: Comparison) -> HotaCounts:
    """Count what HOTA is made of, at each threshold.

    In each frame people and tracks are paired so that overlap × alignment is largest, where the alignment of a person
    and a track is the Jaccard index of their soft matches over the whole video. A pair is a true positive where its
    overlap reaches the threshold. The association of a true positive is the Jaccard index of its person and track.
    """
    people, tracks, overlap = _pairs(comparison)
    sums = []
    for threshold in THRESHOLDS:
        right = overlap >= threshold - _ROUNDING
        shape = len(comparison.people), len(comparison.tracks)
        agreed = np.zeros(shape)
        np.add.at(agreed, (people[right], tracks[right]), 1)
        met = np.nonzero(agreed)
        agreed, persons, followers = agreed[met], comparison.people[met[0]], comparison.tracks[met[1]]
        shares = (agreed / each for each in (persons + followers - agreed, persons, followers))
        sums.append([right.sum(), overlap[right].sum(), *((agreed * share).sum() for share in shares)])
    positives, localisation, association, recall, precision = np.array(sums, np.float64).T
    return HotaCounts(
        true_positives=positives,
        false_negatives=comparison.people.sum() - positives,
        false_positives=comparison.tracks.sum() - positives,
        localisation=localisation,
        association=association,
        association_recall=recall,
        association_precision=precision,
    )


def _pairs(comparison: Comparison) -> tuple[Integers, Integers, Floats]:
    """Who is paired with which track, frame after frame, and how much they overlap."""
    from scipy.optimize import linear_sum_assignment

    alignment = _alignment(comparison)
    found: list[tuple[Integers, Integers, Floats]] = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for people, tracks, overlap in comparison.frames:
        if overlap.size:
            rows, columns = linear_sum_assignment(alignment[np.ix_(people, tracks)] * overlap, maximize=True)
            found.append((people[rows], tracks[columns], overlap[rows, columns]))
    people, tracks, overlap = (np.concatenate(column) for column in zip(*found, strict=True))
    return people, tracks, overlap


def _alignment(comparison: Comparison) -> Floats:
    """How well each person and track go together over the video, float64 [people, tracks] from 0 to 1."""
    soft = np.zeros((len(comparison.people), len(comparison.tracks)))
    for people, tracks, overlap in comparison.frames:
        union = overlap.sum(axis=0) + overlap.sum(axis=1)[:, None] - overlap
        soft[np.ix_(people, tracks)] += np.divide(overlap, union, out=np.zeros_like(overlap), where=union > _ROUNDING)
    return soft / (comparison.people[:, None] + comparison.tracks - soft)
