"""Runs side by side on one data set: what each reached, query by query, and how sure it is that two differ."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError, EvaluationError
from passerby.evaluation.analysis import Analysis
from passerby.evaluation.metrics_file import FILE_NAME, read_metrics
from passerby.evaluation.query_table import QueryTable, read_query_table
from passerby.evaluation.spread import Spread
from passerby.metrics import PairedComparison, compare_paired, mean_interval
from passerby.output_paths import seed_folders

METRICS = ("mAP", "rank1", "mINP")
"""What runs are tested on."""

_RATES = ("mAP", "rank1", "rank5", "rank10", "mINP")
_ALIKE = ("camera_rule", "pooling", "multi_query", "ap", "ties", "gallery", "junk")

Entry = Mapping[str, Any]
"""Of a `metrics.json`: what was measured on one data set."""


@dataclass(frozen=True)
class ComparedRun:
    """One run's evaluation on one data set; of a folder of seeds, the mean over them.

    Attributes:
        name: how the run is called in the comparison.
        metrics: its entry of `metrics.json`.
        queries: how every query did.
        columns: by metric, its value for every query, float64 [Q], NaN where it has no match.
        analysis: the numbers behind its curves; of several seeds, intervals and precision alone.
        over_seeds: by metric, mean and deviation; empty for one seed.
        against_first: by metric, the difference from the first run; empty for the first, and where one person is
            searched for, who says nothing about others.
    """

    name: str
    metrics: Entry
    queries: QueryTable
    columns: Mapping[str, NDArray[np.float64]]
    analysis: Analysis
    over_seeds: Mapping[str, Spread] = field(default_factory=dict)
    against_first: Mapping[str, PairedComparison] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Runs on one data set, and where their page is."""

    data: str
    runs: list[ComparedRun]
    page: Path

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "data": self.data,
            "page": str(self.page),
            "runs": [
                {
                    "name": run.name,
                    **{rate: run.metrics.get(rate) for rate in _RATES},
                    "intervals": run.analysis.intervals,
                    "over_seeds": {metric: asdict(spread) for metric, spread in run.over_seeds.items()},
                    "against_first": {metric: asdict(tested) for metric, tested in run.against_first.items()},
                }
                for run in self.runs
            ],
        }


@dataclass(frozen=True)
class EvaluatedRun:
    """A folder with evaluations: of one run, or of several seeds of one.

    Attributes:
        folder: as it was named.
        parts: the folder itself, or those of its seeds.
        entries: by name of the data set, what each part was evaluated on.
    """

    folder: Path
    parts: list[Path]
    entries: list[dict[str, dict[str, Any]]]

    @classmethod
    def read(cls, folder: Path) -> "EvaluatedRun":
        """Read what a run was evaluated on; the tables of queries are needed too.

        Raises:
            DataError: there is none, or not of all seeds.
        """
        seeds = list(seed_folders(folder, "recipe.yaml", FILE_NAME).values())
        parts = [folder] if (folder / FILE_NAME).is_file() or not seeds else seeds
        missing = [part.name for part in parts if not (part / FILE_NAME).is_file()]
        if missing and len(missing) < len(parts):
            raise DataError(f"{folder}: was not evaluated in {', '.join(missing)}: run `passerby eval {folder}` first")
        entries = [
            {name: entry for name, entry in read_metrics(part).items() if "queries_table" in entry} for part in parts
        ]
        if not all(entries):
            raise DataError(
                f"{folder}: holds no {FILE_NAME} with tables of queries: run `passerby eval {folder}` first"
            )
        return cls(folder, parts, entries)

    def on(self, name: str, mark: str) -> list[dict[str, Any]] | None:
        """The entry of each part on the data with this fingerprint, the one of this name if there are several."""
        chosen = []
        for entries in self.entries:
            alike = {each: entry for each, entry in entries.items() if entry["data_fingerprint"] == mark}
            chosen.append(alike.get(name) or next(iter(alike.values()), None))
        found = [entry for entry in chosen if entry is not None]
        return found if len(found) == len(chosen) else None

    def compared(self, name: str, entries: Sequence[Entry]) -> ComparedRun:
        """What it reached on one data set.

        Args:
            name: how it is called.
            entries: of each part, see `on`.

        Raises:
            EvaluationError: a file is missing or damaged, or the parts ranked other queries.
        """
        tables = [
            read_query_table(part / str(entry["queries_table"]))
            for part, entry in zip(self.parts, entries, strict=True)
        ]
        analyses = [_analysis(part, entry) for part, entry in zip(self.parts, entries, strict=True)]
        if len(tables) == 1:
            return ComparedRun(name, entries[0], tables[0], _columns(tables[0]), analyses[0])
        first = ComparedRun(name, entries[0], tables[0], _columns(tables[0]), analyses[0])
        for part, entry, table in zip(self.parts, entries, tables, strict=True):
            check_alike(first, self.parts[0], ComparedRun(name, entry, table, {}, analyses[0]), part)
        return _mean_of_seeds(name, entries, tables, analyses)


