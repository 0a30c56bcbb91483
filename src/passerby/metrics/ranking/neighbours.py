"""The k nearest gallery images of every query, for rank lists and search results."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers
from passerby.metrics.distances.distance import (
    Block,
    Distances,
    Metric,
    margin,
    relative_similarity,
    relative_similarity_of,
)
from passerby.metrics.ranking.matches import Matches

QUERY_BLOCK = 1024
GALLERY_BLOCK = 8192
"""Rows compared at a time; their float32 product takes 32 MiB."""


class Neighbours(NamedTuple):
    """The k nearest gallery images of Q queries, nearest first.

    Attributes:
        indices: int64 [Q, k], gallery rows; -1 where fewer than k images are left to rank.
        scores: float32 [Q, k], the cosine similarity, or the Euclidean distance for that metric; NaN beside -1.
    """

    indices: Integers
    scores: NDArray[np.float32]


def top_k(
    query_features: Any,
    gallery_features: Any,
    k: int,
    *,
    query_identities: Any = None,
    gallery_identities: Any = None,
    query_cameras: Any = None,
    gallery_cameras: Any = None,
    metric: Metric = "cosine",
    query_block: int = QUERY_BLOCK,
    gallery_block: int = GALLERY_BLOCK,
) -> Neighbours:
    """Find the `k` nearest gallery images of every query, in the order of `rank`.

    Without labels the whole gallery is searched. With identities (of both sides) junk is left out, with cameras as well
    also the images of the query's own identity and camera. Equally far images come in gallery order.

    Args:
        query_features: float [Q, D], array or torch tensor; need not be normalised.
        gallery_features: float [G, D].
        k: how many; may exceed the gallery.
        query_identities: integer [Q], or None; -1 is refused.
        gallery_identities: integer [G], or None; -1 is junk.
        query_cameras: integer [Q], or None.
        gallery_cameras: integer [G], or None.
        metric: `"cosine"` or `"euclidean"`.
        query_block: number of queries compared at a time; bounds memory, never changes the result.
        gallery_block: number of gallery images compared at a time; likewise.

    Raises:
        EvaluationError: as `rank`; also labels of one side only, and cameras without identities.
    """
    for name, value in (("k", k), ("query_block", query_block), ("gallery_block", gallery_block)):
        if value < 1:
            raise EvaluationError(f"{name} must be at least 1, not {value}")
    distances = Distances(query_features, gallery_features, metric)
    queries, gallery = len(distances.query), len(distances.gallery)
    matches = _matches(queries, gallery, query_identities, gallery_identities, query_cameras, gallery_cameras)
    indices = np.full((queries, k), -1, dtype=np.int64)
    scores = np.full((queries, k), np.nan, dtype=np.float32)
    product = np.empty(min(query_block, queries) * min(gallery_block, gallery), dtype=np.float32)
    for start in range(0, queries, query_block):
        rows = np.arange(start, min(start + query_block, queries))
        for row, nearest in zip(rows, _nearest(distances, matches, rows, k, gallery_block, product), strict=True):
            indices[row, : nearest.positions.size] = matches.rows[nearest.positions]
            scores[row, : nearest.positions.size] = distances.scores(nearest.distances)
    return Neighbours(indices, scores if metric == "cosine" else -scores)


def _matches(
    queries: int, gallery: int, query_identities: Any, gallery_identities: Any, query_cameras: Any, gallery_cameras: Any
) -> Matches:
    """Decide which images are left out; without labels none is."""
    if (query_identities is None) != (gallery_identities is None):
        raise EvaluationError(
            "identities are given for one side only: give them for both query and gallery, or neither"
        )
    if query_identities is None:
        if query_cameras is not None or gallery_cameras is not None:
            raise EvaluationError("cameras leave images out only together with identities: give both, or neither")
        query_identities, gallery_identities = np.zeros(queries, dtype=np.int64), np.zeros(gallery, dtype=np.int64)
    return Matches.of(queries, gallery, query_identities, gallery_identities, query_cameras, gallery_cameras)


class _Nearest:
    """The nearest images of one query so far: `positions` and exact `distances`, nearest first."""

    def __init__(self, row: int, square: float, k: int) -> None:
        self.row, self.square, self.k = row, square, k
        self.positions = np.empty(0, dtype=np.int64)
        self.distances = np.empty(0, dtype=np.float32)

    def bound(self, values: NDArray[np.float32], slack: float) -> float:
        """Return the screening value below which no image can be among the nearest k."""
        if self.positions.size == self.k:
            return float(relative_similarity_of(self.square, self.distances[-1:])[0]) - slack
        if values.size > self.k:
            return float(np.partition(values, -self.k)[-self.k]) - 2 * slack
        return float(-np.inf)

    def add(self, positions: Integers, distances: NDArray[np.float32]) -> None:
        """Merge in images of later, ascending positions."""
        positions = np.concatenate([self.positions, positions])
        distances = np.concatenate([self.distances, distances])
        order = np.argsort(distances, kind="stable")[: self.k]
        self.positions, self.distances = positions[order], distances[order]


def _nearest(
    distances: Distances, matches: Matches, rows: Integers, k: int, gallery_block: int, product: NDArray[np.float32]
) -> list[_Nearest]:
    """Find the nearest images of a block of queries."""
    block = distances.queries(rows)
    found = [_Nearest(int(row), float(square), k) for row, square in zip(rows, block.squares, strict=True)]
    left_out = [matches.left_out(int(row)) for row in rows]
    for start in range(0, matches.rows.size, gallery_block):
        candidates: Block = distances.candidates(matches.rows[start : start + gallery_block])
        screened = relative_similarity(block, candidates, out=product)
        for nearest, values, slack, hidden in zip(found, screened, margin(block, candidates), left_out, strict=True):
            first, last = np.searchsorted(hidden, (start, start + values.size))
            values[hidden[first:last] - start] = -np.inf
            bound = np.nextafter(np.float32(nearest.bound(values, float(slack))), np.float32(-np.inf))
            places = np.flatnonzero((values >= bound) & (values > -np.inf))
            if places.size:
                exact = distances.exact(nearest.row, matches.rows[start + places])
                nearest.add(start + places, exact)
    return found
