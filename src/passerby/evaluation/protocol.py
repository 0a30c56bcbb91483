"""How features are turned into a ranking: plainly, or re-ranked."""

from dataclasses import dataclass
from pathlib import Path

from passerby.errors import EvaluationError
from passerby.evaluation.evaluate import Evaluation
from passerby.evaluation.pooling import TrackletPooling
from passerby.metrics import RankingResult, rank_distances, rerank
from passerby.metrics.reranking import check_reranking


@dataclass(frozen=True)
class RerankSettings:
    """Parameters of k-reciprocal re-ranking."""

    k1: int = 20
    k2: int = 6
    lambda_value: float = 0.3

    def __post_init__(self) -> None:
        check_reranking(self.k1, self.k2, self.lambda_value)

    @classmethod
    def parsed(cls, text: str) -> "RerankSettings":
        """From `20,6,0.3`.

        Raises:
            EvaluationError: other than two whole numbers and a share, or one of them out of range.
        """
        try:
            k1, k2, share = text.split(",")
            numbers = int(k1), int(k2), float(share)
        except ValueError as error:
            raise EvaluationError(f"re-ranking needs k1,k2,lambda, such as 20,6,0.3, not {text!r}") from error
        return cls(*numbers)

    def __str__(self) -> str:
        return f"k1 {self.k1}, k2 {self.k2}, λ {self.lambda_value:g}"


@dataclass(frozen=True)
class Protocol:
    """How query and gallery are compared, besides the metric.

    Attributes:
        pooling: how tracklets become one feature; None for the data's own way.
        multi_query: search with all queries of a person and camera at once.
        rerank: also re-rank, and give both figures.
        open_set_draws: how often half of the people are taken out of the gallery to measure an open set; 0 for never.
        export: also write the table of queries there, `.csv` or `.parquet`.
    """

    pooling: TrackletPooling | None = None
    multi_query: bool = False
    rerank: RerankSettings | None = None
    open_set_draws: int = 0
    export: Path | None = None


def rerank_evaluation(evaluation: Evaluation, settings: RerankSettings) -> RankingResult:
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
    return rank_distances(
        distances, query.identities, gallery.identities, *cameras, max_rank=len(result.cmc), ap=result.ap
    )
