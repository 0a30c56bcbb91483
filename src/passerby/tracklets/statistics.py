"""The state of the samples in the input and after each level: counts, and the paper's measure of noise."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from passerby.tracklets.distance import Float32, Float64, Integers, Rows, directions, group_sums
from passerby.tracklets.engines.in_memory import Work
from passerby.tracklets.engines.steps import noise_range
from passerby.tracklets.levels.cross_video import block_count
from passerby.tracklets.noise import Noise

_GATHERED_ROWS = 8192


@dataclass(frozen=True)
class LevelStatistics:
    """The state after one level.

    Attributes:
        name: `input`, `level 1`, `level 2`, `level 3`, or `size` for identities dropped as too small.
        images: samples that are part of an identity.
        identities: how many there are; before level 3 each tracklet is one.
        largest: images of the largest identity.
        noise: the paper's measure, or None where it was not taken.
    """

    name: str
    images: int
    identities: int
    largest: int
    noise: Noise | None


def level_statistics(work: Work, name: str, labels: Integers, centroids: str, wide: int) -> LevelStatistics:
    """Counts of labels (-1 is no identity), and noise over the centroids published under that name.

    Args:
        work: compares centroids, if its options ask for noise.
        name: of the state.
        labels: int64 [N].
        centroids: `given`, `cleaned`, `centroids` or `identities`.
        wide: how many of the identities are at sigma_consistency or wider.
    """
    counts = np.bincount(labels[labels >= 0], minlength=1)
    counts = counts[counts > 0]
    noise = None
    if work.options.measure_noise:
        count = len(work.inputs.arrays[centroids])
        similar = sum(int(result["count"][0]) for result in work.results(f"noise-{centroids}", block_count(count)))
        noise = Noise(count, wide, similar, noise_range(work.inputs, work.options))
    return LevelStatistics(name, int(counts.sum()), counts.size, int(counts.max(initial=0)), noise)


def identity_distances(work: Work, identity: Integers, of_tracklet: Integers, lengths: Float64) -> tuple[Float32, int]:
    """The distance of N samples to the centroid of their identity, and how many identities are too wide.

    Publishes the centroids as `identities`.

    Args:
        work: goes over the samples.
        identity: int64 [N] in canonical order, -1 for dropped samples.
        of_tracklet: int64 [U], the identity of each tracklet, -1 for dropped ones.
        lengths: float64 [U], lengths of the sums of the tracklets' samples.
    """
    count = int(identity.max(initial=-1)) + 1
    centroids = _centroids(work.inputs.arrays["centroids"], lengths, of_tracklet)
    work.publish("identities", (count, work.inputs.dim), np.float32, centroids)
    work.publish("identity-of-sample", identity.shape, np.int64, [identity])
    distance = np.concatenate(
        [result["distance"] for result in work.results("identity-distances", work.inputs.arrangement.chunks.size - 1)]
    )
    radius = np.zeros(count)
    kept = np.flatnonzero(identity >= 0)
    np.maximum.at(radius, identity[kept], distance[kept])
    return distance, int((radius >= work.options.sigma_consistency).sum())


def _centroids(centroids: Rows, lengths: Float64, labels: Integers) -> Iterator[Float32]:
    """Centroids of groups of tracklets, whole groups at a time; tracklets labelled -1 are left out."""
    order = np.argsort(labels, kind="stable")
    order = order[np.searchsorted(labels[order], 0) :]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(labels[order]))]).astype(np.int64)
    begin = 0
    while begin < offsets.size - 1:
        end = max(begin + 1, int(np.searchsorted(offsets, offsets[begin] + _GATHERED_ROWS, side="right")) - 1)
        members = order[offsets[begin] : offsets[end]]
        rows = np.asarray(centroids[members], np.float64) * lengths[members, None]
        part = offsets[begin : end + 1] - offsets[begin]
        yield directions(group_sums(rows, part), np.diff(part)).astype(np.float32)
        begin = end
