"""Levels 1 and 2 for a chunk of videos, before videos are compared with each other."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.tracklets.arrangement import Arrangement
from passerby.tracklets.distance import (
    Float32,
    Float64,
    Integers,
    Rows,
    directions,
    group_sums,
    row_products,
    unit_vectors,
)
from passerby.tracklets.grouping.overlap import Spans
from passerby.tracklets.levels.single_tracklet import exclude_deviating
from passerby.tracklets.levels.single_video import denoise_video
from passerby.tracklets.noise import radii
from passerby.tracklets.options import DenoisingOptions

_BATCH_ROWS = 4096
"""Samples in double precision at a time; a batch has whole tracklets, so a longer tracklet makes a larger one."""


class ChunkOutcome(NamedTuple):
    """The outcome of levels 1 and 2 for a chunk: N samples and T tracklets, which make U new ones.

    Attributes:
        excluded: bool [N], by level 1.
        deviation: float32 [N], from the centroid of the others of its tracklet; NaN for a sample without others.
        target: int64 [N], tracklet of the chunk that a sample is in now, 0..T-1; -1 for dropped ones.
        distance: float32 [N], of excluded samples to the nearest other tracklet of the video (infinite without any).
        merged: int64 [T], the new tracklet that each is part of, 0..U-1.
        centroids: float32 [U, D] of length 1.
        lengths: float64 [U], of the sums of their samples.
        counts: int64 [U], their samples.
        first: int64 [T], first frame of the samples that level 1 kept.
        last: int64 [T], last frame.
        wide: int64 [3], tracklets at or beyond sigma_consistency in the input, after level 1, and after level 2.
        given: float32 [T, D], centroids of the input; [0, D] where noise is not measured.
        cleaned: float32 [T, D], centroids after level 1; likewise.
    """

    excluded: NDArray[np.bool_]
    deviation: Float32
    target: Integers
    distance: Float32
    merged: Integers
    centroids: Float32
    lengths: Float64
    counts: Integers
    first: Integers
    last: Integers
    wide: Integers
    given: Float32
    cleaned: Float32


class ChunkRows:
    """The samples of a chunk of an arrangement, read a few at a time.

    Args:
        features: float [N, D], in memory or in a file.
        arrangement: of the same N samples.
        chunk: number of the chunk.
        mean: float64 [D], subtracted from the features at length 1, which are then brought to length 1 again; or None.
    """

    def __init__(self, features: Rows, arrangement: Arrangement, chunk: int, mean: Float64 | None = None) -> None:
        videos = arrangement.videos[arrangement.chunks[chunk] : arrangement.chunks[chunk + 1] + 1]
        offsets = arrangement.tracklets[videos[0] : videos[-1] + 1]
        self._features, self._mean = features, mean
        self._order = arrangement.order[offsets[0] : offsets[-1]]
        self.offsets: Integers = offsets - offsets[0]
        self.videos: Integers = videos - videos[0]
        self.frames: Integers = arrangement.frames[offsets[0] : offsets[-1]]
        self.dim = features.shape[1]

    def rows(self, places: Integers | slice) -> Float64:
        """Float64 rows of length 1 at these places of the chunk."""
        numbers = self._order[places]
        rows = unit_vectors(self._features[numbers], numbers)
        return rows if self._mean is None else unit_vectors(rows - self._mean, numbers, centered=True)

    def batches(self) -> Iterator[tuple[range, slice, Float64]]:
        """Tracklets, the places of their samples, and the samples: whole tracklets, a few thousand samples a time."""
        begin = 0
        while begin < self.offsets.size - 1:
            end = int(np.searchsorted(self.offsets, self.offsets[begin] + _BATCH_ROWS, side="right")) - 1
            end = max(end, begin + 1)
            places = slice(int(self.offsets[begin]), int(self.offsets[end]))
            yield range(begin, end), places, self.rows(places)
            begin = end


def denoise_chunk(chunk: ChunkRows, options: DenoisingOptions) -> ChunkOutcome:
    """Carry out levels 1 and 2, or those of them that the options name."""
    first_level = _first_level(chunk, options)
    target = np.where(first_level.excluded, -1, np.repeat(np.arange(first_level.counts.size), np.diff(chunk.offsets)))
    distance = np.full(target.size, np.nan)
    merged = np.arange(first_level.counts.size)
    if 2 in options.levels:
        following = 0
        for video in range(chunk.videos.size - 1):
            tracklets = slice(int(chunk.videos[video]), int(chunk.videos[video + 1]))
            following = _second_level(chunk, tracklets, first_level, target, distance, merged, following, options)
    sums, counts = _new_sums(chunk, first_level, target, merged)
    centroids = directions(sums, counts)
    wide = 0
    if options.measure_noise:
        radius = np.zeros(counts.size)
        for _, places, rows in chunk.batches():
            kept = target[places] >= 0
            label = merged[target[places][kept]]
            np.maximum.at(radius, label, 1 - row_products(rows[kept], centroids[label]))
        wide = int((radius >= options.sigma_consistency).sum())
    return ChunkOutcome(
        excluded=first_level.excluded,
        deviation=first_level.deviation.astype(np.float32),
        target=target,
        distance=distance.astype(np.float32),
        merged=merged,
        centroids=centroids.astype(np.float32),
        lengths=np.sqrt(row_products(sums, sums)),
        counts=counts,
        first=first_level.first,
        last=first_level.last,
        wide=np.array([*first_level.wide, wide], np.int64),
        given=first_level.given,
        cleaned=first_level.cleaned,
    )


class _FirstLevel(NamedTuple):
    excluded: NDArray[np.bool_]
    deviation: Float64
    sums: Float64
    counts: Integers
    first: Integers
    last: Integers
    wide: tuple[int, int]
    given: Float32
    cleaned: Float32


def _first_level(chunk: ChunkRows, options: DenoisingOptions) -> _FirstLevel:
    """Level 1 of all tracklets of the chunk, with the sums of what it keeps."""
    samples, tracklets = int(chunk.offsets[-1]), chunk.offsets.size - 1
    excluded, deviation = np.zeros(samples, np.bool_), np.full(samples, np.nan)
    sums, counts = np.zeros((tracklets, chunk.dim)), np.zeros(tracklets, np.int64)
    first, last = np.zeros(tracklets, np.int64), np.zeros(tracklets, np.int64)
    wide = np.zeros(2, np.int64)
    stages: list[list[Float32]] = [[np.empty((0, chunk.dim), np.float32)] for _ in range(2)]
    sigma = options.sigma_consistency
    for part, places, rows in chunk.batches():
        offsets = chunk.offsets[part.start : part.stop + 1] - places.start
        level_1 = exclude_deviating(rows, offsets, sigma if 1 in options.levels else np.inf)
        excluded[places], deviation[places] = level_1
        kept = ~level_1.excluded
        remaining = np.add.reduceat(kept, offsets[:-1], dtype=np.int64)
        kept_offsets = np.concatenate([[0], np.cumsum(remaining)]).astype(np.int64)
        inside = slice(part.start, part.stop)
        sums[inside], counts[inside] = group_sums(rows[kept], kept_offsets), remaining
        frames = chunk.frames[places][kept]
        first[inside] = np.minimum.reduceat(frames, kept_offsets[:-1])
        last[inside] = np.maximum.reduceat(frames, kept_offsets[:-1])
        if options.measure_noise:
            for stage, (group_rows, group_offsets) in enumerate(((rows, offsets), (rows[kept], kept_offsets))):
                centroids = directions(group_sums(group_rows, group_offsets), np.diff(group_offsets))
                wide[stage] += int((radii(group_rows, group_offsets, centroids) >= sigma).sum())
                stages[stage].append(centroids.astype(np.float32))
    given, cleaned = (np.concatenate(parts) for parts in stages)
    return _FirstLevel(excluded, deviation, sums, counts, first, last, (int(wide[0]), int(wide[1])), given, cleaned)


def _second_level(
    chunk: ChunkRows,
    tracklets: slice,
    first_level: _FirstLevel,
    target: Integers,
    distance: Float64,
    merged: Integers,
    following: int,
    options: DenoisingOptions,
) -> int:
    """Level 2 of one video; fills in `target`, `distance` and `merged`, and returns the next new tracklet's number."""
    begin, end = int(chunk.offsets[tracklets.start]), int(chunk.offsets[tracklets.stop])
    moved = begin + np.flatnonzero(first_level.excluded[begin:end])
    own = np.searchsorted(chunk.offsets, moved, side="right") - 1 - tracklets.start
    numbers = np.arange(tracklets.stop - tracklets.start)
    spans = (
        Spans(numbers, np.zeros_like(numbers), first_level.first[tracklets], first_level.last[tracklets])
        if options.exclusive
        else None
    )
    rows = chunk.rows(moved) if moved.size else np.empty((0, chunk.dim))
    outcome = denoise_video(rows, own, first_level.sums[tracklets], first_level.counts[tracklets], spans, options)
    target[moved] = np.where(outcome.target >= 0, outcome.target + tracklets.start, -1)
    distance[moved] = outcome.distance
    merged[tracklets] = outcome.merged + following
    return following + int(outcome.merged.max()) + 1


def _new_sums(
    chunk: ChunkRows, first_level: _FirstLevel, target: Integers, merged: Integers
) -> tuple[Float64, Integers]:
    """Sums [U, D] and sizes [U] of the new tracklets: those that level 1 left, and what was moved to them."""
    sums, counts = np.zeros((int(merged.max()) + 1, chunk.dim)), np.zeros(int(merged.max()) + 1, np.int64)
    np.add.at(sums, merged, first_level.sums)
    np.add.at(counts, merged, first_level.counts)
    moved = np.flatnonzero(first_level.excluded & (target >= 0))
    if moved.size:
        np.add.at(sums, merged[target[moved]], chunk.rows(moved))
        np.add.at(counts, merged[target[moved]], 1)
    return sums, counts
