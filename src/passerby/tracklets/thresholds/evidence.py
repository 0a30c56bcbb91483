"""Distances inside of tracklets and between tracklets of different people, as evidence for thresholds."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from passerby.tracklets.arrangement import Arrangement
from passerby.tracklets.distance import (
    Float32,
    Float64,
    Integers,
    cosine_distances,
    directions,
    group_sums,
    row_products,
)
from passerby.tracklets.grouping.overlap import Spans, by_part, conflicts
from passerby.tracklets.levels.chunk import ChunkRows
from passerby.tracklets.levels.single_tracklet import exclude_deviating

_ENOUGH = 2_000_000
"""Pairs of different people after which no more videos are drawn."""

_PAIRS_OF_A_VIDEO = 200_000
"""Of a video with more pairs of different people, so many are drawn: pairs grow with the square of its tracklets."""

_PIECE = 8192

_SOUND_SAMPLES, _SOUND_SHARE = 3, 0.6
"""How many samples, and what share of them, level 1 must leave of a tracklet that is to be relied on."""


Chunks = Sequence[ChunkRows]
"""Samples, a chunk of videos at a time; read when they are needed."""


def drawn_chunks(arrangement: Arrangement, *, timed: bool) -> list[int]:
    """Chunks drawn at random (always the same) until they have pairs enough, ascending; all where there are not more.

    In drawing and not in order, since neighbours in order are often of one place.
    """
    drawn, pairs = [], 0
    for chunk in np.random.default_rng(0).permutation(arrangement.chunks.size - 1).tolist():
        drawn.append(chunk)
        pairs += _pairs_in_chunk(arrangement, chunk, timed=timed)
        if pairs > _ENOUGH:
            break
    return sorted(drawn)


def _pairs_in_chunk(arrangement: Arrangement, chunk: int, *, timed: bool) -> int:
    pairs = 0
    for video in range(int(arrangement.chunks[chunk]), int(arrangement.chunks[chunk + 1])):
        offsets = arrangement.tracklets[arrangement.videos[video] : arrangement.videos[video + 1] + 1]
        frames = arrangement.frames[offsets[0] : offsets[-1]]
        pairs += _different(frames, offsets - offsets[0], timed=timed)[0].size
    return pairs


def deviations_and_negatives(chunks: Chunks, sigma: float, *, timed: bool) -> tuple[Float64, Float64]:
    """Distances of samples to the centroid of the others of their tracklet, and to centroids of other people.

    Both ascending. Centroids are as level 1 leaves them with the threshold `sigma`; samples that it excludes are
    measured too. `timed` says whether frames tell which tracklets overlap.
    """
    inside, outside = [np.empty(0)], [np.empty(0)]
    for chunk_rows in chunks:
        for video in range(chunk_rows.videos.size - 1):
            rows, offsets, frames = _video(chunk_rows, video)
            level_1 = exclude_deviating(rows, offsets, sigma)
            centroids, _ = _cleaned(rows, offsets, ~level_1.excluded)
            labels = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
            against = 1 - row_products(rows, centroids[labels])
            deviations = np.where(level_1.excluded, against, level_1.deviation)
            inside.append(deviations[~np.isnan(deviations)])
            first, second = _different(frames, offsets, timed=timed)
            # One sample of each stands for all: pairs are many, and samples of a tracklet are alike.
            outside += [
                _distances(rows, centroids, offsets[one], other) for one, other in ((first, second), (second, first))
            ]
    return np.sort(np.concatenate(inside)), np.sort(np.concatenate(outside))


def _distances(rows: Float64, centroids: Float64, first: Integers, second: Integers) -> Float64:
    """Distances of rows to centroids, pair by pair; few vectors of the pairs are in memory at once."""
    distances = np.empty(first.size)
    for start in range(0, first.size, _PIECE):
        part = slice(start, start + _PIECE)
        distances[part] = 1 - row_products(rows[first[part]], centroids[second[part]])
    return distances


def overlaps_suffice(arrangement: Arrangement, fewest: int) -> bool:
    """Whether at least `fewest` pairs of tracklets overlap in time in their videos."""
    offsets = arrangement.tracklets
    first = np.minimum.reduceat(arrangement.frames, offsets[:-1])
    last = np.maximum.reduceat(arrangement.frames, offsets[:-1])
    pairs = 0
    for begin, end in pairwise(arrangement.videos.tolist()):
        parts = np.arange(end - begin)
        pairs += conflicts(Spans(parts, np.zeros_like(parts), first[begin:end], last[begin:end]), parts)[0].size
        if pairs >= fewest:
            return True
    return False


def _cleaned(rows: Float64, offsets: Integers, kept: NDArray[np.bool_]) -> tuple[Float64, Integers]:
    """Centroids of tracklets over the samples kept, and where those begin."""
    counts = np.add.reduceat(kept, offsets[:-1], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return directions(group_sums(rows[kept], offsets), counts), offsets


def distances_between(chunks: Chunks, sigma: float, *, timed: bool, sound_only: bool = True) -> tuple[Float64, Float32]:
    """Distances between centroids of different people in one video, ascending, and all centroids looked at.

    Centroids are as level 1 leaves them with the threshold `sigma`, or switched samples would draw people together.
    With `sound_only`, only tracklets that level 1 leaves mostly as they are give distances: what is left of others may
    be of another person whose own tracklet is beside them.
    """
    between, centroids = [np.empty(0)], []
    for chunk_rows in chunks:
        for video in range(chunk_rows.videos.size - 1):
            rows, given, frames = _video(chunk_rows, video)
            kept = ~exclude_deviating(rows, given, sigma).excluded
            middle, offsets = _cleaned(rows, given, kept)
            sizes = np.diff(offsets)
            sound = (sizes >= _SOUND_SAMPLES) & (sizes >= _SOUND_SHARE * np.diff(given))
            first, second = _different(frames[kept], offsets, timed=timed)
            usable = (sound[first] & sound[second]) | (not sound_only)
            first, second = first[usable], second[usable]
            between.append(cosine_distances(middle, first, middle, second))
            centroids.append(middle.astype(np.float32))
    distances = np.sort(np.concatenate(between))
    return distances, np.concatenate(centroids)


def _video(chunk: ChunkRows, video: int) -> tuple[Float64, Integers, Integers]:
    """Samples, tracklet borders and frames of one video."""
    offsets = chunk.offsets[chunk.videos[video] : chunk.videos[video + 1] + 1]
    places = slice(int(offsets[0]), int(offsets[-1]))
    return chunk.rows(places), offsets - offsets[0], chunk.frames[places]


def _different(frames: Integers, offsets: Integers, *, timed: bool) -> tuple[Integers, Integers]:
    """Pairs of tracklets of one video that are different people: those that overlap in time, or else all.

    Of more than `_PAIRS_OF_A_VIDEO`, about so many are drawn, the same ones whenever the video is looked at.
    """
    count = offsets.size - 1
    generator = np.random.default_rng(count)
    if not timed and count * (count - 1) // 2 > _PAIRS_OF_A_VIDEO:
        ends = generator.integers(0, count, (2, _PAIRS_OF_A_VIDEO))
        first, second = np.unique(np.sort(ends[:, ends[0] != ends[1]], axis=0), axis=1)
        return first, second
    if not timed:
        first, second = np.triu_indices(count, 1)
        return first.astype(np.int64), second.astype(np.int64)
    parts = np.arange(count)
    spans = Spans(
        parts,
        np.zeros(count, np.int64),
        np.minimum.reduceat(frames, offsets[:-1]),
        np.maximum.reduceat(frames, offsets[:-1]),
    )
    first, second = conflicts(by_part(spans), parts)
    if first.size > _PAIRS_OF_A_VIDEO:
        drawn = np.sort(generator.choice(first.size, _PAIRS_OF_A_VIDEO, replace=False))
        first, second = first[drawn], second[drawn]
    return first, second
