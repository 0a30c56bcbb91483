"""What a rank list shows: a query, the gallery images ranked first for it, and which of them are matches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.data.split import JUNK, Split
from passerby.errors import EvaluationError
from passerby.evaluation.evaluate import Evaluation
from passerby.metrics import Metric, Neighbours, RankingResult, top_k
from passerby.metrics.arrays import as_array


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
    """A gallery image in a list.

    Attributes:
        picture: the image.
        place: in the ranking, from 1; 0 if it is left out of it (junk, or the query's own person and camera).
        score: its similarity to the query, or their distance.
        right: whether it is a match: an image of the person searched for.
    """

    picture: Picture
    place: int
    score: float
    right: bool

    @property
    def kind(self) -> str:
        """`right`, `wrong` or `junk`, the last for images that are left out."""
        return "junk" if not self.place else "right" if self.right else "wrong"


@dataclass(frozen=True)
class RankList:
    """One query and what was found.

    Attributes:
        query: the image searched for.
        row: its row in the query split.
        listed: the gallery images ranked first, nearest first; shorter than asked for if the gallery is.
        average_precision: of this query, NaN if it is not valid.
        inverse_negative_penalty: likewise.
        first_match: rank of the first match, 0 if the query is not valid.
    """

    query: Picture
    row: int
    listed: tuple[Listed, ...]
    average_precision: float
    inverse_negative_penalty: float
    first_match: int


@dataclass(frozen=True, eq=False)
class RankedSplits:
    """A query and a gallery, what they were compared by, and the ranking.

    Attributes:
        query: the Q images searched for.
        gallery: the G images searched in.
        query_features: float [Q, D], array or tensor.
        gallery_features: float [G, D].
        result: of `rank` on the same features and labels; its metric and camera rule are used.
    """

    query: Split
    gallery: Split
    query_features: Any
    gallery_features: Any
    result: RankingResult

    @classmethod
    def of(cls, evaluation: Evaluation) -> "RankedSplits":
        """Those of an evaluation."""
        return cls(
            evaluation.query,
            evaluation.gallery,
            evaluation.query_features,
            evaluation.gallery_features,
            evaluation.result,
        )


def rank_lists(
    ranked: RankedSplits, rows: Sequence[int], top: int = 10, *, show_left_out: bool = False
) -> list[RankList]:
    """The lists of these query rows, ranked by the rule and metric of the result.

    Args:
        ranked: query, gallery and ranking.
        rows: query rows, in the order wanted.
        top: how many gallery images each list shows.
        show_left_out: also show, where they would come, images that the ranking leaves out: those nearer than the last
            one shown, at most the `top` nearest of them, so that many copies of the query never crowd out the ranking.

    Raises:
        EvaluationError: the result or the features belong to other splits, a row is out of range, or the result is of
            given distances.
    """
    query, gallery, result = ranked.query, ranked.gallery, ranked.result
    chosen = _checked(ranked, rows)
    if not chosen.size:
        return []
    admitted, every = _nearest(ranked, chosen, top, show_left_out=show_left_out)
    return [
        RankList(
            query=_picture(query, row),
            row=row,
            listed=_listed(gallery, query.identities[row], *_merged(admitted, every, number, top)),
            average_precision=float(result.average_precision[row]),
            inverse_negative_penalty=float(result.inverse_negative_penalty[row]),
            first_match=int(result.first_match[row]),
        )
        for number, row in enumerate(chosen.tolist())
    ]


def _nearest(
    ranked: RankedSplits, rows: NDArray[np.int64], top: int, *, show_left_out: bool
) -> tuple[Neighbours, Neighbours]:
    """The nearest gallery images that the ranking admits, and the nearest whether admitted or not."""
    metric, with_cameras = _metric(ranked.result), ranked.result.camera_rule
    features, asked = as_array(ranked.query_features)[rows], ranked.query.take(rows)
    admitted = top_k(
        features,
        ranked.gallery_features,
        top,
        query_identities=asked.identities,
        gallery_identities=ranked.gallery.identities,
        query_cameras=asked.cameras if with_cameras else None,
        gallery_cameras=ranked.gallery.cameras if with_cameras else None,
        metric=metric,
    )
    return admitted, top_k(features, ranked.gallery_features, 2 * top, metric=metric) if show_left_out else admitted


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
        identity="junk" if split.identities[row] == JUNK else split.identity_names[split.identities[row]],
        camera=None if split.cameras is None else split.camera_names[split.cameras[row]],
    )


def _checked(ranked: RankedSplits, rows: Sequence[int]) -> NDArray[np.int64]:
    """The rows, int64 [R], if they, the features and the result are of this split."""
    query, result = ranked.query, ranked.result
    _metric(result)
    if len(result.valid) != len(query):
        raise EvaluationError(
            f"the result is of {len(result.valid)} queries and the split has {len(query)}:"
            " pass the split that was ranked"
        )
    chosen = np.asarray(rows, dtype=np.int64)
    outside = chosen[(chosen < 0) | (chosen >= len(query))]
    if outside.size:
        raise EvaluationError(f"query rows go from 0 to {len(query) - 1}, but row {outside[0]} was asked for")
    if len(ranked.query_features) != len(query):
        raise EvaluationError(f"there are {len(ranked.query_features)} query features for {len(query)} query images")
    return chosen


def _metric(result: RankingResult) -> Metric:
    if result.metric == "given":
        raise EvaluationError(
            "the result ranks given distances, which features alone do not tell: rank the features for rank lists"
        )
    return result.metric


def _merged(admitted: Neighbours, every: Neighbours, number: int, top: int) -> tuple[list[int], list[int], list[float]]:
    """Gallery rows, places and scores of the list of query `number`, nearest first.

    Args:
        admitted: the nearest that the ranking admits, -1 marks the end of a shorter gallery.
        every: the nearest whether admitted or not, twice as many; what `admitted` lacks was left out, or is later.
        number: row of both.
        top: how many left out ones are shown at most.
    """
    ranked = [row for row in admitted.indices[number].tolist() if row >= 0]
    scores = dict(zip(ranked, admitted.scores[number].tolist(), strict=False))
    scores |= dict(zip(every.indices[number].tolist(), every.scores[number].tolist(), strict=True))
    places = {row: place for place, row in enumerate(ranked, start=1)}
    shown: list[int] = []
    left_out, reached = 0, 0
    for row in every.indices[number].tolist():
        if row < 0 or reached == len(ranked):
            break
        reached += row in places
        left_out += row not in places
        if row in places or left_out <= top:
            shown.append(row)
    shown += ranked[reached:]
    return shown, [places.get(row, 0) for row in shown], [scores[row] for row in shown]


def _listed(
    gallery: Split, identity: int, rows: list[int], places: list[int], scores: list[float]
) -> tuple[Listed, ...]:
    return tuple(
        Listed(_picture(gallery, row), place, score, bool(gallery.identities[row] == identity))
        for row, place, score in zip(rows, places, scores, strict=True)
    )
