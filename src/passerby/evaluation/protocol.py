"""How query and gallery are compared: the metric, what is pooled, and whether the ranking is re-ranked."""

from dataclasses import dataclass
from typing import get_args

from pydantic import model_validator

from passerby.config import Section
from passerby.data.arguments import check_type, check_whole_number
from passerby.errors import EvaluationError
from passerby.evaluation.pooling import TrackletPooling
from passerby.metrics import Metric, Ties
from passerby.metrics.reranking import check_reranking


class RerankSettings(Section):
    """Parameters of k-reciprocal re-ranking (Zhong et al., CVPR 2017); the defaults are the paper's."""

    k1: int = 20
    """Neighbours whose mutual ones make the reciprocal set."""
    k2: int = 6
    """Neighbours over which the reciprocal features are averaged."""
    lambda_value: float = 0.3
    """Weight of the original distance; the rest is the Jaccard distance's."""

    @model_validator(mode="after")
    def _in_range(self) -> "RerankSettings":
        check_reranking(self.k1, self.k2, self.lambda_value)
        return self

    def __str__(self) -> str:
        return f"k1 {self.k1}, k2 {self.k2}, λ {self.lambda_value:g}"


@dataclass(frozen=True)
class Protocol:
    """How query and gallery are compared.

    Attributes:
        metric: `"cosine"` or `"euclidean"`; features of passerby's methods have length 1, where both rank alike.
        pooling: how tracklets become one feature; None for the data's own way.
        multi_query: search with the mean of all queries of a person and camera.
        rerank: also re-rank, and give both results.
        open_set_draws: how often half of the people are taken out of the gallery to measure an open set; 0 for never.
        ties: the order of equally far images: `"gallery"`, or `"expected"` for the expected values over all orders.

    Raises:
        EvaluationError: an unknown metric, or an unknown order of ties.
        DataError: a number of draws below 0, or parameters that are something else.
    """

    metric: Metric = "cosine"
    pooling: TrackletPooling | None = None
    multi_query: bool = False
    rerank: RerankSettings | None = None
    open_set_draws: int = 0
    ties: Ties = "gallery"

    def __post_init__(self) -> None:
        if self.metric not in get_args(Metric):
            raise EvaluationError(f"metric {self.metric!r} is not known: choose {' or '.join(get_args(Metric))}")
        if self.ties not in get_args(Ties):
            raise EvaluationError(f"ties {self.ties!r} is not known: choose {' or '.join(get_args(Ties))}")
        if self.rerank is not None:
            check_type("rerank", self.rerank, RerankSettings)
        check_whole_number("open_set_draws", self.open_set_draws, at_least=0)


PLAIN = Protocol()
"""Single images by cosine similarity, tracklets by the mean of theirs."""
