"""Several runs side by side on the same data: which is better, and could that be chance?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from passerby.atomic_files import write_text_atomically
from passerby.errors import DataError
from passerby.evaluation.comparison import (
    FIGURES,
    ComparedRun,
    Comparison,
    _analysis,
    _check_alike,
    _column,
    _entries,
    _entry,
    _names,
)
from passerby.evaluation.query_table import read_query_table
from passerby.json_text import json_text
from passerby.metrics import compare_paired
from passerby.output_paths import check_output_folder
from passerby.report.comparison_page import write_comparison_page


def compare(runs: Sequence[str | Path], out: str | Path = "comparison", data: str | None = None) -> list[Comparison]:
    """Compare runs on every data set that all of them were evaluated on, each with the first run.

    Examples:
        >>> (comparison,) = passerby.compare(["runs/baseline", "runs/clip-reid"])
        >>> comparison.runs[1].against_first["mAP"].difference

    Args:
        runs: folders of runs, or what `passerby eval --out` wrote.
        out: receives a page for each data set, and `comparison.json`.
        data: one data set's name in the first run's `metrics.json`; None for all, data of two names once.

    Raises:
        DataError: fewer than two runs, no evaluation there, or nothing in common.
        EvaluationError: runs ranked other queries, or were compared in other ways.
    """
    folders, out = [Path(run).expanduser() for run in runs], Path(out).expanduser()
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
    write_text_atomically(out / "comparison.json", json_text(content) + "\n")
    return found


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
