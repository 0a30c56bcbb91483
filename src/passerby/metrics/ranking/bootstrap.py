"""Confidence intervals of ranking metrics and paired tests of two runs, by resampling people.

Queries of one person are alike, so people are drawn, each with all their queries. Drawing single queries would give
intervals that are too narrow.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import as_labels
from passerby.metrics.ranking.rank_metrics import RankingResult

REPEATS = 2000
"""Default number of resamples; the ends of a 95 % interval then vary by about a twentieth of its width."""

_ROWS = 256
"""Resamples drawn at a time."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedComparison:
    """The mean of `second - first` over the queries of two runs.

    Attributes:
        difference: with its confidence interval.
        p_value: of the randomisation test that the runs are interchangeable, two-sided.
        queries: how many were compared.
    """

    difference: Interval
    p_value: float
    queries: int


def mean_interval(
    values: NDArray[np.float64], groups: Any, *, confidence: float = 0.95, repeats: int = REPEATS, seed: int = 0
) -> Interval:
    """Compute the mean of values [Q] and its percentile bootstrap interval over groups.

    Args:
        values: float [Q]; NaN are left out.
        groups: integer [Q], such as the identity of each query; groups are drawn with replacement. From a single one
            always the same is drawn: its interval has no width and means nothing.
        confidence: share of resamples inside the interval.
        repeats: number of resamples.
        seed: of the draws.

    Raises:
        EvaluationError: no value, columns of different lengths, or options out of range.
    """
    sums, counts = _group_sums(np.asarray(values, dtype=np.float64), groups)
    means = _resampled_means(sums, counts, _checked(repeats, confidence), seed)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(sums.sum() / counts.sum()), float(low), float(high))


def ranking_intervals(
    result: RankingResult, query_identities: Any, *, confidence: float = 0.95, repeats: int = REPEATS, seed: int = 0
) -> dict[str, Interval]:
    """Compute intervals of mAP, rank-1, rank-5, rank-10 and mINP by drawing the people searched for.

    They tell how much the metrics would vary with other people to search for, in the same gallery and with the same
    trained model, not with another training seed.
    """
    columns = {"mAP": result.average_precision}
    columns |= {f"rank{k}": result.hits_at(k) for k in (1, 5, 10)}
    columns["mINP"] = result.inverse_negative_penalty
    options = {"confidence": confidence, "repeats": repeats, "seed": seed}
    return {name: mean_interval(values, query_identities, **options) for name, values in columns.items()}  # type: ignore[arg-type]


def compare_paired(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    groups: Any,
    *,
    confidence: float = 0.95,
    repeats: int = 10000,
    seed: int = 0,
) -> PairedComparison:
    """Test whether two runs differ on the same queries.

    The interval is the bootstrap's over groups. The test flips the sign of a group's differences at random: if the runs
    were interchangeable, the mean found would be nothing special among such means.

    Args:
        first: float [Q], a metric of each query in the first run; NaN where it has none.
        second: float [Q], the same in the second run.
        groups: integer [Q], such as the identity of each query.
        confidence: as for `mean_interval`.
        repeats: as for `mean_interval`.
        seed: as for `mean_interval`.

    Raises:
        EvaluationError: columns of different lengths, or one run has a value where the other has none.
    """
    first, second = (np.asarray(column, dtype=np.float64) for column in (first, second))
    if first.shape != second.shape:
        raise EvaluationError(f"the runs have {first.size} and {second.size} queries: compare runs on the same data")
    if not np.array_equal(np.isnan(first), np.isnan(second)):
        raise EvaluationError("a query has a match in one run and none in the other: compare runs on the same gallery")
    interval = mean_interval(second - first, groups, confidence=confidence, repeats=repeats, seed=seed)
    sums, counts = _group_sums(second - first, groups)
    generator = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, repeats, _ROWS):
        signs = generator.integers(0, 2, (min(_ROWS, repeats - start), sums.size)) * 2.0 - 1.0
        extreme += int(np.count_nonzero(np.abs(signs @ sums) >= np.abs(sums.sum()) * (1 - 1e-12)))
    return PairedComparison(interval, (extreme + 1) / (repeats + 1), int(counts.sum()))


def _group_sums(values: NDArray[np.float64], groups: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and count the values of each group that has any."""
    if values.ndim != 1:
        raise EvaluationError(f"values must have shape [Q], not {list(values.shape)}")
    labels = as_labels(groups, values.size, "groups")
    known = ~np.isnan(values)
    if not known.any():
        raise EvaluationError("there is no value to average: no query has a match")
    _, numbers = np.unique(labels[known], return_inverse=True)
    sums = np.bincount(numbers, weights=values[known]).astype(np.float64, copy=False)
    return sums, np.bincount(numbers).astype(np.float64)


def _resampled_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], repeats: int, seed: int
) -> NDArray[np.float64]:
    """Compute the means of `repeats` draws of groups."""
    generator = np.random.default_rng(seed)
    means = []
    shares = np.full(sums.size, 1 / sums.size)
    for start in range(0, repeats, _ROWS):
        drawn = generator.multinomial(sums.size, shares, size=min(_ROWS, repeats - start)).astype(np.float64)
        means.append((drawn @ sums) / (drawn @ counts))
    return np.concatenate(means)


def _checked(repeats: int, confidence: float) -> int:
    if repeats < 1:
        raise EvaluationError(f"repeats must be at least 1, not {repeats}")
    if not 0 < confidence < 1:
        raise EvaluationError(f"confidence must be between 0 and 1, not {confidence}")
    return repeats
