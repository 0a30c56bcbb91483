"""What `passerby.evaluate` measured: the ranking, how sure it is, and what was asked for besides."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.analysis import Analysis, analyse
from passerby.evaluation.evaluate import Evaluation
from passerby.evaluation.protocol import PLAIN, Protocol, RerankSettings
from passerby.metrics import RankingResult, rank_distances, rerank


@dataclass(eq=False, repr=False)
class EvaluationResult:
    """The result of one model on one benchmark; every rate is a fraction between 0 and 1.

    What takes time beyond the ranking (intervals, pairs, re-ranking, the open set) is computed when it is first asked
    for, and kept.

    Attributes:
        evaluation: features and images.
        protocol: how they were compared.
        page: the page of rank lists and curves, where one was written.
    """

    evaluation: Evaluation
    protocol: Protocol = PLAIN
    page: Path | None = None

    @property
    def ranking(self) -> RankingResult:
        """Metrics and ranks of every query."""
        return self.evaluation.result

    @property
    def mAP(self) -> float:  # noqa: N802 - the field's spelling
        """Mean average precision."""
        return self.ranking.mAP

    @property
    def mINP(self) -> float:  # noqa: N802
        """Mean inverse negative penalty."""
        return self.ranking.mINP

    @property
    def rank1(self) -> float:
        """Share of queries whose nearest gallery image is a match."""
        return self.ranking.rank1

    @property
    def cmc(self) -> NDArray[np.float64]:
        """float64 [max_rank]; entry k-1 is the share of queries with a match among their first k."""
        return self.ranking.cmc

    def rank_at(self, k: int) -> float:
        """Share of queries with a match among their first `k`."""
        return self.ranking.rank_at(k)

    @cached_property
    def analysis(self) -> Analysis:
        """Intervals, curves, scores of pairs and pairs of cameras."""
        return analyse(self.evaluation, open_set_draws=self.protocol.open_set_draws)

    @property
    def intervals(self) -> dict[str, dict[str, float]]:
        """By metric: value, low and high of the 95 % interval, people resampled; empty for one person."""
        return self.analysis.intervals

    @property
    def open_set(self) -> dict[str, dict[str, float]] | None:
        """By false alarm rate: detection and identification rate with its interval; None if not asked for."""
        return self.analysis.open_set

    @cached_property
    def reranked(self) -> RankingResult | None:
        """The same queries after re-ranking; None if not asked for."""
        return None if self.protocol.rerank is None else _reranked(self.evaluation, self.protocol.rerank)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} on {self.evaluation.name}", f"  {self.ranking!r}"]
        if "reranked" in self.__dict__ and self.reranked is not None:
            lines.append(f"  re-ranked: {self.reranked!r}")
        return "\n".join([*lines, *([f"  page: {self.page}"] if self.page else [])])


def _reranked(evaluation: Evaluation, settings: RerankSettings) -> RankingResult:
    """The ranking of the same features after k-reciprocal re-ranking."""
    result, query, gallery = evaluation.result, evaluation.query, evaluation.gallery
    distances = rerank(
        evaluation.query_features,
        evaluation.gallery_features,
        k1=settings.k1,
        k2=settings.k2,
        lambda_value=settings.lambda_value,
        metric="euclidean" if result.metric == "euclidean" else "cosine",
    )
    cameras = (query.cameras, gallery.cameras) if result.camera_rule else ()
    labels = (query.identities, gallery.identities, *cameras)
    return rank_distances(distances, *labels, max_rank=len(result.cmc), ap=result.ap, ties=result.ties)
