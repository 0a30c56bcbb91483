"""Ranking by given distances, such as re-ranked ones, by the Market-1501 protocol."""

from typing import Any

import numpy as np

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Features, Integers, as_array
from passerby.metrics.ranking.matches import Matches
from passerby.metrics.ranking.positives import PositiveCounts
from passerby.metrics.ranking.rank_metrics import AveragePrecision, RankingResult, Ties, summarise

_BLOCK = 4096
"""Queries ranked at a time."""


def rank_distances(
    distances: Any,
    query_identities: Any,
    gallery_identities: Any,
    query_cameras: Any = None,
    gallery_cameras: Any = None,
    *,
    max_rank: int = 50,
    ap: AveragePrecision = "step",
    ties: Ties = "gallery",
) -> RankingResult:
    """Rank the gallery for every query by given distances.

    Args:
        distances: float [Q, G], array or torch tensor; smaller is nearer. Any number that orders will do.
        query_identities: integer [Q]; -1 is refused.
        gallery_identities: integer [G]; -1 is junk.
        query_cameras: integer [Q], or None, as for `rank`.
        gallery_cameras: integer [G], or None where the queries have none.
        max_rank: length of the CMC curve.
        ap: how average precision is summed, as for `rank`.
        ties: the order of equally far images, as for `rank`.

    Raises:
        EvaluationError: a shape or dtype that does not fit, NaN, or labels as `rank` refuses them.
    """
    array = as_distances(distances)
    queries, gallery = array.shape
    matches = Matches.of(queries, gallery, query_identities, gallery_identities, query_cameras, gallery_cameras)
    counted = (_count(array, matches, rows) for rows in matches.query_blocks(_BLOCK))
    return summarise(counted, matches, max_rank=max_rank, ap=ap, ties=ties, metric="given")


def as_distances(distances: Any) -> Features:
    """Check distances [Q, G] of a floating dtype without NaN; anything else is an EvaluationError."""
    array = as_array(distances)
    if array.ndim != 2 or 0 in array.shape or not np.issubdtype(array.dtype, np.floating):
        raise EvaluationError(
            f"distances must be floating point of shape [Q, G], not {array.dtype} {list(array.shape)}"
        )
    for row, line in enumerate(array):
        if np.isnan(line).any():
            raise EvaluationError(f"distances hold NaN, first in row {row}: whatever made them is broken")
    return array


def _count(array: Features, matches: Matches, rows: Integers) -> PositiveCounts:
    """Count the negatives before each positive of these query rows."""
    columns = [_count_one(array[row], matches, int(row)) for row in rows]
    nearer, tied, before = (np.concatenate(each) for each in zip(*columns, strict=True))
    return PositiveCounts(rows, np.concatenate([[0], np.cumsum(matches.counts[rows])]), nearer, tied, before)


def _count_one(line: Features, matches: Matches, query: int) -> tuple[Integers, Integers, Integers]:
    """Count for one query the negatives nearer than each positive, those as far, and those of them before it."""
    positives = matches.positives(query)
    line = line if matches.junk == 0 else line[matches.rows]
    positives = positives[np.argsort(line[positives], kind="stable")]
    own = line[positives]
    negative = np.ones(line.size, dtype=bool)
    negative[matches.same_identity(query)] = False
    negative &= line <= own[-1]
    places = np.flatnonzero(negative)
    places = places[np.argsort(line[places], kind="stable")]
    nearer, stops = (np.searchsorted(line[places], own, side=side) for side in ("left", "right"))
    before = np.zeros(positives.size, dtype=np.int64)
    for number in np.flatnonzero(stops > nearer):
        before[number] = np.searchsorted(places[nearer[number] : stops[number]], positives[number])
    return nearer, stops - nearer, before
