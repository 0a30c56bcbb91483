"""What a rank list shows: a query, the gallery images ranked first for it, and which of them are right."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.data.split import Split
from passerby.errors import EvaluationError
from passerby.metrics.features import as_array
from passerby.metrics.neighbours import top as nearest
from passerby.metrics.ranking import RankingResult


@dataclass(frozen=True)
class Picture:
    """An image as a list shows it.

    Attributes:
        file: where it lies.
        name: its path inside the data set.
        identity: its original name.
        camera: its original name; None where cameras are unknown.
    """

    file: Path
    name: str
    identity: str
    camera: str | None


@dataclass(frozen=True)
class Listed:
    """A gallery image in a list: its place from 1, its score, and whether it shows the person searched for."""

    picture: Picture
    place: int
    score: float
    right: bool


@dataclass(frozen=True)
class RankList:
    """One query and what was found.

    Attributes:
        query: the image searched for.
        row: its row in the query split.
        listed: the gallery images ranked first, nearest first; shorter than asked for if the gallery is.
        average_precision: of this query, NaN if it is not valid.
        inverse_negative_penalty: likewise.
        first_match: rank of the first right answer, 0 if the query is not valid.
    """

    query: Picture
    row: int
    listed: tuple[Listed, ...]
    average_precision: float
    inverse_negative_penalty: float
    first_match: int


def rank_lists(
    query: Split,
    gallery: Split,
    query_features: Any,
    gallery_features: Any,
    result: RankingResult,
    rows: Sequence[int],
    top: int = 10,
) -> list[RankList]:
    """The lists of these query rows, ranked by the rule and metric of `result`.

    Args:
        query: the Q images searched for.
        gallery: the G images searched in.
        query_features: float [Q, D], array or tensor.
        gallery_features: float [G, D].
        result: of `rank` on the same features and labels.
        rows: query rows, in the order wanted.
        top: how many gallery images each list shows.

    Raises:
        EvaluationError: `result` or the features belong to other splits, a row is out of range, or `result` is of given
            distances.
    """
    if len(result.valid) != len(query):
        raise EvaluationError(
            f"the result is of {len(result.valid)} queries and the split has {len(query)}:"
            " pass the split that was ranked"
        )
    metric = result.metric
    if metric == "given":
        raise EvaluationError(
            "the result ranks given distances, which features alone do not tell: rank the features for rank lists"
        )
    chosen = np.asarray(rows, dtype=np.int64)
    if chosen.size == 0:
        return []
    outside = chosen[(chosen < 0) | (chosen >= len(query))]
    if outside.size:
        raise EvaluationError(f"query rows go from 0 to {len(query) - 1}, but row {outside[0]} was asked for")
    features = as_array(query_features)
    if len(features) != len(query):
        raise EvaluationError(f"there are {len(features)} query features for {len(query)} query images")
    found = nearest(
        features[chosen],
        gallery_features,
        top,
        query_identities=query.identities[chosen],
        gallery_identities=gallery.identities,
        query_cameras=query.cameras[chosen] if result.camera_rule and query.cameras is not None else None,
        gallery_cameras=gallery.cameras if result.camera_rule else None,
        metric=metric,
    )
    return [
        RankList(
            query=_picture(query, row),
            row=row,
            listed=_listed(gallery, query.identities[row], indices, scores),
            average_precision=float(result.average_precision[row]),
            inverse_negative_penalty=float(result.inverse_negative_penalty[row]),
            first_match=int(result.first_match[row]),
        )
        for row, indices, scores in zip(chosen.tolist(), found.indices, found.scores, strict=True)
    ]


def worst_median_best(query: Split, result: RankingResult, count: int) -> tuple[list[int], list[int], list[int]]:
    """`count` valid query rows each with the lowest, the middle and the highest average precision.

    Different people where there are enough: a list of one person's pictures teaches little. Equal precisions are taken
    in the order of the queries, so the choice never changes.
    """
    valid = np.flatnonzero(result.valid)
    rising = valid[np.argsort(result.average_precision[valid], kind="stable")]
    falling = valid[np.argsort(-result.average_precision[valid], kind="stable")]
    from_the_middle = rising[np.argsort(np.abs(np.arange(rising.size) - (rising.size - 1) / 2), kind="stable")]
    return (
        _different_people(rising, query, count),
        _different_people(from_the_middle, query, count),
        _different_people(falling, query, count),
    )


def _different_people(rows: NDArray[np.int64], query: Split, count: int) -> list[int]:
    """The first `count` rows, those of people already taken only if there are not enough others."""
    _, first = np.unique(query.identities[rows], return_index=True)
    again = np.setdiff1d(np.arange(rows.size), first)
    places = np.concatenate([np.sort(first), again])[:count]
    return [int(row) for row in rows[np.sort(places)]]


def _picture(split: Split, row: int) -> Picture:
    return Picture(
        file=split.path(row),
        name=str(split.paths[row]),
        identity=split.identity_names[split.identities[row]],
        camera=None if split.cameras is None else split.camera_names[split.cameras[row]],
    )


def _listed(
    gallery: Split, identity: int, indices: NDArray[np.int64], scores: NDArray[np.float32]
) -> tuple[Listed, ...]:
    """The gallery rows found for one query; -1 marks the end of a gallery that is shorter than the list."""
    return tuple(
        Listed(_picture(gallery, index), place, float(score), bool(gallery.identities[index] == identity))
        for place, (index, score) in enumerate(zip(indices.tolist(), scores, strict=True), start=1)
        if index >= 0
    )
