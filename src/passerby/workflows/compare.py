"""Several runs side by side on the same data: which is better, and could that be chance?"""

from collections.abc import Sequence
from pathlib import Path

from passerby.atomic_files import write_text_atomically
from passerby.errors import DataError
from passerby.evaluation.comparison import Comparison, EvaluatedRun, check_alike, names_of, tested
from passerby.json_text import json_text
from passerby.output_paths import check_output_folder, expanded, expanded_paths
from passerby.report.comparison_page import write_comparison_page


def compare(runs: Sequence[str | Path], out: str | Path = "comparison", data: str | None = None) -> list[Comparison]:
    """Compare runs on every data set that all of them were evaluated on, each with the first run.

    Examples:
        >>> (comparison,) = passerby.compare(["runs/baseline", "runs/clip-reid"])
        >>> comparison.runs[1].against_first["mAP"].difference

    Args:
        runs: folders of runs, or what `passerby eval --out` wrote; a folder of seeds counts as one run, their mean.
        out: receives a page for each data set, and `comparison.json`.
        data: one data set's name in the first run's `metrics.json`; None for all, data of two names once.

    Raises:
        DataError: fewer than two runs, no evaluation there, or nothing in common.
        EvaluationError: runs ranked other queries, or were compared in other ways.
    """
    folders, out = expanded_paths(runs, "runs"), expanded(out)
    if len(folders) < 2:
        raise DataError("name at least two runs to compare")
    places = [folder.resolve() for folder in folders]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise DataError(f"{folders[number]}: is named twice: name different runs")
    check_output_folder(out)
    evaluated = [EvaluatedRun.read(folder) for folder in folders]
    compared = []
    for mark, name in _data_sets(evaluated[0], data).items():
        comparison = _compared(evaluated, name, mark, out)
        if comparison is not None:
            compared.append(comparison)
    if not compared:
        raise DataError(
            "the runs were not evaluated on the same data: evaluate each with `passerby eval RUN --data … --root …`"
        )
    content = [comparison.to_dict() for comparison in compared]
    write_text_atomically(out / "comparison.json", json_text(content) + "\n")
    return compared


def _data_sets(run: EvaluatedRun, data: str | None) -> dict[str, str]:
    """Names of the data sets to compare on by fingerprint, as the first run calls them."""
    entries = run.entries[0]
    names = [name for name in entries if data in (None, name)]
    if data is not None and not names:
        raise DataError(f"{run.folder}: was not evaluated on {data!r}, but on {', '.join(entries)}")
    marks: dict[str, str] = {}
    for name in names:
        marks.setdefault(entries[name]["data_fingerprint"], name)
    return marks


def _compared(evaluated: Sequence[EvaluatedRun], data: str, mark: str, out: Path) -> Comparison | None:
    """Compare runs on one data set and write their page; None where not all were evaluated on it."""
    entries = [run.on(data, mark) for run in evaluated]
    if any(each is None for each in entries):
        return None
    folders = [run.folder for run in evaluated]
    runs = [
        run.compared(name, each)
        for run, name, each in zip(evaluated, names_of(folders), entries, strict=True)
        if each is not None
    ]
    for folder, run in zip(folders, runs, strict=True):
        check_alike(runs[0], folders[0], run, folder)
    runs = [runs[0], *(tested(runs[0], run) for run in runs[1:])]
    name = str(runs[0].metrics["data"])
    page = out / f"{Path(str(runs[0].metrics['page'])).stem}.html"
    write_comparison_page(page, name, runs)
    return Comparison(name, runs, page)
