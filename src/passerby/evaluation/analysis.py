"""What an evaluation page shows besides the headline: curves, intervals, scores of pairs, pairs of cameras."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.data.split import JUNK
from passerby.errors import EvaluationError
from passerby.evaluation.evaluate import Evaluation
from passerby.metrics import (
    Metric,
    PairScores,
    RankingResult,
    Verification,
    camera_matrix,
    identify,
    mean_interval,
    pair_scores,
    precision_recall,
    ranking_intervals,
)
from passerby.metrics.open_set import draw_people

_BINS = 60
_RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
_LEAST_PAIRS = 10
"""A rate is given where at least this many impostor pairs are behind it."""

_OPEN_SET_RATES = (0.2, 0.1, 0.05, 0.02, 0.01, 0.001)
_LEAST_QUERIES = 3
"""Likewise for queries of unknown people."""

_UNKNOWN_SHARE = 0.5
"""How many of the people are taken out of the gallery."""


@dataclass(frozen=True)
class Analysis:
    """Plain numbers, ready for JSON; shares are fractions.

    Attributes:
        intervals: by figure: value, low and high of the 95 % interval; empty where one person is searched for.
        precision: mean interpolated precision at recalls 0, 0.01, …, 1.
        eer: equal error rate over pairs. None, like all below, where every pair is of one kind.
        rates: true acceptance rate and threshold by false acceptance rate.
        roc: false and true acceptance rates.
        edges, genuine, impostor: histogram of scores, as shares.
        impostors: pairs of different people compared, and how many exist.
        cameras: names, and mAP, rank-1 and queries of each pair of cameras; None where cameras are unknown.
        open_set: by false alarm rate: detection and identification rate, mean and interval over draws (of one draw,
            the value alone); None if not asked for.
    """

    intervals: dict[str, dict[str, float]]
    precision: list[float]
    eer: float | None = None
    rates: dict[str, dict[str, float]] | None = None
    roc: tuple[list[float], list[float]] | None = None
    edges: list[float] | None = None
    genuine: list[float] | None = None
    impostor: list[float] | None = None
    impostors: tuple[int, int] | None = None
    cameras: dict[str, Any] | None = None
    open_set: dict[str, dict[str, float]] | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Analysis":
        """What `to_dict` gave, unknown keys left out, so that later versions can be read."""
        return cls(**{key: value for key, value in content.items() if key in cls.__dataclass_fields__})


def analyse(evaluation: Evaluation, *, open_set_draws: int = 0) -> Analysis:
    """Everything but the headline.

    Args:
        evaluation: features, labels and the ranking.
        open_set_draws: how often half of the people are taken out of the gallery to measure an open set; 0 for never.

    Raises:
        EvaluationError: open-set metrics are asked for, and the queries show too few people.
    """
    result = evaluation.result
    metric: Metric = "euclidean" if result.metric == "euclidean" else "cosine"
    return Analysis(
        intervals=_intervals(result, evaluation.query.identities),
        precision=precision_recall(result).tolist(),
        **_of_pairs(evaluation, metric),
        cameras=_of_cameras(evaluation, metric),
        open_set=_open_set(evaluation, metric, open_set_draws) if open_set_draws else None,
    )


def check_open_set(name: str, identities: NDArray[np.int64], draws: int) -> None:
    """Refuse open-set metrics, before any image is read, where queries of these people [Q] could show none.

    Raises:
        EvaluationError: there are too few queries or people.
    """
    for seed in range(draws):
        unknown = np.isin(identities, draw_people(identities, _UNKNOWN_SHARE, seed))
        if _OPEN_SET_RATES[0] * np.count_nonzero(unknown) >= _LEAST_QUERIES:
            return
    if draws:
        raise _too_few(name, identities.size)


def _labels(evaluation: Evaluation) -> tuple[Any, ...]:
    """Identities, and cameras if the ranking used them."""
    query, gallery = evaluation.query, evaluation.gallery
    cameras = (query.cameras, gallery.cameras) if evaluation.result.camera_rule else ()
    return (query.identities, gallery.identities, *cameras)


def _of_pairs(evaluation: Evaluation, metric: Metric) -> dict[str, Any]:
    """The columns that come from scores of pairs; none where all pairs are of one person."""
    people = np.union1d(evaluation.query.identities, evaluation.gallery.identities)
    if np.count_nonzero(people != JUNK) < 2:
        return {}
    scores = pair_scores(evaluation.query_features, evaluation.gallery_features, *_labels(evaluation), metric=metric)
    found = Verification.of(scores.genuine, scores.impostor)
    rates = {
        f"{far:g}": {"tar": found.tar_at(far), "threshold": found.threshold_at(far)}
        for far in _RATES
        if far * found.impostor.size >= _LEAST_PAIRS
    }
    edges, genuine, impostor = _histogram(scores)
    return {
        "eer": found.eer,
        "rates": rates,
        "roc": tuple(column.tolist() for column in found.roc(256)),
        "edges": edges.tolist(),
        "genuine": genuine.tolist(),
        "impostor": impostor.tolist(),
        "impostors": (int(found.impostor.size), scores.pairs),
    }


def _histogram(scores: PairScores) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Edges [bins + 1] and the shares of genuine and of impostor scores in each bin."""
    low = float(min(scores.genuine.min(), scores.impostor.min()))
    high = float(max(scores.genuine.max(), scores.impostor.max()))
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    shares = [np.histogram(column, bins=edges)[0] / column.size for column in (scores.genuine, scores.impostor)]
    return edges, shares[0], shares[1]


