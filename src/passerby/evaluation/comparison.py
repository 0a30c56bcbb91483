"""Several runs on the same benchmark, as columns of one table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError, EvaluationError
from passerby.evaluation.analysis import Analysis
from passerby.evaluation.metrics_file import FILE_NAME, read_metrics
from passerby.evaluation.query_table import QueryTable
from passerby.metrics import PairedComparison

FIGURES = ("mAP", "rank1", "mINP")
"""What runs are tested on."""


@dataclass(frozen=True)
class ComparedRun:
    """One run's evaluation on one data set.

    Attributes:
        name: how the run is called in the comparison.
        figures: its entry of `metrics.json`.
        queries: how every query did.
        analysis: the numbers behind its curves.
        against_first: by figure, the difference from the first run; empty for the first, and where one person is
            searched for, who says nothing about others.
    """

    name: str
    figures: dict[str, Any]
    queries: QueryTable
    analysis: Analysis
    against_first: dict[str, PairedComparison]


@dataclass(frozen=True)
class Comparison:
    """Runs on one data set, and where their page is."""

    data: str
    runs: list[ComparedRun]
    page: Path

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        keys = (*FIGURES, "rank5", "rank10", "intervals")
        return {
            "data": self.data,
            "page": str(self.page),
            "runs": [
                {
                    "name": run.name,
                    **{key: run.figures.get(key) for key in keys},
                    "against_first": {figure: asdict(found) for figure, found in run.against_first.items()},
                }
                for run in self.runs
            ],
        }


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    """What a run was evaluated on; the tables of queries are needed too."""
    content = {name: figures for name, figures in read_metrics(folder).items() if "queries_table" in figures}
    if not content:
        raise DataError(f"{folder}: holds no {FILE_NAME} with tables of queries: run `passerby eval {folder}` first")
    return content


def _entry(entries: dict[str, dict[str, Any]], name: str, mark: str) -> dict[str, Any] | None:
    """The entry of the data with this fingerprint, the one of this name if there are several."""
    alike = {each: figures for each, figures in entries.items() if figures["data_fingerprint"] == mark}
    return alike.get(name) or next(iter(alike.values()), None)


def _check_alike(
    first: Path,
    expected: QueryTable,
    conditions: dict[str, Any],
    folder: Path,
    table: QueryTable,
    own: dict[str, Any],
) -> None:
    """Refuse runs whose queries cannot be paired."""
    for key in ("camera_rule", "pooling", "multi_query", "ap", "gallery", "junk"):
        if conditions.get(key) != own.get(key):
            raise EvaluationError(
                f"{folder}: {key} is {own.get(key)!r}, but {conditions.get(key)!r} in {first}: evaluate both alike"
            )
    if table.paths != expected.paths or table.identities != expected.identities:
        raise EvaluationError(f"{folder}: ranked other queries than {first}: evaluate both on the same images")


def _column(table: QueryTable, figure: str) -> NDArray[np.float64]:
    """A figure of every query, NaN where it has no match."""
    if figure == "mAP":
        return table.average_precision
    if figure == "mINP":
        return table.inverse_negative_penalty
    return np.where(table.first_match > 0, (table.first_match == 1).astype(np.float64), np.nan)


def _analysis(folder: Path, figures: dict[str, Any]) -> Analysis:
    file = folder / str(figures["analysis"])
    try:
        return Analysis.from_dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise EvaluationError(f"{file}: cannot be read: run `passerby eval {folder}` again") from error


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' own names; as they were given where two have the same."""
    short = [folder.resolve().name for folder in folders]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]
