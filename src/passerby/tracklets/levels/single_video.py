"""Level 2: inside of one video, excluded samples find their tracklets, and tracklets of one person are merged."""

from typing import NamedTuple

import numpy as np

from passerby.tracklets.distance import (
    TIE,
    Float64,
    Integers,
    cosine_distances,
    directions,
    products_with,
)
from passerby.tracklets.grouping.linkage import gathered, partition
from passerby.tracklets.grouping.links import band_links
from passerby.tracklets.grouping.overlap import Spans
from passerby.tracklets.options import DenoisingOptions

_SAMPLES = 4096


class Reallocation(NamedTuple):
    """The tracklets that E excluded samples were moved to.

    Attributes:
        target: int64 [E], a tracklet of the video; -1 for samples near none, which are dropped.
        distance: float64 [E], to the nearest of the other tracklets; infinite where there is none.
    """

    target: Integers
    distance: Float64


def reallocate(
    samples: Float64, own: Integers, sums: Float64, counts: Integers, sigma: float, *, running: bool = False
) -> Reallocation:
    """Move every excluded sample to the nearest other tracklet of its video, if that is nearer than sigma.

    Args:
        samples: float64 [E, D] of length 1.
        own: int64 [E], the tracklet that each was excluded from: it never returns there.
        sums: float64 [T, D], sums of the samples that level 1 kept.
        counts: int64 [T], how many those are; tracklets without any take no samples.
        sigma: samples this far from all others, or farther, are dropped.
        running: let centroids follow every sample added, in the order of samples. Otherwise they stay, and the order
            does not matter. Of tracklets within 1e-7 of the nearest the first is taken.
    """
    target = np.full(len(samples), -1, np.int64)
    distance = np.full(len(samples), np.inf)
    if len(counts) < 2 or not len(samples):
        return Reallocation(target, distance)
    if running:
        return _reallocate_in_turn(samples, own, sums.copy(), counts.copy(), sigma)
    centroids = directions(sums, counts)
    for start in range(0, len(samples), _SAMPLES):
        part = samples[start : start + _SAMPLES]
        rows = np.arange(len(part))
        similarity = part @ centroids.T
        similarity[:, counts == 0] = -np.inf
        similarity[rows, own[start : start + len(part)]] = -np.inf
        best = similarity.max(axis=1)
        nearest = np.argmax(similarity >= best[:, None] - TIE, axis=1)
        some = np.flatnonzero(np.isfinite(best))  # samples with another tracklet
        distance[start + some] = cosine_distances(part, some, centroids, nearest[some])
        target[start + some] = np.where(distance[start + some] < sigma, nearest[some], -1)
    return Reallocation(target, distance)


def _reallocate_in_turn(samples: Float64, own: Integers, sums: Float64, counts: Integers, sigma: float) -> Reallocation:
    target = np.full(len(samples), -1, np.int64)
    distance = np.full(len(samples), np.inf)
    centroids = directions(sums, counts)
    for row, sample in enumerate(samples):
        similarity = products_with(centroids, sample)
        similarity[counts == 0] = -np.inf
        similarity[own[row]] = -np.inf
        if not np.isfinite(similarity.max()):
            continue
        nearest = int(np.argmax(similarity >= similarity.max() - TIE))
        distance[row] = 1 - similarity[nearest]
        if distance[row] < sigma:
            target[row] = nearest
            sums[nearest] += sample
            counts[nearest] += 1
            centroids[nearest] = directions(sums[nearest, None], counts[nearest, None])[0]
    return Reallocation(target, distance)


def merge(sums: Float64, counts: Integers, spans: Spans | None, options: DenoisingOptions) -> Integers:
    """Join the tracklets of one video that are one person: labels int64 [T], numbered by first members.

    Args:
        sums: float64 [T, D], sums of samples after re-allocation.
        counts: int64 [T].
        spans: when each was seen, or None where they may overlap.
        options: the threshold and the linkage; size is not bounded inside of a video.
    """
    count = len(counts)
    if count < 2:
        return np.zeros(count, np.int64)
    centroids = directions(sums, counts).astype(np.float32)
    links, _ = gathered(band_links(centroids, options.sigma_discrimination, count), options)
    return partition(links, centroids, spans, options)


class VideoOutcome(NamedTuple):
    """The outcome of level 2 for one video: T tracklets and their E excluded samples.

    Attributes:
        target: int64 [E], the tracklet that a sample is in now, 0..T-1; -1 for dropped ones.
        distance: float64 [E], to the nearest other tracklet; infinite where there is none.
        merged: int64 [T], the new tracklet that each became part of, numbered by first members.
    """

    target: Integers
    distance: Float64
    merged: Integers


def denoise_video(
    samples: Float64, own: Integers, sums: Float64, counts: Integers, spans: Spans | None, options: DenoisingOptions
) -> VideoOutcome:
    """Carry out level 2 for one video, after level 1. Arguments as of `reallocate` and `merge`."""
    sigma = options.sigma_consistency if options.sigma_reallocation is None else options.sigma_reallocation
    moved = reallocate(samples, own, sums, counts, sigma, running=options.centroids == "running")
    sums, counts = sums.copy(), counts.copy()
    rows = np.flatnonzero(moved.target >= 0)
    for row in rows[np.argsort(moved.target[rows], kind="stable")]:
        sums[moved.target[row]] += samples[row]
        counts[moved.target[row]] += 1
    return VideoOutcome(moved.target, moved.distance, merge(sums, counts, spans, options))
