"""What is written about one evaluation: metrics, page, table of queries, and the numbers behind the curves."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.atomic_files import sweep_temporaries, write_text_atomically
from passerby.evaluation.evaluate import Evaluation
from passerby.evaluation.metrics_file import entry_name, model_record, page_name, read_metrics, write_metrics
from passerby.evaluation.query_table import write_query_table
from passerby.evaluation.result import EvaluationResult
from passerby.inference.embedder import Embedder
from passerby.json_text import json_text
from passerby.report.occlusion.card import occlusion_card
from passerby.report.ranking.page import Reranked, write_rank_lists
from passerby.report.ranking.rank_list import RankedSplits

FILES = ("page", "queries_table", "analysis")
"""Entries that are names of files."""


@dataclass(frozen=True)
class ReportedEvaluation:
    """What was measured on one data set, and where it was written.

    Attributes:
        metrics: the entry of `metrics.json`; files in it are named from the folder.
        folder: of the run.
    """

    metrics: dict[str, Any]
    folder: Path

    @property
    def page(self) -> Path:
        """The page."""
        return self.folder / str(self.metrics["page"])

    def with_places(self) -> dict[str, Any]:
        """The metrics, files named from the working directory."""
        return self.metrics | {name: str(self.folder / str(self.metrics[name])) for name in FILES}


def report_evaluation(result: EvaluationResult, mark: str, embedder: Embedder, folder: Path) -> ReportedEvaluation:
    """Write everything about one evaluation into a folder.

    Args:
        result: what was measured.
        mark: fingerprint of the data.
        embedder: the model.
        folder: of the run; gets `metrics.json` and, in `report/`, the page, the table of queries and the analysis.

    Raises:
        EvaluationError: what the protocol asks for cannot be measured on this data.
    """
    sweep_temporaries(folder)
    evaluation, analysis = result.evaluation, result.analysis
    content = read_metrics(folder)
    entry = entry_name(content, evaluation.name, mark)
    page = page_name(content, entry)
    files = {
        "page": page,
        "queries_table": str(Path(page).with_suffix(".queries.parquet").as_posix()),
        "analysis": str(Path(page).with_suffix(".analysis.json").as_posix()),
    }
    metrics = _metrics(result, embedder, entry, mark) | files
    reranked = None if result.reranked is None else Reranked(result.reranked, str(result.protocol.rerank))
    write_rank_lists(
        folder / page,
        RankedSplits.of(evaluation),
        title=entry,
        analysis=analysis,
        reranked=reranked,
        remarks=_remarks(evaluation, metrics["model"], embedder),
        further_charts=occlusion_card(folder, evaluation.name),
    )
    write_query_table(folder / files["queries_table"], evaluation.query, evaluation.result)
    write_text_atomically(folder / files["analysis"], json_text(analysis, indent=None) + "\n")
    write_metrics(folder, entry, metrics)
    return ReportedEvaluation(metrics, folder)


def _metrics(result: EvaluationResult, embedder: Embedder, entry: str, mark: str) -> dict[str, Any]:
    """The entry of `metrics.json`."""
    evaluation, analysis = result.evaluation, result.analysis
    metrics = {
        "data": entry,
        **result.ranking.to_dict(),
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
        "embed_dim": embedder.embed_dim,
        "data_fingerprint": mark,
        "model": model_record(embedder),
        "computing": embedder.computing.record(),
    }
    if result.reranked is not None:
        metrics["reranked"] = {"settings": str(result.protocol.rerank), **result.reranked.to_dict()}
    return metrics


def _remarks(evaluation: Evaluation, model: dict[str, Any], embedder: Embedder) -> list[str]:
    """Which model it was, and what differs from the usual comparison of single images."""
    found = []
    if model["path"] is not None:
        file = Path(model["path"]).resolve()
        found.append(f"Model: {file.parent.name}/{file.name} (SHA-256 {model['sha256'][:12]}…).")
    if embedder.computing.precision != "fp32" or embedder.computing.proof is not None:
        told = embedder.computing.told()
        found.append(f"{told[0].upper()}{told[1:]}.")
    if evaluation.pooling != "none":
        found.append(f"Tracklets are compared, each by the {evaluation.pooling} of its images; its first one is shown.")
    if evaluation.multi_query:
        found.append("Multi-query: all queries of a person and camera are joined to one; the first is shown.")
    return found