def check_alike(first: ComparedRun, first_folder: Path, run: ComparedRun, folder: Path) -> None:
    """Refuse runs whose queries cannot be paired.

    Raises:
        EvaluationError: says what differs.
    """
    for key in _ALIKE:
        if first.metrics.get(key) != run.metrics.get(key):
            raise EvaluationError(
                f"{folder}: {key} is {run.metrics.get(key)!r}, but {first.metrics.get(key)!r} in {first_folder}: "
                "evaluate both alike"
            )
    if run.queries.paths != first.queries.paths or run.queries.identities != first.queries.identities:
        raise EvaluationError(f"{folder}: ranked other queries than {first_folder}: evaluate both on the same images")


def tested(first: ComparedRun, run: ComparedRun) -> ComparedRun:
    """The run with its differences from the first, paired by query, people resampled."""
    people = _people(first.queries)
    if np.unique(people[~np.isnan(first.columns["mAP"])]).size < 2:
        return run
    differences = {metric: compare_paired(first.columns[metric], run.columns[metric], people) for metric in METRICS}
    return replace(run, against_first=differences)


def names_of(folders: Sequence[Path]) -> list[str]:
    """The folders' own names; as they were given where two have the same."""
    short = [folder.resolve().name for folder in folders]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]


def _mean_of_seeds(
    name: str, entries: Sequence[Entry], tables: Sequence[QueryTable], analyses: Sequence[Analysis]
) -> ComparedRun:
    """Seeds as one run: every query's mean over them."""
    spreads = {
        rate: Spread.of([float(entry[rate]) for entry in entries])
        for rate in _RATES
        if all(rate in entry for entry in entries)
    }
    by_seed = [_columns(table) for table in tables]
    columns = {metric: np.mean([each[metric] for each in by_seed], axis=0) for metric in METRICS}
    first_match = np.rint(np.mean([table.first_match for table in tables], axis=0)).astype(np.int64)
    queries = replace(
        tables[0],
        average_precision=columns["mAP"],
        inverse_negative_penalty=columns["mINP"],
        rank1=columns["rank1"],
        first_match=first_match,
        match_ranks=[],
    )
    cmc = np.mean([entry["cmc"] for entry in entries], axis=0).tolist()
    metrics = {**entries[0], "cmc": cmc, **{rate: spread.mean for rate, spread in spreads.items()}}
    precision = np.mean([each.precision for each in analyses], axis=0).tolist()
    analysis = Analysis(_intervals(columns, _people(queries)), precision)
    return ComparedRun(f"{name} ({len(entries)} seeds)", metrics, queries, columns, analysis, spreads)


def _intervals(columns: Mapping[str, NDArray[np.float64]], people: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    valid = ~np.isnan(columns["mAP"])
    if np.unique(people[valid]).size < 2:
        return {}
    return {metric: asdict(mean_interval(column[valid], people[valid])) for metric, column in columns.items()}


def _people(table: QueryTable) -> NDArray[np.int64]:
    """A number for each query's identity, int64 [Q]."""
    return np.unique(table.identities, return_inverse=True)[1].astype(np.int64)


def _columns(table: QueryTable) -> dict[str, NDArray[np.float64]]:
    """Each metric of every query, NaN where it has no match."""
    return {"mAP": table.average_precision, "rank1": table.rank1, "mINP": table.inverse_negative_penalty}


def _analysis(folder: Path, entry: Entry) -> Analysis:
    file = folder / str(entry["analysis"])
    try:
        return Analysis.from_dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise EvaluationError(f"{file}: cannot be read: run `passerby eval {folder}` again") from error
