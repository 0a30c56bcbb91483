"""Several seeds of one recipe: their folder, what each reached, and mean and deviation over them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.atomic_files import write_text_atomically
from passerby.errors import RecipeError
from passerby.evaluation.occlusion_summary import OcclusionMetrics
from passerby.evaluation.spread import Spread
from passerby.json_text import json_text
from passerby.models.bundled import resolve_path
from passerby.runs.run_directory import RunDirectory, seed_runs
from passerby.workflows.evaluation_report import ReportedEvaluation

FILE_NAME = "seeds.json"

_METRICS = ("mAP", "rank1", "mINP")

Evaluations = list[dict[str, Any]]
"""Entries of a `metrics.json`."""


@dataclass(frozen=True)
class SeedOutcome:
    """One trained seed, or one model that was evaluated alone.

    Attributes:
        seed: of the recipe; None for a model that is evaluated alone.
        folder: of the run, or the file of a model.
        evaluations: of every data set that it was evaluated on.
    """

    seed: int | None
    folder: Path
    evaluations: list[ReportedEvaluation]


def seeds_in(model: str | Path) -> dict[int, Path]:
    """The runs of several seeds by seed, where a model is named by the folder that holds them; else none."""
    folder = resolve_path(str(model))
    if not folder.is_dir() or RunDirectory(folder).recipe_file.is_file():
        return {}
    return seed_runs(folder)


def spread_over_seeds(seeds: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, dict[str, Spread]]:
    """Mean and deviation of each metric, by data set.

    Args:
        seeds: the entries of `metrics.json` of each seed.
    """
    names = dict.fromkeys(str(metrics["data"]) for evaluations in seeds for metrics in evaluations)
    return {
        name: {
            metric: Spread.of([each[metric] for evaluations in seeds for each in evaluations if each["data"] == name])
            for metric in _METRICS
        }
        for name in names
    }


def occlusion_over_seeds(seeds: Sequence[Sequence[OcclusionMetrics]]) -> list[OcclusionMetrics]:
    """Mean and deviation over seeds of the same plan; without gains over the reference, which are of single models.

    Args:
        seeds: the metrics of each seed, in one order.
    """
    return [
        OcclusionMetrics(
            condition=rows[0].condition,
            level=rows[0].level,
            covered=Spread.of([row.covered for row in rows]).mean,
            feature=rows[0].feature,
            mAP=Spread.of([row.mAP.mean for row in rows]),
            rank1=Spread.of([row.rank1.mean for row in rows]),
            retention=Spread.of([row.retention for row in rows]).mean,
            mAP_gain=None,
            rank1_gain=None,
        )
        for rows in zip(*seeds, strict=True)
    ]


def read_summary(folder: Path) -> dict[int, Evaluations]:
    """What the seeds in a folder reached, by seed, as `seeds.json` says; empty where there is no such file.

    Raises:
        RecipeError: the file is damaged.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        return {}
    try:
        return {int(row["seed"]): list(row["evaluations"]) for row in json.loads(file.read_text("utf-8"))["seeds"]}
    except (ValueError, KeyError, TypeError) as error:
        raise RecipeError(f"{file}: is damaged: remove it; `passerby train --resume` writes it anew") from error


def write_summary(folder: Path, earlier: Mapping[int, Evaluations], outcomes: Sequence[SeedOutcome]) -> None:
    """Tabulate what the seeds in a folder reached; what is there about other seeds and other data sets is kept.

    Args:
        folder: holds `seed-N`.
        earlier: see `read_summary`.
        outcomes: of this command.
    """
    table = {seed: rows for seed, rows in earlier.items() if (folder / f"seed-{seed}").is_dir()}
    for outcome in outcomes:
        if outcome.seed is None:
            continue
        rows = {entry["data"]: entry for entry in table.get(outcome.seed, [])}
        table[outcome.seed] = list(
            (rows | {each.metrics["data"]: each.metrics for each in outcome.evaluations}).values()
        )
    ordered = sorted(table.items())
    content = {
        "seeds": [{"seed": seed, "evaluations": evaluations} for seed, evaluations in ordered],
        "mean and deviation": spread_over_seeds([evaluations for _, evaluations in ordered]),
    }
    write_text_atomically(folder / FILE_NAME, json_text(content) + "\n")
