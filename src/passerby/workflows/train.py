"""Train, evaluate and report: what `passerby train` does, for one seed or several."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from passerby.config import Recipe
from passerby.data.arguments import check_whole_number
from passerby.distributed.roles import is_main_process
from passerby.errors import CheckpointError, PasserbyError, PluginError, RecipeError
from passerby.evaluation.spread import Spread
from passerby.inference.embedder import Embedder
from passerby.inference.loading import load
from passerby.methods import find_method
from passerby.runs.recipe_data import open_sets
from passerby.runs.request import TrainingRequest, checked_recipe, resolve_recipe
from passerby.runs.run_directory import RunDirectory, seed_runs
from passerby.training.estimate import StageEstimate, estimate_training
from passerby.training.interruption import InterruptedRunError, interruptible
from passerby.training.runner import train as train_recipe
from passerby.workflows.associations import write_page_after_training
from passerby.workflows.evaluate import evaluate_all
from passerby.workflows.evaluation_report import ReportedEvaluation
from passerby.workflows.evaluation_request import OpenedRequest, evaluable
from passerby.workflows.seeds import SeedOutcome, read_summary, spread_over_seeds, write_summary
from passerby.workflows.training_request import Overrides, Place, training_request

PAGES: dict[str, Callable[[Path], None]] = {"associations": write_page_after_training}
"""Kinds of pages that a method may have written about a run; see `Method.after_training`."""


@dataclass(frozen=True)
class TrainedRun:
    """What `passerby.train` trained.

    Attributes:
        folder: of the run, or of the runs of several seeds.
        seeds: an outcome for each; none in processes other than the first.
    """

    folder: Path
    seeds: tuple[SeedOutcome, ...]

    @property
    def metrics(self) -> dict[str, dict[str, Spread]]:
        """Mean and deviation over seeds of mAP, rank1 and mINP, by data set."""
        return spread_over_seeds([[each.metrics for each in outcome.evaluations] for outcome in self.seeds])

    def load(self, seed: int | None = None) -> Embedder:
        """The trained model; of several, the one of this seed.

        Raises:
            CheckpointError: several were trained and none is named, or the one named was not.
        """
        folders = {outcome.seed: outcome.folder for outcome in self.seeds}
        if seed is None:
            return load(self.folder)
        if seed not in folders:
            raise CheckpointError(f"{self.folder}: seed {seed} was not trained: choose {', '.join(map(str, folders))}")
        return load(folders[seed])


def train(
    recipe: str | Path | None = None,
    overrides: Overrides = (),
    *,
    data: Place | Sequence[Place] | None = None,
    root: Place | Sequence[Place] | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    seeds: int = 1,
    skip_unreadable: bool = False,
) -> TrainedRun:
    """Train a recipe, evaluate the result, and write a page, as `passerby train` does.

    Examples:
        >>> run = passerby.train("clip-reid-vit", data="market1501", root="/data", out="runs/market")
        >>> run.metrics["market1501"]["mAP"].mean
        >>> passerby.train("clip-reid-vit-tiny", {"stage2.epochs": 5}, data="people.parquet", out="runs/people").load()

    Args:
        recipe: a recipe's name or a YAML file; None to resume.
        overrides: changes to the recipe, as values by dotted key or as texts `section.key=value`.
        data: what to train and evaluate on: a benchmark's name, a table or a folder, or several of them.
        root: the folder that holds the benchmark: one for each, or one for all.
        out: the run's folder; by default `runs/` and the recipe's name.
        resume: the folder of a run to continue.
        seeds: how many seeds, counted up from the recipe's; several lie in `seed-N` of the folder.
        skip_unreadable: leave out images that cannot be decoded instead of stopping.

    Raises:
        RecipeError: no such recipe, an unknown key, or a value that does not fit.
        PasserbyError: whatever stops training or evaluation.
    """
    request = training_request(
        recipe,
        overrides,
        data=data,
        root=root,
        skip_unreadable=skip_unreadable,
        out=out,
        resume=resume,
    )
    return TrainedRun(request.folder, tuple(run_seeds(request, seeds)))


def estimate(request: TrainingRequest) -> list[StageEstimate]:
    """What training would cost: steps, memory and time of each stage.

    Raises:
        PasserbyError: the recipe or its data cannot be used.
    """
    return estimate_training(resolve_recipe(request))


def run_seeds(
    request: TrainingRequest, seeds: int, told: Callable[[SeedOutcome], None] | None = None
) -> list[SeedOutcome]:
    """Train and evaluate the recipe's seed, or as many as asked for, counted up from it.

    Several seeds lie in `seed-N` below the folder; those already finished are not trained again with `--resume`. What
    they reached goes into `seeds.json`, beside what other seeds there have reached.

    Args:
        request: of the first seed.
        seeds: how many.
        told: called with the outcome of each seed as soon as there is one.

    Returns:
        An outcome per seed; none in processes other than the first.

    Raises:
        InterruptedRunError: Ctrl-C; the message says how to continue.
        PasserbyError: whatever stops training or evaluation.
    """
    check_whole_number("seeds", seeds, at_least=1)
    if seeds == 1:
        recipe = resolve_recipe(request)
        return _told(_run(recipe, request.folder, resume=request.resume is not None), told)
    first = _first_recipe(request)
    _check_seeds(first, seeds)
    if request.resume is None and is_main_process():
        RunDirectory(request.folder).check_new()
    earlier = read_summary(request.folder)
    outcomes: list[SeedOutcome] = []
    try:
        for seed in range(first.seed, first.seed + seeds):
            folder = request.folder / f"seed-{seed}"
            started = RunDirectory(folder).recipe_file.is_file()
            recipe = first.model_copy(update={"seed": seed})
            outcomes += _told(_run(recipe, folder, resume=request.resume is not None and started), told)
    except InterruptedRunError as error:
        begun = bool(seed_runs(request.folder))
        raise InterruptedRunError(request.folder, f" --seeds {seeds}", begun=begun) from error
    if outcomes:
        write_summary(request.folder, earlier, outcomes)
    return outcomes


def _told(outcomes: list[SeedOutcome], told: Callable[[SeedOutcome], None] | None) -> list[SeedOutcome]:
    if told is not None:
        for outcome in outcomes:
            told(outcome)
    return outcomes


def _first_recipe(request: TrainingRequest) -> Recipe:
    if request.resume is None:
        return resolve_recipe(request)
    runs = seed_runs(request.resume)
    if not runs:
        raise RecipeError(f"{request.resume}: holds no runs of several seeds: resume without --seeds")
    first, oldest = resolve_recipe(request, next(iter(runs.values()))), min(runs)
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
        if train_recipe(recipe, folder, resume=resume) is None:
            return []
        method = find_method(recipe.method)
        try:
            evaluations = [] if method.draws_images else _evaluated(recipe, folder)  # such a method names no data
            for kind in method.after_training(folder):
                _write_page(kind, method.name, folder)
        except PluginError:  # nothing that evaluating again would mend
            raise
        except (PasserbyError, OSError) as error:
            raise PasserbyError(
                f"the model is trained and stays in {folder}, but evaluating it failed: {error}. Once that is mended, "
                f"run `passerby eval {shlex.quote(str(folder))}`"
            ) from error
    return [SeedOutcome(recipe.seed, folder, evaluations)]


def _evaluated(recipe: Recipe, folder: Path) -> list[ReportedEvaluation]:
    opened = OpenedRequest(
        load(folder),
        evaluable(open_sets(recipe.data)),
        folder,
        batch_size=recipe.evaluation.batch_size,
        skip_unreadable=recipe.data.skip_unreadable,
    )
    return evaluate_all(opened)


def _write_page(kind: str, method: str, folder: Path) -> None:
    if kind not in PAGES:
        raise PluginError(
            f"the model is trained and stays in {folder}, but after_training of the method {method!r} names the "
            f"unknown kind of page {kind!r}: name only {', '.join(PAGES)}"
        )
    PAGES[kind](folder)
