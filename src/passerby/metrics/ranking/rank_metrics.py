"""Ranking metrics by the Market-1501 protocol: CMC (rank-1, …), mAP and mINP from the ranks of the positives."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers
from passerby.metrics.ranking.expected_ties import expected_penalty, expected_precision, first_group, hit_chances
from passerby.metrics.ranking.matches import Matches
from passerby.metrics.ranking.positives import PositiveCounts

AveragePrecision = Literal["step", "trapezoid"]
Ties = Literal["gallery", "expected"]
Compared = Literal["cosine", "euclidean", "given"]
"""By what images were compared; `"given"` where the distances themselves were handed over."""


@dataclass(frozen=True, eq=False, repr=False)
class RankingResult:
    """Ranking metrics over Q queries and of each; every rate is a fraction between 0 and 1.

    Attributes:
        mAP: mean of `average_precision` over the valid queries.
        mINP: mean of `inverse_negative_penalty` over the valid queries.
        cmc: float64 [max_rank]; entry k-1 is the share of valid queries with a match among their first k.
        average_precision: float64 [Q], NaN where the query is not valid.
        inverse_negative_penalty: float64 [Q], matches / rank of the last match; NaN where the query is not valid.
        first_match: int64 [Q], rank of the first match, from 1; 0 where the query is not valid.
        first_group: int64 [Q, 3], gallery images that come before the first match, then positives and negatives of
            which any order counts: 1 and 0 except for ties under `"expected"`.
        match_counts: int64 [Q], how many matches a query has.
        match_ranks: int64 [sum of match_counts], the ascending ranks of the matches, one query after the other. These
            and `first_match` are always those of the gallery order.
        valid: bool [Q], whether the gallery holds a match for the query. The others count in no mean.
        tied: bool [Q], whether a positive and a negative are equally far from the query.
        camera_rule: whether gallery images of the query's own identity and camera were left out of its ranking.
        gallery: number of gallery images.
        junk: number of them left out of every ranking (identity -1).
        metric: by what images were compared: `"cosine"`, `"euclidean"`, or `"given"` distances.
        ap: how average precision was summed, `"step"` or `"trapezoid"`.
        ties: the order of equally far images that the rates are of, `"gallery"` or `"expected"`.
    """

    mAP: float  # noqa: N815 - the field's spelling
    mINP: float  # noqa: N815
    cmc: NDArray[np.float64]
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]
    first_match: Integers
    first_group: Integers
    match_counts: Integers
    match_ranks: Integers
    valid: NDArray[np.bool_]
    tied: NDArray[np.bool_]
    camera_rule: bool
    gallery: int
    junk: int
    metric: Compared
    ap: AveragePrecision
    ties: Ties = "gallery"

    def __repr__(self) -> str:
        rates = {"mAP": self.mAP, **{f"rank-{k}": self.rank_at(k) for k in (1, 5, 10) if k <= len(self.cmc)}}
        shown = ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in {**rates, "mINP": self.mINP}.items())
        queries = f"{self.valid_queries:,} of {len(self.valid):,} queries"
        expected = ", expected over all orders of ties" if self.ties == "expected" else ""
        return f"RankingResult({shown}; {queries}, {self.gallery:,} images{expected})"

    def rank_at(self, k: int) -> float:
        """Return the share of valid queries with a match among their first `k` (CMC@k); `k` is at most `max_rank`."""
        if not 1 <= k <= len(self.cmc):
            raise EvaluationError(f"rank-{k} was not computed: pass max_rank={max(k, 1)} to rank()")
        return float(self.cmc[k - 1])

    def hits_at(self, k: int) -> NDArray[np.float64]:
        """Tell whether each query has a match among its first `k`, float64 [Q]: 0 or 1, or the chance of it under ties.

        NaN where the query is not valid.
        """
        *_, chances = hit_chances(self.first_group[self.valid], k)
        hits = np.full(self.valid.size, np.nan)
        hits[self.valid] = chances
        return hits

    @property
    def rank1(self) -> float:
        """Share of valid queries whose nearest gallery image is a match."""
        return self.rank_at(1)

    @property
    def tied_queries(self) -> int:
        """Number of queries for which a positive and a negative are equally far, so that their order decides."""
        return int(np.count_nonzero(self.tied))

    @property
    def valid_queries(self) -> int:
        """Number of queries that the means are taken over."""
        return int(np.count_nonzero(self.valid))

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics without the per-query columns, ready for JSON."""
        ranks = {f"rank{k}": self.rank_at(k) for k in (1, 5, 10) if k <= len(self.cmc)}
        return {
            "mAP": self.mAP,
            "mINP": self.mINP,
            **ranks,
            "queries": len(self.valid),
            "valid_queries": self.valid_queries,
            "junk": self.junk,
            "camera_rule": self.camera_rule,
            "metric": self.metric,
            "ap": self.ap,
            "ties": self.ties,
            "tied_queries": self.tied_queries,
            "cmc": [float(share) for share in self.cmc],
        }