def _of_cameras(evaluation: Evaluation, metric: Metric) -> dict[str, Any] | None:
    query, gallery = evaluation.query, evaluation.gallery
    if query.cameras is None or gallery.cameras is None:
        return None
    found = camera_matrix(
        evaluation.query_features,
        evaluation.gallery_features,
        query.identities,
        gallery.identities,
        query.cameras,
        gallery.cameras,
        same_camera_rule=evaluation.result.camera_rule,
        metric=metric,
        ties=evaluation.result.ties,
    )
    blank = {"mAP": found.mAP, "rank1": found.rank1}
    return {
        "names": [query.camera_names[camera] for camera in found.cameras],
        **{
            name: [[None if np.isnan(x) else x for x in row] for row in matrix.tolist()]
            for name, matrix in blank.items()
        },
        "queries": found.queries.tolist(),
    }


def _intervals(result: RankingResult, identities: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    if np.unique(identities[result.valid]).size < 2:
        return {}
    return {name: asdict(interval) for name, interval in ranking_intervals(result, identities).items()}


def _open_set(evaluation: Evaluation, metric: Metric, draws: int) -> dict[str, dict[str, float]]:
    """Detection and identification rates by false alarm rate, over draws of unknown people."""
    found: dict[float, list[float]] = {}
    for seed in range(draws):
        result = identify(
            evaluation.query_features,
            evaluation.gallery_features,
            *_labels(evaluation),
            unknown_share=_UNKNOWN_SHARE,
            seed=seed,
            metric=metric,
        )
        for far in _OPEN_SET_RATES:
            if far * result.unknown_scores.size >= _LEAST_QUERIES:
                found.setdefault(far, []).append(result.dir_at(far))
    if not found:
        raise _too_few(evaluation.name, len(evaluation.query))
    return {f"{far:g}": _over_draws(values) for far, values in found.items()}


def _too_few(name: str, queries: int) -> EvaluationError:
    return EvaluationError(
        f"{name}: {queries:,} queries are too few for open-set metrics: leave out --open-set (in Python open_set_draws)"
    )


def _over_draws(values: list[float]) -> dict[str, float]:
    """The mean over draws, with the bootstrap's interval; one draw has none."""
    if len(values) == 1:
        return {"value": values[0]}
    return asdict(mean_interval(np.array(values), np.arange(len(values))))
