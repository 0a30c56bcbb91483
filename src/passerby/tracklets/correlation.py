"""Denoising of tracklets: all levels, and their outcome for every sample."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from passerby.config import check_settings
from passerby.metrics.arrays import as_features
from passerby.tracklets.arrangement import Arrangement, arrange
from passerby.tracklets.distance import Float32, Float64, Integers
from passerby.tracklets.engines.in_memory import MemoryWork, Work
from passerby.tracklets.engines.steps import first_inputs
from passerby.tracklets.grouping.components import ComponentSizes, component_sizes
from passerby.tracklets.grouping.linkage import reduced
from passerby.tracklets.grouping.links import Links, in_first_order, join
from passerby.tracklets.grouping.overlap import Spans
from passerby.tracklets.levels.cross_video import Identities, block_count, identify
from passerby.tracklets.options import DenoisingOptions
from passerby.tracklets.statistics import LevelStatistics, identity_distances, level_statistics

OUTCOMES = ("kept", "reallocated", "dropped by level 1", "dropped by level 2", "dropped as too few")
"""What can become of a sample; `Correlation.outcomes` holds positions in this list."""

KEPT, REALLOCATED, DROPPED_1, DROPPED_2, TOO_FEW = range(5)


@dataclass(frozen=True)
class Correlation:
    """Identities of N samples, and the outcome of each level, in the order of the input.

    Attributes:
        identities: int64 [N], 0..M-1 in the order of first members; -1 for dropped samples.
        tracklets: int64 [N], tracklets after level 2, numbered in video order; -1 for dropped samples.
        outcomes: uint8 [N], positions in `OUTCOMES`.
        deviations: float32 [N], distance to the centroid of the others of its tracklet when level 1 decided; NaN for a
            sample without others.
        other_distances: float32 [N], of samples that level 1 excluded: distance to the nearest other tracklet of the
            video; infinite without one, NaN for samples not excluded.
        moved_to: int64 [N], of re-allocated samples: an input row of the tracklet they were moved to; else -1.
        identity_distances: float32 [N], distance to the centroid of the identity, NaN for dropped samples; None where
            noise was not measured.
        levels: the state of the input and after each level carried out.
        most_joined: how many tracklets of the input the identity has that joins most of them.
        components: sizes in tracklets of the components of level 3's links, before any was split or refined.
        cut: components of more than 4,096 tracklets that level 3 cut at their longest links, whatever `oversize` says,
            since average linkage or an overlap in time had to be looked for inside of them.
        links: how many pairs level 3 linked.
        options: what was asked for.
    """

    identities: Integers
    tracklets: Integers
    outcomes: NDArray[np.uint8]
    deviations: Float32
    other_distances: Float32
    moved_to: Integers
    identity_distances: Float32 | None
    levels: list[LevelStatistics]
    most_joined: int
    components: ComponentSizes
    cut: int
    links: int
    options: DenoisingOptions


def denoise(
    features: Any,
    tracklets: Any,
    videos: Any,
    *,
    frames: Any = None,
    options: DenoisingOptions | None = None,
    **choices: Any,
) -> Correlation:
    """Turn noisy tracklets into identities (CION, arXiv 2409.18569).

    Args:
        features: float [N, D], array or tensor; need not be of length 1. May be a memory-mapped array.
        tracklets: labels [N], numbers or names, valid inside of a video.
        videos: labels [N]; their order of first occurrence is the order of level 3.
        frames: integers [N]; without them rows are taken to be in the order of frames.
        options: all choices at once; else they are given one by one, as `sigma_consistency=0.2`.
        **choices: fields of `DenoisingOptions`.

    Raises:
        DataError: lengths differ, a feature is zero or not finite, or tracklets chain.
        RecipeError: an option is unknown or out of range.
    """
    array = as_features(features, "tracklet")
    arrangement = arrange(videos, tracklets, frames)
    options = options or check_settings(DenoisingOptions, choices)
    return correlate(MemoryWork(first_inputs(array, arrangement, options), options))


@dataclass(frozen=True)
class _WithinVideos:
    """Levels 1 and 2 over all N samples (in canonical order), T tracklets and U new ones."""

    excluded: NDArray[np.bool_]
    deviation: Float32
    target: Integers  # [N], tracklets 0..T-1
    distance: Float32
    merged: Integers  # [T]
    lengths: Float64  # [U]
    counts: Integers  # [U]
    spans: Spans
    wide: Integers


_FIELDS = ("excluded", "deviation", "distance", "lengths", "counts", "first", "last")
"""Fields of `ChunkOutcome` that are put one after the other as they are."""


def correlate(work: Work) -> Correlation:
    """Carry out all levels that the options name."""
    options, arranged = work.options, work.inputs.arrangement
    within = _levels_1_and_2(work)
    kept = within.target >= 0
    tracklet = np.where(kept, within.merged[within.target], -1)
    third, links = _level_3(work, within)
    label = third.labels[tracklet]
    identity = in_first_order(np.where(kept & (np.bincount(label[kept])[label] >= options.min_images), label, -1))
    distance, levels = _states(work, within, identity, tracklet)
    return Correlation(
        identities=_in_input_order(arranged, identity),
        tracklets=_in_input_order(arranged, np.where(identity >= 0, tracklet, -1)),
        outcomes=_in_input_order(arranged, _outcomes(within, identity, options)),
        deviations=_in_input_order(arranged, within.deviation),
        other_distances=_in_input_order(arranged, within.distance),
        moved_to=_in_input_order(arranged, _moved_to(arranged, within)),
        identity_distances=None if distance is None else _in_input_order(arranged, distance),
        levels=levels,
        most_joined=_most_joined(_input_tracklets(arranged), np.where(within.excluded, -1, identity)),
        components=third.sizes,
        cut=third.cut,
        links=links,
        options=options,
    )


def _levels_1_and_2(work: Work) -> _WithinVideos:
    """Levels 1 and 2 of all chunks; publishes the centroids that they lead to."""
    arranged, chunks = work.inputs.arrangement, work.inputs.arrangement.chunks.size - 1
    parts: dict[str, list[NDArray[Any]]] = {}
    tracklets = merged = 0
    for result in work.results("levels-1-2", chunks, (*_FIELDS, "target", "merged", "wide")):
        target, new = result["target"], result["merged"]
        piece = {
            **{name: result[name] for name in _FIELDS},
            "target": np.where(target >= 0, target + tracklets, -1),
            "merged": new + merged,
            "wide": result["wide"][None],
        }
        for name, values in piece.items():
            parts.setdefault(name, []).append(values)
        tracklets, merged = tracklets + new.size, merged + int(new.max()) + 1
    rows = {"centroids": merged}
    if work.options.measure_noise:
        rows |= {"given": tracklets, "cleaned": tracklets}
    for name, count in rows.items():
        vectors = (result[name] for result in work.results("levels-1-2", chunks, (name,)))
        work.publish(name, (count, work.inputs.dim), np.float32, vectors)
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    videos = np.repeat(np.arange(arranged.videos.size - 1), np.diff(arranged.videos))
    spans = Spans(joined["merged"], videos, joined.pop("first"), joined.pop("last"))
    return _WithinVideos(**{**joined, "wide": joined["wide"].sum(axis=0)}, spans=spans)


def _level_3(work: Work, within: _WithinVideos) -> tuple[Identities, int]:
    """Level 3, and how many links it took."""
    options, count = work.options, within.counts.size
    if 3 not in options.levels:
        labels = np.arange(count)
        return Identities(labels, component_sizes(labels), 0), 0
    step, pieces = ("neighbours", 1) if options.search == "neighbours" else ("level-3", block_count(count))
    parts, total = [], 0
    for result in work.results(step, pieces):
        parts.append(Links(result["first"], result["second"], result["distance"]))
        total += int(result["count"][0])
    links, spans = reduced(join(parts), options), within.spans if options.exclusive else None
    return identify(links, work.inputs.arrays["centroids"], spans, options), total


def _outcomes(within: _WithinVideos, identity: Integers, options: DenoisingOptions) -> NDArray[np.uint8]:
    outcomes = np.full(identity.size, KEPT, np.uint8)
    outcomes[within.excluded] = REALLOCATED
    outcomes[identity < 0] = TOO_FEW
    outcomes[within.target < 0] = DROPPED_2 if 2 in options.levels else DROPPED_1
    return outcomes


def _moved_to(arranged: Arrangement, within: _WithinVideos) -> Integers:
    """The input row of the first sample of the tracklet that a sample was moved to; -1 for samples not moved."""
    rows = np.full(within.target.size, -1)
    moved = np.flatnonzero(within.excluded & (within.target >= 0))
    rows[moved] = arranged.order[arranged.tracklets[within.target[moved]]]
    return rows


Values = TypeVar("Values", bound=np.generic)


def _in_input_order(arranged: Arrangement, values: NDArray[Values]) -> NDArray[Values]:
    """Values in canonical order, in the order of the input."""
    result = np.empty_like(values)
    result[arranged.order] = values
    return result


def _states(
    work: Work, within: _WithinVideos, identity: Integers, tracklet: Integers
) -> tuple[Float32 | None, list[LevelStatistics]]:
    """Distances of samples to their identities' centroids (if noise is measured), and the state after each level."""
    options = work.options
    distance, wide = None, 0
    if options.measure_noise:
        of_tracklet = np.full(within.counts.size, -1, np.int64)
        of_tracklet[tracklet[identity >= 0]] = identity[identity >= 0]
        distance, wide = identity_distances(work, identity, of_tracklet, within.lengths)
    own = _input_tracklets(work.inputs.arrangement)
    levels = [level_statistics(work, "input", own, "given", int(within.wide[0]))]
    if 1 in options.levels:
        cleaned = np.where(within.excluded, -1, own)
        levels.append(level_statistics(work, "level 1", cleaned, "cleaned", int(within.wide[1])))
    if 2 in options.levels:
        levels.append(level_statistics(work, "level 2", tracklet, "centroids", int(within.wide[2])))
    if 3 in options.levels or options.min_images > 1:
        name = "level 3" if 3 in options.levels else "size"
        levels.append(level_statistics(work, name, identity, "identities", wide))
    return distance, levels


def _input_tracklets(arranged: Arrangement) -> Integers:
    """The tracklet of the input that each sample (in canonical order) came with."""
    lengths = np.diff(arranged.tracklets)
    return np.repeat(np.arange(lengths.size), lengths)


def _most_joined(own: Integers, identity: Integers) -> int:
    """Tracklets of the identity that has most, by samples that stayed with their tracklet; -1 is no identity."""
    stayed = identity >= 0
    of_tracklet = np.full(int(own.max()) + 1, -1)
    of_tracklet[own[stayed]] = identity[stayed]
    return component_sizes(of_tracklet).largest
