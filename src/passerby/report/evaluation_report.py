"""What is written about one evaluation: figures, page, table of queries, and the numbers behind the curves."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.atomic_files import write_text_atomically
from passerby.errors import EvaluationError
from passerby.methods.embedder import Embedder
from passerby.methods.evaluation import Evaluation
from passerby.methods.pooled_features import TrackletPooling
from passerby.metrics.distance_ranking import rank_distances
from passerby.metrics.ranking import RankingResult
from passerby.metrics.rerank import check_reranking, k_reciprocal
from passerby.report.analysis import Analysis, analyse
from passerby.report.metrics_file import entry_name, model_record, page_name, read_metrics, write_metrics
from passerby.report.occlusion_card import occlusion_card
from passerby.report.query_table import write_query_table
from passerby.report.rank_lists import write_rank_lists


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


FILES = ("page", "queries_table", "analysis")
"""Figures that are names of files."""


@dataclass(frozen=True)
class ReportedEvaluation:
    """Figures of one data set, and where their page is; files in the figures are named from the run's folder."""

    figures: dict[str, Any]
    folder: Path

    @property
    def page(self) -> Path:
        """The page."""
        return self.folder / str(self.figures["page"])

    def with_places(self) -> dict[str, Any]:
        """The figures, files named from the working directory."""
        return self.figures | {name: str(self.folder / str(self.figures[name])) for name in FILES}


def report_evaluation(
    evaluation: Evaluation, mark: str, embedder: Embedder, folder: Path, protocol: Protocol
) -> ReportedEvaluation:
    """Write everything about one evaluation into a folder.

    Args:
        evaluation: what was measured.
        mark: fingerprint of the data.
        embedder: the model.
        folder: of the run; gets `metrics.json` and, in `report/`, the page, the table of queries and the analysis.
        protocol: what else to measure.

    Raises:
        EvaluationError: what the protocol asks for cannot be measured on this data.
    """
    content = read_metrics(folder)
    entry = entry_name(content, evaluation.name, mark)
    page = page_name(content, entry)
    analysis = analyse(evaluation, open_set_draws=protocol.open_set_draws)
    reranked = None if protocol.rerank is None else rerank_evaluation(evaluation, protocol.rerank)
    files = {
        "page": page,
        "queries_table": str(Path(page).with_suffix(".queries.parquet").as_posix()),
        "analysis": str(Path(page).with_suffix(".analysis.json").as_posix()),
    }
    figures = _figures(evaluation, embedder, entry, mark, analysis) | files
    if reranked is not None:
        figures["reranked"] = {"settings": str(protocol.rerank), **reranked.to_dict()}
    write_rank_lists(
        folder / page,
        evaluation.query,
        evaluation.gallery,
        evaluation.query_features,
        evaluation.gallery_features,
        evaluation.result,
        title=entry,
        analysis=analysis,
        reranked=reranked,
        reranked_how=str(protocol.rerank),
        remarks=_remarks(evaluation, figures["model"]),
        further_charts=occlusion_card(folder, evaluation.name),
    )
    for table in (folder / files["queries_table"], protocol.export):
        if table is not None:
            write_query_table(table, evaluation.query, evaluation.result)
    write_text_atomically(folder / files["analysis"], json.dumps(analysis.to_dict()) + "\n")
    write_metrics(folder, entry, figures)
    return ReportedEvaluation(figures, folder)


def rerank_evaluation(evaluation: Evaluation, settings: RerankSettings) -> RankingResult:
    """The ranking of the same features after k-reciprocal re-ranking."""
    result, query, gallery = evaluation.result, evaluation.query, evaluation.gallery
    distances = k_reciprocal(
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


def _figures(evaluation: Evaluation, embedder: Embedder, entry: str, mark: str, analysis: Analysis) -> dict[str, Any]:
    """The entry of `metrics.json`."""
    return {
        "data": entry,
        **evaluation.result.to_dict(),
        "intervals": analysis.intervals,
        "verification": {"eer": analysis.eer, "rates": analysis.rates},
        "open_set": analysis.open_set,
        "gallery": len(evaluation.gallery),
        "unreadable": evaluation.unreadable,
        "pooling": evaluation.pooling,
        "multi_query": evaluation.multi_query,
        "cameras_known": evaluation.cameras_known,
        "camera_embedding": evaluation.cameras.use,
        "camera_embedding_of": evaluation.cameras.data,
        "dimension": embedder.dimension,
        "data_fingerprint": mark,
        "model": model_record(embedder),
    }


def _remarks(evaluation: Evaluation, model: dict[str, Any]) -> list[str]:
    """Which model it was, and what differs from the usual comparison of single images."""
    found = []
    if model["path"] is not None:
        file = Path(model["path"]).resolve()
        found.append(f"Model: {file.parent.name}/{file.name} (SHA-256 {model['sha256'][:12]}…).")
    if evaluation.pooling != "none":
        found.append(f"Tracklets are compared, each by the {evaluation.pooling} of its images; its first one is shown.")
    if evaluation.multi_query:
        found.append("Multi-query: all queries of a person and camera are joined to one; the first is shown.")
    return found
