"""What is written about one evaluation: figures, page, table of queries, and the numbers behind the curves."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.atomic_files import write_text_atomically
from passerby.evaluation.analysis import Analysis, analyse
from passerby.evaluation.evaluate import Evaluation
from passerby.evaluation.metrics_file import entry_name, model_record, page_name, read_metrics, write_metrics
from passerby.evaluation.protocol import Protocol, rerank_evaluation
from passerby.evaluation.query_table import write_query_table
from passerby.inference.embedder import Embedder
from passerby.report.occlusion.card import occlusion_card
from passerby.report.ranking.page import write_rank_lists

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
        "dimension": embedder.embed_dim,
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
