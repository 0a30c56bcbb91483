"""How well a gallery is ranked for each query: CMC, mAP and mINP by the Market-1501 protocol.

Only the right answers have to be ranked, so nothing is sorted in full: for every right answer the wrong ones that are
nearer to the query are counted. Queries and gallery are taken in blocks, so memory does not grow with their product.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers
from passerby.metrics.ranking.matches import Matches

AveragePrecision = Literal["step", "trapezoid"]
Compared = Literal["cosine", "euclidean", "given"]
"""By what images were compared; `"given"` where the distances themselves were handed over."""


@dataclass(frozen=True, eq=False, repr=False)
class RankingResult:
    """How well each of Q queries found its matches; every rate is a fraction between 0 and 1.

    Attributes:
        mAP: mean of `average_precision` over the valid queries.
        mINP: mean of `inverse_negative_penalty` over the valid queries.
        cmc: float64 [max_rank]; entry k-1 is the share of valid queries with a match among their first k.
        average_precision: float64 [Q], NaN where the query is not valid.
        inverse_negative_penalty: float64 [Q], matches / rank of the last match; NaN where the query is not valid.
        first_match: int64 [Q], rank of the first match, from 1; 0 where the query is not valid.
        match_counts: int64 [Q], how many matches a query has.
        match_ranks: int64 [sum of match_counts], the ascending ranks of the matches, one query after the other.
        valid: bool [Q], whether the gallery holds a match for the query. The others count in no mean.
        camera_rule: whether gallery images of the query's own identity and camera were left out of its ranking.
        gallery: number of gallery images.
        junk: number of them left out of every ranking (identity -1).
        metric: by what images were compared: `"cosine"`, `"euclidean"`, or `"given"` distances.
        ap: how average precision was summed, `"step"` or `"trapezoid"`.
    """

    mAP: float  # noqa: N815 - the field's spelling
    mINP: float  # noqa: N815
    cmc: NDArray[np.float64]
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]
    first_match: Integers
    match_counts: Integers
    match_ranks: Integers
    valid: NDArray[np.bool_]
    camera_rule: bool
    gallery: int
    junk: int
    metric: Compared
    ap: AveragePrecision

    def __repr__(self) -> str:
        rates = {"mAP": self.mAP, **{f"rank-{k}": self.rank_at(k) for k in (1, 5, 10) if k <= len(self.cmc)}}
        shown = ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in {**rates, "mINP": self.mINP}.items())
        return f"RankingResult({shown}; {self.valid_queries:,} of {len(self.valid):,} queries, {self.gallery:,} images)"

    def rank_at(self, k: int) -> float:
        """Share of valid queries with a match among their first `k` (CMC@k); `k` is at most `max_rank`."""
        if not 1 <= k <= len(self.cmc):
            raise EvaluationError(f"rank-{k} was not computed: pass max_rank={max(k, 1)} to rank()")
        return float(self.cmc[k - 1])

    @property
    def rank1(self) -> float:
        """Share of valid queries whose nearest gallery image is a match."""
        return self.rank_at(1)

    @property
    def valid_queries(self) -> int:
        """Number of queries that the means are taken over."""
        return int(np.count_nonzero(self.valid))

    def to_dict(self) -> dict[str, Any]:
        """The figures without the per-query columns, ready for JSON."""
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
            "cmc": [float(share) for share in self.cmc],
        }


def summarise(
    found: Iterable[tuple[Integers, list[Integers]]],
    matches: Matches,
    *,
    max_rank: int,
    ap: AveragePrecision,
    metric: Compared,
) -> RankingResult:
    """The figures of a ranking, from the ranks of its right answers.

    Args:
        found: blocks of queries that have a right answer, with the ascending ranks, from 1, of each query's answers.
        matches: who matches whom.
        max_rank, ap: as for `rank`.
        metric: what was compared.

    Raises:
        EvaluationError: no query has a match, or an option is out of range.
    """
    _check_options(max_rank, ap)
    valid = matches.counts > 0
    _require_a_match(valid, matches)
    average_precision = np.full(valid.size, np.nan)
    inverse_negative_penalty = np.full(valid.size, np.nan)
    first_match = np.zeros(valid.size, dtype=np.int64)
    match_ranks: list[Integers] = []
    for rows, columns in found:
        for row, ranks in zip(rows, columns, strict=True):
            average_precision[row] = _average_precision(ranks, ap)
            inverse_negative_penalty[row] = len(ranks) / ranks[-1]
            first_match[row] = ranks[0]
            match_ranks.append(ranks)
    hits = np.bincount(np.minimum(first_match[valid], max_rank + 1), minlength=max_rank + 2)[1 : max_rank + 1]
    return RankingResult(
        mAP=float(average_precision[valid].mean()),
        mINP=float(inverse_negative_penalty[valid].mean()),
        cmc=np.cumsum(hits) / np.count_nonzero(valid),
        average_precision=average_precision,
        inverse_negative_penalty=inverse_negative_penalty,
        first_match=first_match,
        match_counts=matches.counts,
        match_ranks=np.concatenate(match_ranks),
        valid=valid,
        camera_rule=matches.camera_rule,
        gallery=len(matches.rows) + matches.junk,
        junk=matches.junk,
        metric=metric,
        ap=ap,
    )


def _average_precision(ranks: Integers, ap: AveragePrecision) -> float:
    """Average precision of one query from the ascending ranks (from 1) of its matches."""
    found = np.arange(1, len(ranks) + 1)
    precision = found / ranks
    if ap == "step":
        return float(precision.mean())
    before = np.divide(found - 1, ranks - 1, out=np.ones(len(ranks)), where=ranks > 1)
    return float((before + precision).mean() / 2)


def _check_options(max_rank: int, ap: AveragePrecision) -> None:
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