def summarise(
    counted: Iterable[PositiveCounts],
    matches: Matches,
    *,
    max_rank: int,
    ap: AveragePrecision,
    ties: Ties,
    metric: Compared,
) -> RankingResult:
    """Compute the metrics of a ranking from the negatives that come before its positives.

    Args:
        counted: blocks of the queries that have positives, in their order.
        matches: the positives of every query.
        max_rank, ap, ties: as for `rank`.
        metric: what was compared.

    Raises:
        EvaluationError: no query has a match, or an option is out of range.
    """
    _check_options(max_rank, ap, ties)
    valid = matches.counts > 0
    _require_a_match(valid, matches)
    columns = _Columns(valid.size, ap, ties)
    for counts in counted:
        columns.add(counts)
    return RankingResult(
        mAP=float(columns.precision[valid].mean()),
        mINP=float(columns.penalty[valid].mean()),
        cmc=_cmc(columns.groups[valid], max_rank, ties),
        average_precision=columns.precision,
        inverse_negative_penalty=columns.penalty,
        first_match=columns.first,
        first_group=columns.groups,
        match_counts=matches.counts,
        match_ranks=np.concatenate(columns.ranks),
        valid=valid,
        tied=columns.tied,
        camera_rule=matches.camera_rule,
        gallery=len(matches.rows) + matches.junk,
        junk=matches.junk,
        metric=metric,
        ap=ap,
        ties=ties,
    )


class _Columns:
    """The columns of a result that are computed query by query, see `RankingResult`."""

    def __init__(self, queries: int, ap: AveragePrecision, ties: Ties) -> None:
        self._ap, self._ties = ap, ties
        self.precision, self.penalty = np.full(queries, np.nan), np.full(queries, np.nan)
        self.tied = np.zeros(queries, dtype=bool)
        self.groups = np.zeros((queries, 3), dtype=np.int64)
        self.first = np.zeros(queries, dtype=np.int64)
        self.ranks: list[Integers] = []

    def add(self, counts: PositiveCounts) -> None:
        """Fill in the rows of a block of queries."""
        sizes = np.diff(counts.offsets)
        found = np.arange(1, counts.nearer.size + 1) - np.repeat(counts.offsets[:-1], sizes)
        ranks = counts.nearer + counts.tied_before + found
        precision = _precision(found, ranks, self._ap)
        self.ranks.append(ranks)
        self.tied[counts.rows] = np.logical_or.reduceat(counts.tied > 0, counts.offsets[:-1])
        self.penalty[counts.rows] = sizes / ranks[counts.offsets[1:] - 1]
        self.first[counts.rows] = ranks[counts.offsets[:-1]]
        self.groups[counts.rows, 0], self.groups[counts.rows, 1] = self.first[counts.rows] - 1, 1
        for row, own in zip(counts.rows.tolist(), _slices(counts.offsets), strict=True):
            self.precision[row] = precision[own].mean()
            if self._ties == "expected" and self.tied[row]:
                self._expect(row, counts.nearer[own], counts.tied[own])

    def _expect(self, row: int, nearer: Integers, tied: Integers) -> None:
        """Replace the figures of a query by their expected values."""
        self.precision[row] = expected_precision(nearer, tied, trapezoid=self._ap == "trapezoid")
        self.penalty[row] = expected_penalty(nearer, tied)
        self.groups[row] = first_group(nearer, tied)


def _slices(offsets: Integers) -> Iterator[slice]:
    """Yield where each query's positives lie."""
    for start, stop in pairwise(offsets.tolist()):
        yield slice(start, stop)


def _cmc(groups: Integers, max_rank: int, ties: Ties) -> NDArray[np.float64]:
    """Compute the CMC curve [max_rank] from the groups [Q, 3] of the first matches."""
    if ties == "expected":
        return np.array([chance.mean() for chance in hit_chances(groups, max_rank)])
    first = groups[:, 0] + 1
    hits = np.bincount(np.minimum(first, max_rank + 1), minlength=max_rank + 2)[1 : max_rank + 1]
    return np.asarray(np.cumsum(hits) / len(groups))


def _precision(found: Integers, ranks: Integers, ap: AveragePrecision) -> NDArray[np.float64]:
    """Compute what average precision is the mean of, from the numbers (from 1) and ranks of each query's matches."""
    precision = found / ranks
    if ap == "step":
        return precision
    before = np.divide(found - 1, ranks - 1, out=np.ones(len(ranks)), where=ranks > 1)
    return (before + precision) / 2


def _check_options(max_rank: int, ap: AveragePrecision, ties: Ties) -> None:
    if ties not in ("gallery", "expected"):
        raise EvaluationError(f"ties {ties!r} is not known: choose 'gallery' or 'expected'")
    if ap not in ("step", "trapezoid"):
        raise EvaluationError(f"ap {ap!r} is not known: choose 'step' or 'trapezoid'")
    if max_rank < 1:
        raise EvaluationError(f"max_rank must be at least 1, not {max_rank}")


def _require_a_match(valid: NDArray[np.bool_], matches: Matches) -> None:
    """Refuse a ranking in which there is nothing to find, and say what is likely wrong."""
    if not valid.any():
        rule = " in another camera" if matches.camera_rule else ""
        raise EvaluationError(
            f"none of the {len(valid)} queries has an image of its identity{rule} in the gallery: check that both"
            " number identities alike, or pass no cameras if there is only one"
        )
