"""Ranking by given distances, such as re-ranked ones, by the Market-1501 protocol."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers, as_array
from passerby.metrics.ranking.matches import Matches
from passerby.metrics.ranking.rank_metrics import AveragePrecision, RankingResult, summarise

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
) -> RankingResult:
    """Rank the gallery for every query by given distances; where two are equal, the earlier gallery image comes first.

    Args:
        distances: float [Q, G], array or torch tensor; smaller is nearer. Any number that orders will do.
        query_identities: integer [Q]; -1 is refused.
        gallery_identities: integer [G]; -1 is junk.
        query_cameras, gallery_cameras: integer [Q] and [G], or neither, as for `rank`.
        max_rank: length of the CMC curve.
        ap: how average precision is summed, as for `rank`.

    Raises:
        EvaluationError: a shape or dtype that does not fit, NaN, or labels as `rank` refuses them.
    """
    array = as_distances(distances)
    queries, gallery = array.shape
    matches = Matches.of(queries, gallery, query_identities, gallery_identities, query_cameras, gallery_cameras)
    found = ((rows, [_ranks(array[row], matches, int(row)) for row in rows]) for rows in matches.query_blocks(_BLOCK))
    return summarise(found, matches, max_rank=max_rank, ap=ap, metric="given")


def as_distances(distances: Any) -> NDArray[np.floating[Any]]:
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


def _ranks(line: NDArray[np.floating[Any]], matches: Matches, query: int) -> Integers:
    """The ascending ranks, from 1, of a query's right answers, from its distances to the whole gallery."""
    answers = matches.positives(query)
    line = line if matches.junk == 0 else line[matches.rows]
    rivals = np.ones(line.size, dtype=bool)
    rivals[matches.same_identity(query)] = False
    rivals &= line <= line[answers].max()
    places = np.flatnonzero(rivals)
    ordered = places[np.argsort(line[places], kind="stable")]
    values = line[ordered]
    ahead = np.searchsorted(values, line[answers], side="left")
    stops = np.searchsorted(values, line[answers], side="right")
    for number in np.flatnonzero(stops > ahead):  # equally far: the earlier gallery image comes first
        ahead[number] += np.searchsorted(ordered[ahead[number] : stops[number]], answers[number])
    return np.asarray(np.sort(ahead) + np.arange(1, answers.size + 1), dtype=np.int64)
