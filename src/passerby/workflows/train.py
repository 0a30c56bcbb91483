"""Train, evaluate and report: what `passerby train` does, for one seed or several."""

import json
import shlex
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.atomic_files import write_text_atomically
from passerby.config import Recipe
from passerby.distributed.roles import is_main_process
from passerby.errors import PasserbyError, RecipeError
from passerby.inference.loading import load
from passerby.json_text import json_text
from passerby.methods import find_method
from passerby.runs.request import TrainingRequest, checked_recipe, resolve_recipe
from passerby.runs.run_directory import RunDirectory, seed_folders
from passerby.training.estimate import StageEstimate, estimate_training
from passerby.training.interruption import InterruptedRunError, interruptible
from passerby.training.runner import train
from passerby.training.training_data import open_sets
from passerby.workflows.associations import write_page_after_training
from passerby.workflows.evaluate import evaluate_all
from passerby.workflows.evaluation_report import ReportedEvaluation
from passerby.workflows.evaluation_request import OpenedRequest, evaluable

PAGES: dict[str, Callable[[Path], None]] = {"associations": write_page_after_training}
"""Kinds of pages that a method may have written about a run; see `Method.after_training`."""

_METRICS = ("mAP", "rank1", "mINP")


@dataclass(frozen=True)
class SeedOutcome:
    """One trained seed.

    Attributes:
        seed: of the recipe.
        folder: of the run.
        evaluations: of every data set of the recipe that has a query and a gallery.
    """

    seed: int
    folder: Path
    evaluations: list[ReportedEvaluation]


def estimate(request: TrainingRequest) -> list[StageEstimate]:
    """What training would cost: steps, memory and time of each stage.

    Raises:
        PasserbyError: the recipe or its data cannot be used.
    """
    return estimate_training(resolve_recipe(request))


def run_seeds(request: TrainingRequest, seeds: int) -> list[SeedOutcome]:
    """Train and evaluate the recipe's seed, or as many as asked for, counted up from it.

    Several seeds lie in `seed-N` below the folder; those already finished are not trained again with `--resume`. What
    they reached goes into `seeds.json`, beside what other seeds there have reached.

    Returns:
        An outcome per seed; none in processes other than the first.

    Raises:
        InterruptedRunError: Ctrl-C; the message says how to continue.
        PasserbyError: whatever stops training or evaluation.
    """
    if seeds == 1:
        recipe = resolve_recipe(request)
        return _run(recipe, request.folder, resume=request.resume is not None)
    first = _first_recipe(request)
    _check_seeds(first, seeds)
    if request.resume is None and is_main_process():
        RunDirectory(request.folder).check_new()
    earlier = _earlier_rows(request.folder / "seeds.json")
    outcomes: list[SeedOutcome] = []
    try:
        for seed in range(first.seed, first.seed + seeds):
            folder = request.folder / f"seed-{seed}"
            started = RunDirectory(folder).recipe_file.is_file()
            recipe = first.model_copy(update={"seed": seed})
            outcomes += _run(recipe, folder, resume=request.resume is not None and started)
    except InterruptedRunError as error:
        begun = bool(seed_folders(request.folder))
        raise InterruptedRunError(request.folder, f" --seeds {seeds}", begun=begun) from error
    if outcomes:
        _write_summary(outcomes, earlier, request.folder)
    return outcomes


def _write_summary(outcomes: list[SeedOutcome], earlier: list[dict[str, Any]], folder: Path) -> None:
    """Tabulate what the seeds reached, those of earlier commands included: resuming fewer of them loses none."""
    table = {outcome.seed: [each.metrics for each in outcome.evaluations] for outcome in outcomes}
    for row in earlier:
        if (folder / f"seed-{row['seed']}").is_dir():
            table.setdefault(row["seed"], row["evaluations"])
    rows = [{"seed": seed, "evaluations": metrics} for seed, metrics in sorted(table.items())]
    summary = {"seeds": rows, "mean and deviation": _spread([metrics for _, metrics in sorted(table.items())])}
    write_text_atomically(folder / "seeds.json", json_text(summary) + "\n")


def _earlier_rows(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    try:
        rows: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["seeds"]
        return [{"seed": int(row["seed"]), "evaluations": list(row["evaluations"])} for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise RecipeError(f"{file}: is damaged: remove it; `passerby train --resume` writes it anew") from error


def spread(outcomes: list[SeedOutcome]) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and sample standard deviation over seeds of each metric, by data set."""
    return _spread([[each.metrics for each in outcome.evaluations] for outcome in outcomes])


def _spread(seeds: list[list[dict[str, Any]]]) -> dict[str, dict[str, tuple[float, float]]]:
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name in dict.fromkeys(metrics["data"] for evaluations in seeds for metrics in evaluations):
        found[name] = {}
        for metric in _METRICS:
            values = [each[metric] for evaluations in seeds for each in evaluations if each["data"] == name]
            found[name][metric] = (statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)
    return found


def _first_recipe(request: TrainingRequest) -> Recipe:
    if request.resume is None:
        return resolve_recipe(request)
    runs = seed_folders(request.resume)
    if not runs:
        raise RecipeError(f"{request.resume}: holds no runs of several seeds: resume without --seeds")
    first, oldest = resolve_recipe(request, runs[0]), int(runs[0].name[5:])
    if first.seed != oldest:
        raise RecipeError(
            f"seed={first.seed}: the runs in {request.resume} count up from seed {oldest}: leave it out, or begin "
            "others with --out"
        )
    return first


def _check_seeds(first: Recipe, seeds: int) -> None:
    """Refuse seeds beyond what a recipe may say."""
    last = first.model_copy(update={"seed": first.seed + seeds - 1})
    checked_recipe(last.model_dump(mode="json"))


def _run(recipe: Recipe, folder: Path, *, resume: bool) -> list[SeedOutcome]:
    with interruptible(folder):
        if train(recipe, folder, resume=resume) is None:
            return []
        if find_method(recipe.method).draws_images:  # and names no data to evaluate on
            return [SeedOutcome(recipe.seed, folder, [])]
        try:
            opened = OpenedRequest(
                load(folder),
                evaluable(open_sets(recipe.data)),
                folder,
                batch_size=recipe.evaluation.batch_size,
                skip_unreadable=recipe.data.skip_unreadable,
            )
            evaluations = evaluate_all(opened)
            for kind in find_method(recipe.method).after_training(folder):
                PAGES[kind](folder)
        except (PasserbyError, OSError) as error:
            raise PasserbyError(
                f"the model is trained and stays in {folder}, but evaluating it failed: {error}. Once that is mended, "
                f"run `passerby eval {shlex.quote(str(folder))}`"
            ) from error
    return [SeedOutcome(recipe.seed, folder, evaluations)]
