"""Positives of every query, and the gallery images that are left out of its ranking."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.labels import JUNK
from passerby.metrics.arrays import Integers, as_labels

_PAIRS = 2**20
"""Most same-identity pairs that a block of queries may have: bounds memory where a gallery has few identities."""


@dataclass(frozen=True, eq=False)
class Matches:
    """The positives of every query. A gallery image is named by its position among those that are not junk.

    Attributes:
        rows: int64 [K], the gallery row at each position, ascending.
        camera_rule: whether images of the query's own identity and camera are left out.
        junk: number of gallery images that are junk, G - K.
        counts: int64 [Q], number of positives of each query.
    """

    rows: Integers
    camera_rule: bool
    junk: int
    counts: Integers
    _positions: Integers  # sorted by identity, ascending within one
    _starts: Integers  # of each query's own identity in _positions
    _stops: Integers
    _query_cameras: Integers
    _gallery_cameras: Integers  # by position; all -1, and those of the queries -2, where there is no camera rule

    @classmethod
    def of(
        cls,
        queries: int,
        gallery: int,
        query_identities: Any,
        gallery_identities: Any,
        query_cameras: Any = None,
        gallery_cameras: Any = None,
    ) -> "Matches":
        """Check the labels of `queries` queries and `gallery` images and find the positives.

        Raises:
            EvaluationError: labels of another length or not integers, a query of identity -1, cameras of one side only.
        """
        if (query_cameras is None) != (gallery_cameras is None):
            missing = "query" if query_cameras is None else "gallery"
            raise EvaluationError(
                f"{missing} cameras are missing: give cameras for both query and gallery, or for neither"
            )
        of_queries = as_labels(query_identities, queries, "query identities")
        of_gallery = as_labels(gallery_identities, gallery, "gallery identities")
        if (of_queries == JUNK).any():
            count = int(np.count_nonzero(of_queries == JUNK))
            raise EvaluationError(
                f"{count} queries have identity {JUNK} (junk), which nothing can match: leave them out"
            )
        rows = np.flatnonzero(of_gallery != JUNK)
        of_gallery = of_gallery[rows]
        camera_rule = query_cameras is not None
        if camera_rule:
            by_query = as_labels(query_cameras, queries, "query cameras")
            by_gallery = as_labels(gallery_cameras, gallery, "gallery cameras")[rows]
        else:
            by_query, by_gallery = np.full(queries, -2, dtype=np.int64), np.full(rows.size, -1, dtype=np.int64)
        positions = np.argsort(of_gallery, kind="stable")
        starts, stops = _ranges(of_gallery[positions], of_queries)
        own_starts, own_stops = _pair_ranges(of_gallery, by_gallery, of_queries, by_query)
        counts = (stops - starts) - (own_stops - own_starts)
        return cls(rows, camera_rule, gallery - rows.size, counts, positions, starts, stops, by_query, by_gallery)

    def same_identity(self, query: int) -> Integers:
        """List the positions of all images of the query's own identity, ascending."""
        return self._positions[self._starts[query] : self._stops[query]]

    def positives(self, query: int) -> Integers:
        """List the positions of the images that the query should find, ascending."""
        same = self.same_identity(query)
        keep: NDArray[np.bool_] = self._gallery_cameras[same] != self._query_cameras[query]
        return same[keep]

    def left_out(self, query: int) -> Integers:
        """List the positions of the images that are left out of this query's ranking, ascending."""
        same = self.same_identity(query)
        own: NDArray[np.bool_] = self._gallery_cameras[same] == self._query_cameras[query]
        return same[own]

    def query_blocks(self, limit: int) -> Iterator[Integers]:
        """Yield the queries that have positives, at most `limit` at a time, and fewer where these are very many."""
        queries = np.flatnonzero(self.counts)
        pairs = np.cumsum((self._stops - self._starts)[queries])
        start = 0
        while start < queries.size:
            before = pairs[start - 1] if start else 0
            stop = int(np.searchsorted(pairs, before + _PAIRS, side="right"))
            stop = min(max(stop, start + 1), start + limit)
            yield queries[start:stop]
            start = stop


def _ranges(ordered: Integers, wanted: Integers) -> tuple[Integers, Integers]:
    """Find where each wanted label starts and stops in a sorted column."""
    return np.searchsorted(ordered, wanted, side="left"), np.searchsorted(ordered, wanted, side="right")


def _pair_ranges(
    gallery_identities: Integers, gallery_cameras: Integers, query_identities: Integers, query_cameras: Integers
) -> tuple[Integers, Integers]:
    """Find the same for pairs of identity and camera, renumbered so that labels of any size make one number."""
    _, identities = np.unique(np.concatenate([gallery_identities, query_identities]), return_inverse=True)
    names, cameras = np.unique(np.concatenate([gallery_cameras, query_cameras]), return_inverse=True)
    pairs = identities * len(names) + cameras
    return _ranges(np.sort(pairs[: len(gallery_identities)]), pairs[len(gallery_identities) :])
