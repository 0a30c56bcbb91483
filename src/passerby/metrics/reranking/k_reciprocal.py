"""k-reciprocal re-ranking (Zhong et al., CVPR 2017): distances that also compare neighbourhoods.

Published programs hold several N × N matrices; here neighbourhoods
are sparse and distances are computed in blocks, so memory grows with N and with the Q × G distances returned.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import as_features, squared_norms
from passerby.metrics.distances.all_pairs import NearestRows, Search, nearest_rows
from passerby.metrics.distances.distance import Block, Distances, Metric, inverse_lengths
from passerby.metrics.reranking.jaccard_overlap import Overlap
from passerby.metrics.reranking.reciprocal_encoding import average_neighbours, pair_distances, reciprocal_sets, weigh

if TYPE_CHECKING:
    from scipy import sparse

Variant = Literal["float32", "original"]


def rerank(
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
    """Compute k-reciprocal re-ranked distances, to be ranked with `rank_distances`.

    With all Q + G images as one set, d(i, j) the squared Euclidean distance divided by that of i's farthest image, and
    V the weights exp(-d) on the expanded k1-reciprocal neighbours, averaged over the k2 nearest images, the result is

        (1 - λ) · (1 - Σ min(V_q, V_g) / (2 - Σ min(V_q, V_g))) + λ · d(q, g).

    Neighbours are exact; equally far ones come in the order query, gallery. The whole query set and gallery are used
    together, which a search for one person cannot do: report such metrics apart.

    Args:
        query: float [Q, D], array or torch tensor; need not be normalised.
        gallery: float [G, D].
        k1: size of the reciprocal neighbourhoods.
        k2: images averaged over (local query expansion); 1 for none.
        lambda_value: share of the original distance, 0 to 1.
        metric: `"cosine"` compares unit vectors, which is what published programs are given.
        variant: `"original"` rounds V and the sums of minima to half precision, as the published program stores them;
            its metrics differ in the third digit.
        search: how neighbours are found, see `passerby.metrics.distances.all_pairs`; never changes them.

    Returns:
        float32 [Q, G].

    Raises:
        EvaluationError: features that cannot be compared, or parameters out of range.
        DeviceError: faiss is asked for and not installed.
    """
    check_reranking(k1, k2, lambda_value, variant)
    distances = joint_distances(query, gallery, metric)
    rows = distances.candidates(np.arange(len(distances.gallery)))
    original = _OriginalDistances(len(query), len(distances.gallery))
    nearest = nearest_rows(distances, rows, max(k1 + 1, k2), search=search, observe=original)
    dtype = np.float16 if variant == "original" else np.float32
    scale = np.where(nearest.farthest > 0, nearest.farthest, np.float32(1))  # one picture, many times
    encoding = _encoding(nearest, rows, k1, k2, scale, dtype)
    return _mix(original.distances, encoding, scale, lambda_value, dtype)


def _mix(
    distances: NDArray[np.float32],
    encoding: "sparse.csr_array",
    scale: NDArray[np.float32],
    lambda_value: float,
    dtype: Any,
) -> NDArray[np.float32]:
    """Mix the original distances [Q, G] with the Jaccard distances of the encoding [Q + G, Q + G], in place."""
    distances *= np.float32(lambda_value) / scale[: len(distances), None]
    overlap = Overlap(encoding[len(distances) :], dtype)
    for row, line in enumerate(distances):
        overlap.add_jaccard(line, encoding, row, 1 - lambda_value)
    return distances


def _encoding(
    nearest: NearestRows, rows: Block, k1: int, k2: int, scale: NDArray[np.float32], dtype: Any
) -> "sparse.csr_array":
    """Compute V [N, N] from the nearest rows and the scale [N] of each row's distances."""
    sets = reciprocal_sets(nearest.indices, k1)
    distances = pair_distances(sets, rows)
    distances /= np.repeat(scale, np.diff(sets.indptr))
    return average_neighbours(weigh(sets, distances, dtype), nearest, k2, dtype)


def joint_distances(query: Any, gallery: Any, metric: Metric) -> Distances:
    """Prepare distances among queries and gallery taken as one set, queries first.

    Raises:
        EvaluationError: features that cannot be compared, named by the side they are of.
    """
    parts = as_features(query, "query"), as_features(gallery, "gallery")
    if parts[0].shape[1] != parts[1].shape[1]:
        return Distances(*parts, metric)  # which says what is wrong
    for part, name in zip(parts, ("query", "gallery"), strict=True):
        norms = squared_norms(part, name)
        if metric == "cosine":
            inverse_lengths(norms, name)
    joined = np.concatenate(parts)
    return Distances(joined, joined, metric)


def check_reranking(k1: int, k2: int, lambda_value: float, variant: str = "float32") -> None:
    """Refuse parameters of re-ranking that are out of range."""
    if variant not in ("float32", "original"):
        raise EvaluationError(f"variant {variant!r} is not known: choose 'float32' or 'original'")
    check_neighbourhoods(k1, k2)
    if not 0 <= lambda_value <= 1:
        raise EvaluationError(f"lambda_value must be between 0 and 1, not {lambda_value}")


def check_neighbourhoods(k1: int, k2: int) -> None:
    """Refuse sizes below 1."""
    for name, value in (("k1", k1), ("k2", k2)):
        if value < 1:
            raise EvaluationError(f"{name} must be at least 1, not {value}")


class _OriginalDistances:
    """Squared distances of queries and gallery, float32 [Q, G], collected during a pass over all pairs."""

    def __init__(self, queries: int, total: int) -> None:
        self.distances = np.empty((queries, total - queries), dtype=np.float32)

    def __call__(self, rows: slice, columns: slice, values: NDArray[np.float32]) -> None:
        """Take those of a block; queries come first, so the upper triangle holds all."""
        queries = len(self.distances)
        stop, start = min(rows.stop, queries), max(columns.start, queries)
        if rows.start < stop and start < columns.stop:
            part = self.distances[rows.start : stop, start - queries : columns.stop - queries]
            np.multiply(values[: stop - rows.start, start - columns.start :], np.float32(-2), out=part)
            np.maximum(part, 0, out=part)
