"""Metrics of an occlusion experiment: means over runs, and how sure it is that features differ."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.occlusion_plan import OcclusionOutcome, Trial
from passerby.evaluation.spread import Spread
from passerby.metrics import Interval, PairedComparison, compare_paired
from passerby.models.inspection.reference import REFERENCE

_REPEATS = 2000
_VISIBLE_EDGES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class OcclusionMetrics:
    """One feature under one condition at one level.

    Attributes:
        condition: what occluded; `clean` for whole queries.
        level: share that was to be occluded; covered: the share of pixels that really was.
        feature: which feature of the model was compared.
        mAP, rank1: over runs.
        retention: rank-1 as a share of that of clean queries.
        mAP_gain, rank1_gain: over the reference feature, paired by query (each query's mean over runs), with 95 %
            interval and the p-value of a randomisation test; None for the reference itself.
    """

    condition: str
    level: float
    covered: float
    feature: str
    mAP: Spread  # noqa: N815 - the field's name
    rank1: Spread
    retention: float
    mAP_gain: PairedComparison | None  # noqa: N815
    rank1_gain: PairedComparison | None


@dataclass(frozen=True)
class VisibilityMetrics:
    """Clean queries whose person is seen to a certain fraction.

    Attributes:
        low, high: the visible fractions, low included, high only where it is 1.
        queries: how many have a match.
        feature: which feature of the model was compared.
        mAP: of these queries.
        mAP_gain: over the reference, with 95 % interval; None for the reference and for fewer than two people.
    """

    low: float
    high: float
    queries: int
    feature: str
    mAP: float  # noqa: N815
    mAP_gain: Interval | None  # noqa: N815


def summarise(outcome: OcclusionOutcome) -> list[OcclusionMetrics]:
    """The metrics of each condition, level and feature, clean queries first."""
    groups: dict[tuple[str, float], dict[str, list[Trial]]] = {}
    for trial in outcome.trials:
        by_feature = groups.setdefault((trial.condition or "clean", trial.level), {})
        by_feature.setdefault(trial.feature, []).append(trial)
    identities = outcome.query.identities
    clean = {name: float(np.nanmean(trials[0].hits)) for name, trials in groups["clean", 0.0].items()}
    return [
        _metrics(condition, level, by_feature, name, identities, clean[name])
        for (condition, level), by_feature in groups.items()
        for name in by_feature
    ]


def summarise_by_visibility(outcome: OcclusionOutcome, visible: NDArray[np.float64]) -> list[VisibilityMetrics]:
    """Clean queries by the true visible fraction of their person, float64 [Q]; empty bins are left out."""
    clean = {trial.feature: trial.average_precision for trial in outcome.trials if trial.condition is None}
    reference, metrics = clean.get(REFERENCE), []
    for low, high in itertools.pairwise(_VISIBLE_EDGES):
        within = (visible >= low) & ((visible < high) | (high == 1.0))
        for name, precision in clean.items():
            chosen = within & ~np.isnan(precision)
            if not chosen.any():
                continue
            gain = None
            people = outcome.query.identities[chosen]
            if reference is not None and name != REFERENCE and len(np.unique(people)) > 1:
                gain = compare_paired(reference[chosen], precision[chosen], people, repeats=_REPEATS).difference
            metrics.append(VisibilityMetrics(low, high, int(chosen.sum()), name, float(precision[chosen].mean()), gain))
    return metrics


def _metrics(
    condition: str,
    level: float,
    by_feature: dict[str, list[Trial]],
    name: str,
    identities: NDArray[np.int64],
    clean_rank1: float,
) -> OcclusionMetrics:
    trials, reference = by_feature[name], by_feature.get(REFERENCE)
    precision = _over_queries(trial.average_precision for trial in trials)
    rank1 = _over_queries(trial.hits for trial in trials)
    gains: list[PairedComparison | None] = [None, None]
    if reference is not None and name != REFERENCE:
        gains = [
            compare_paired(_over_runs(theirs), _over_runs(ours), identities, repeats=_REPEATS)
            for theirs, ours in (
                ([trial.average_precision for trial in reference], [trial.average_precision for trial in trials]),
                ([trial.hits for trial in reference], [trial.hits for trial in trials]),
            )
        ]
    return OcclusionMetrics(
        condition=condition,
        level=level,
        covered=float(np.mean([trial.covered for trial in trials])),
        feature=name,
        mAP=precision,
        rank1=rank1,
        retention=rank1.mean / clean_rank1 if clean_rank1 else float("nan"),
        mAP_gain=gains[0],
        rank1_gain=gains[1],
    )


def _over_queries(values: Iterable[NDArray[np.float64]]) -> Spread:
    return Spread.of([float(np.nanmean(each)) for each in values])


def _over_runs(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Each query's mean over runs; NaN in all runs or in none."""
    return np.mean(values, axis=0)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class ReportedOcclusion:
    """What was measured on one data set, and its folder: metrics.json, table.md, curves.png, manifest.parquet."""

    data: str
    metrics: list[OcclusionMetrics]
    by_visibility: list[VisibilityMetrics]
    folder: Path
