"""Re-ranking: distances between queries and gallery that also know the neighbourhoods of both.

k-reciprocal re-ranking of Zhong et al. (CVPR 2017). Published programs hold several N × N matrices; here neighbourhoods
are sparse and distances are computed in blocks, so memory grows with N and with the Q × G distances returned.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from passerby.errors import EvaluationError
from passerby.metrics.all_pairs import NearestRows, Search, nearest_rows
from passerby.metrics.distance import Distances, Metric
from passerby.metrics.features import as_features
from passerby.metrics.overlap import Overlap
from passerby.metrics.reciprocal import averaged, pair_distances, reciprocal_sets, weighted
from passerby.metrics.sweep import closeness

Variant = Literal["float32", "original"]

_QUERIES = 256
"""Queries whose distances are computed at a time."""


def k_reciprocal(
    query: Any,
    gallery: Any,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    metric: Metric = "cosine",
    variant: Variant = "float32",
    search: Search = "numpy",
) -> NDArray[np.float32]:
    """k-reciprocal re-ranked distances, to be ranked with `rank_distances`.

    With all Q + G images as one set, d(i, j) the squared Euclidean distance divided by that of i's farthest image, and
    V the weights exp(-d) on the expanded k1-reciprocal neighbours, averaged over the k2 nearest images, the result is

        (1 - λ) · (1 - Σ min(V_q, V_g) / (2 - Σ min(V_q, V_g))) + λ · d(q, g).

    Neighbours are exact, equally far ones come in the order query, gallery. This uses the whole query set and gallery
    together, which a search for one person cannot: report such figures apart.

    Args:
        query: float [Q, D], array or torch tensor; need not be normalised.
        gallery: float [G, D].
        k1: size of the reciprocal neighbourhoods.
        k2: images averaged over (local query expansion); 1 for none.
        lambda_value: share of the original distance, 0 to 1.
        metric: `"cosine"` compares unit vectors, which is what published programs are given.
        variant: `"original"` rounds V and the sums of minima to half precision, as the published program stores them;
            its figures differ in the third digit.
        search: how neighbours are found, see `passerby.metrics.all_pairs`; never changes them.

    Returns:
        float32 [Q, G].

    Raises:
        EvaluationError: features that cannot be compared, or parameters out of range.
        DeviceError: faiss is asked for and not installed.
    """
    check_neighbourhoods(k1, k2)
    if not 0 <= lambda_value <= 1:
        raise EvaluationError(f"lambda_value must be between 0 and 1, not {lambda_value}")
    if variant not in ("float32", "original"):
        raise EvaluationError(f"variant {variant!r} is not known: choose 'float32' or 'original'")
    distances = joint_distances(query, gallery, metric)
    nearest = nearest_rows(distances, max(k1 + 1, k2), search=search)
    dtype = np.float16 if variant == "original" else np.float32
    sets = reciprocal_sets(nearest.indices, k1)
    scale = np.where(nearest.farthest > 0, nearest.farthest, np.float32(1))  # one picture, many times
    normalised = pair_distances(sets, distances) / np.repeat(scale, np.diff(sets.indptr))
    encoding = averaged(weighted(sets, normalised, dtype), nearest, k2, dtype)
    return _mixed(distances, encoding, scale, len(query), lambda_value, dtype)


def joint_distances(query: Any, gallery: Any, metric: Metric) -> Distances:
    """Distances among queries and gallery taken as one set, queries first."""
    parts = as_features(query, "query"), as_features(gallery, "gallery")
    if parts[0].shape[1] != parts[1].shape[1]:
        return Distances(*parts, metric)  # which says what is wrong
    joined = np.concatenate(parts)
    return Distances(joined, joined, metric)


def check_neighbourhoods(k1: int, k2: int) -> None:
    """Refuse sizes below 1."""
    for name, value in (("k1", k1), ("k2", k2)):
        if value < 1:
            raise EvaluationError(f"{name} must be at least 1, not {value}")


def _mixed(
    distances: Distances,
    encoding: sparse.csr_array,
    scale: NDArray[np.float32],
    queries: int,
    share: float,
    dtype: Any,
) -> NDArray[np.float32]:
    """Jaccard distances of queries and gallery, mixed with the original ones; float32 [Q, G]."""
    gallery = distances.candidates(np.arange(queries, len(distances.gallery)))
    overlap = Overlap(encoding[queries:], dtype)
    mixed = np.empty((queries, len(gallery.squares)), dtype=np.float32)
    for start in range(0, queries, _QUERIES):
        rows = np.arange(start, min(start + _QUERIES, queries))
        part = mixed[start : start + rows.size]
        closeness(distances.candidates(rows), gallery, out=part)
        part *= (-2 * share / scale[rows])[:, None].astype(np.float32)
        np.maximum(part, 0, out=part)
        for line, row in zip(part, rows, strict=True):
            overlap.add_jaccard(line, encoding, int(row), 1 - share)
    return mixed


__all__ = ["NearestRows", "k_reciprocal"]
