"""Several runs side by side on the same data: which is better, and could that be chance?"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.atomic_files import write_text_atomically
from passerby.errors import DataError, EvaluationError
from passerby.methods.output_place import check_output_folder
from passerby.metrics.bootstrap import PairedComparison, compare_paired
from passerby.report.analysis import Analysis
from passerby.report.comparison_page import write_comparison_page
from passerby.report.metrics_file import FILE_NAME, read_metrics
from passerby.report.query_table import QueryTable, read_query_table

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


def compare_runs(folders: Sequence[Path], out: Path, data: str | None = None) -> list[Comparison]:
    """Compare runs on every data set that all of them were evaluated on, each with the first run.

    Args:
        folders: of runs, or what `passerby eval --out` wrote.
        out: receives a page for each data set, and `comparison.json`.
        data: one data set's name in the first run's `metrics.json`; None for all, data of two names once.

    Raises:
        DataError: fewer than two runs, no evaluation there, or nothing in common.
        EvaluationError: runs ranked other queries, or were compared in other ways.
    """
    if len(folders) < 2:
        raise DataError("name at least two runs to compare")
    places = [folder.resolve() for folder in folders]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise DataError(f"{folders[number]}: is named twice: name different runs")
    check_output_folder(out)
    entries = [_entries(folder) for folder in folders]
    names = [name for name in entries[0] if data in (None, name)]
    if data is not None and not names:
        raise DataError(f"{folders[0]}: was not evaluated on {data!r}, but on {', '.join(entries[0])}")
    marks: dict[str, str] = {}
    for name in names:
        marks.setdefault(entries[0][name]["data_fingerprint"], name)
    found = []
    for mark, name in marks.items():
        of_runs = [_entry(each, name, mark) for each in entries]
        if all(figures is not None for figures in of_runs):
            figures = [each for each in of_runs if each is not None]
            found.append(_compared(folders, figures, out))
    if not found:
        raise DataError(
            "the runs were not evaluated on the same data: evaluate each with `passerby eval RUN --data … --root …`"
        )
    content = [comparison.to_dict() for comparison in found]
    write_text_atomically(out / "comparison.json", json.dumps(content, indent=2) + "\n")
    return found


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


def _compared(folders: Sequence[Path], figures: Sequence[dict[str, Any]], out: Path) -> Comparison:
    """Compare runs on one data set and write their page."""
    tables = [
        read_query_table(folder / str(each["queries_table"])) for folder, each in zip(folders, figures, strict=True)
    ]
    for folder, table, each in zip(folders, tables, figures, strict=True):
        _check_alike(folders[0], tables[0], figures[0], folder, table, each)
    _, people = np.unique(tables[0].identities, return_inverse=True)
    searched = np.unique(people[~np.isnan(tables[0].average_precision)])
    runs = []
    for number, (name, folder) in enumerate(zip(_names(folders), folders, strict=True)):
        tested = {}
        if number > 0 and searched.size > 1:
            columns = {figure: (_column(tables[0], figure), _column(tables[number], figure)) for figure in FIGURES}
            tested = {figure: compare_paired(*pair, people) for figure, pair in columns.items()}
        runs.append(ComparedRun(name, figures[number], tables[number], _analysis(folder, figures[number]), tested))
    data = str(figures[0]["data"])
    page = out / f"{Path(str(figures[0]['page'])).stem}.html"
    write_comparison_page(page, data, runs)
    return Comparison(data, runs, page)


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
