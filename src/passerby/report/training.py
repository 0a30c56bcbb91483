"""Train, evaluate and report: what `passerby train` does, for one seed or several."""

import json
import shlex
import statistics
from dataclasses import dataclass
from pathlib import Path

from passerby.atomic_files import write_text_atomically
from passerby.config import Recipe
from passerby.errors import PasserbyError, RecipeError
from passerby.methods.embedder import load
from passerby.methods.experiment import TrainingRequest, checked_recipe, resolve_recipe
from passerby.methods.interruption import InterruptedRunError, interruptible
from passerby.methods.process_roles import is_main_process
from passerby.methods.run_directory import RunDirectory, seed_folders
from passerby.methods.runner import train
from passerby.methods.training_data import open_sets
from passerby.report.evaluation import evaluable, evaluate_all
from passerby.report.evaluation_report import ReportedEvaluation

_FIGURES = ("mAP", "rank1", "mINP")


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


def run_seeds(request: TrainingRequest, seeds: int) -> list[SeedOutcome]:
    """Train and evaluate the recipe's seed, or as many as asked for, counted up from it.

    Several seeds lie in `seed-N` below the folder; those already finished are not trained again with `--resume`. What
    they reached goes into `seeds.json`.

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
        _write_summary(outcomes, request.folder / "seeds.json")
    return outcomes


def _write_summary(outcomes: list[SeedOutcome], file: Path) -> None:
    table = [{"seed": outcome.seed, "evaluations": [e.figures for e in outcome.evaluations]} for outcome in outcomes]
    summary = {"seeds": table, "mean and deviation": spread(outcomes)}
    write_text_atomically(file, json.dumps(summary, indent=2) + "\n")


def spread(outcomes: list[SeedOutcome]) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and sample standard deviation over seeds of each figure, by data set."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for each in outcomes[0].evaluations:
        name = each.figures["data"]
        found[name] = {}
        for figure in _FIGURES:
            values = [e.figures[figure] for o in outcomes for e in o.evaluations if e.figures["data"] == name]
            found[name][figure] = (statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)
    return found


def _first_recipe(request: TrainingRequest) -> Recipe:
    if request.resume is None:
        return resolve_recipe(request)
    runs = seed_folders(request.resume)
    if not runs:
        raise RecipeError(f"{request.resume}: holds no runs of several seeds: resume without --seeds")
    return resolve_recipe(request, runs[0])


def _check_seeds(first: Recipe, seeds: int) -> None:
    """Refuse seeds beyond what a recipe may say."""
    last = first.model_copy(update={"seed": first.seed + seeds - 1})
    checked_recipe(last.model_dump(mode="json"))


def _run(recipe: Recipe, folder: Path, *, resume: bool) -> list[SeedOutcome]:
    with interruptible(folder):
        if train(recipe, folder, resume=resume) is None:
            return []
        try:
            evaluations = evaluate_all(
                load(folder),
                evaluable(open_sets(recipe.data)),
                folder,
                batch_size=recipe.evaluation.batch_size,
                skip_unreadable=recipe.data.skip_unreadable,
            )
        except (PasserbyError, OSError) as error:
            raise PasserbyError(
                f"the model is trained and stays in {folder}, but evaluating it failed: {error}. After mending that: "
                f"`passerby eval {shlex.quote(str(folder))}`"
            ) from error
    return [SeedOutcome(recipe.seed, folder, evaluations)]
