"""Make lists of features that point alike, by FAISS's spherical k-means."""

import math

import numpy as np
from numpy.typing import NDArray

from passerby.extras import naming_extras
from passerby.gallery.nearest.inverted_lists import unit_centroids
from passerby.gallery.vectors import widened
from passerby.progress import Progress

_ROUNDS = 10
_LEARNED_FROM = 64
"""Features for each list that k-means learns from, drawn; of fewer, all."""

_BLOCK = 8_192


def number_of_lists(features: int) -> int:
    """How many lists so many features make: centroids then cost a search no more than the members of its lists."""
    return max(1, min(features, round(2 * math.sqrt(features))))


def cluster(features: NDArray[np.float16], *, show: bool) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
    """Group features.

    Args:
        features: float16 [N, D], at least one.
        show: whether to show progress.

    Returns:
        The list of each, int32 [N], and of each list the mean of its features, float16 [K, D].

    Raises:
        DeviceError: FAISS is not installed.
    """
    with naming_extras():
        import faiss
    count = number_of_lists(len(features))
    drawn = np.random.default_rng(0).permutation(len(features))[: _LEARNED_FROM * count]
    points = widened(features[np.sort(drawn)])
    kmeans = faiss.Kmeans(
        features.shape[1], count, niter=1, spherical=True, seed=0,
        min_points_per_centroid=1, max_points_per_centroid=_LEARNED_FROM,
    )  # fmt: skip
    with Progress("grouping", _ROUNDS, unit="rounds", quiet=not show) as progress:
        for _ in range(_ROUNDS):  # one at a time, so that it can be interrupted
            kmeans.train(points, init_centroids=kmeans.centroids)
            progress.advance(1)
    lists = nearest_lists(features, np.asarray(kmeans.centroids, np.float32), show=show)
    return lists, _means(features, lists, count)


def nearest_lists(features: NDArray[np.float16], centroids: NDArray[np.floating], *, show: bool) -> NDArray[np.int32]:
    """The list of each of some features, int32 [N]: the one whose centroid [K, D] is most alike."""
    unit = unit_centroids(centroids)
    found = np.empty(len(features), np.int32)
    with Progress("sorting", len(features), unit="features", quiet=not show) as progress:
        for first in range(0, len(features), _BLOCK):
            some = features[first : first + _BLOCK]
            found[first : first + len(some)] = np.argmax(widened(some) @ unit.T, axis=1)
            progress.advance(len(some))
    return found


def mean_of(features: NDArray[np.float16]) -> NDArray[np.float16]:
    """The mean of features float16 [N, D], float16 [D]; of a single one, that one."""
    mean: NDArray[np.float16] = features.mean(0, dtype=np.float64).astype(np.float16)
    return mean


def _means(features: NDArray[np.float16], lists: NDArray[np.int32], count: int) -> NDArray[np.float16]:
    order = np.argsort(lists, kind="stable")
    starts = np.searchsorted(lists[order], np.arange(count + 1))
    means = np.zeros((count, features.shape[1]), np.float16)
    for each in range(count):
        members = order[starts[each] : starts[each + 1]]
        if len(members):
            means[each] = mean_of(features[members])
    return means
