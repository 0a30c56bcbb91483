"""The whole way in minutes, without data, weights, GPU or network: `passerby demo`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.atomic_files import naming
from passerby.config import Recipe
from passerby.errors import DataError, PasserbyError
from passerby.evaluation.analysis import Analysis
from passerby.evaluation.evaluate import Evaluation, evaluate_in_full
from passerby.evaluation.metrics_file import evaluation_fingerprint
from passerby.evaluation.occlusion_plan import OcclusionPlan
from passerby.evaluation.occlusion_summary import ReportedOcclusion
from passerby.evaluation.result import EvaluationResult
from passerby.inference.loading import load
from passerby.inference.torch_embedder import in_torch
from passerby.report.demo.film import draw_truth
from passerby.report.demo.page import Shown, write_demo_page
from passerby.report.occlusion.samples import occluded_samples
from passerby.runs.recipe_data import open_sets
from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.synth import write_market, write_videos
from passerby.synth.output.output_folder import holds_world
from passerby.training.interruption import InterruptedRunError
from passerby.training.runner import train
from passerby.workflows.demo_folder import PAGE, PICTURE, DemoFolder
from passerby.workflows.evaluate import draw_rank_lists
from passerby.workflows.evaluation_report import ReportedEvaluation, report_evaluation
from passerby.workflows.evaluation_request import EvaluationRequest
from passerby.workflows.occlusion import occlusion_and_report
from passerby.workflows.seeds import SeedOutcome

RECIPE, START = "clip-reid-vit-tiny", "tiny-clip"
SHORTER = ("stage2.epochs=5", "stage2.warmup_epochs=1")  # about a hundred steps: a minute or two
WORLD: dict[str, Any] = {"identities": 160, "cameras": 4, "images_per_camera": 4}
FILM: dict[str, Any] = {"identities": 6, "cameras": 1, "seconds": 6.0}
PLAN = OcclusionPlan(levels=(0.3, 0.5, 0.7), runs=1)
_SHOWN_OCCLUDED = 3
"""Queries whose occluded pictures the page shows."""


@dataclass(frozen=True)
class DemoOutcome:
    """What the demo made.

    Attributes:
        data: the folder of images.
        film: the folder of the video and its ground truth.
        run: the trained and evaluated run.
        occlusion: how it does with occluded queries.
        page: which shows everything.
    """

    data: Path
    film: Path
    run: SeedOutcome
    occlusion: ReportedOcclusion
    page: Path


def run_demo(folder: Path, *, seed: int) -> DemoOutcome:
    """Draw a small world, train the tiny recipe on half of its people, search for the other half, and show it all.

    Args:
        folder: receives `data/`, `film/` and `run/`, beside those of earlier demos where it holds any; a world of
            another seed than theirs becomes `data-seed-N/`. A demo that was interrupted goes on.
        seed: of the world and of the training.

    Raises:
        RecipeError: the folder holds something that no demo made, or a recipe cannot have the seed.
        DataError: it cannot be written.
        PasserbyError: somebody pressed Ctrl-C.
    """
    place = DemoFolder.opened(folder)
    with _saying_how_to_go_on(folder):
        recipe = _recipe(place.drawn("data", seed), place.cache, seed)  # refuses a seed before minutes are spent on it
        data, redrawn = _draw_world(place.drawn("data", seed), seed)
        film = _film(place.drawn("film", seed), seed)
        run, goes_on = place.run(recipe, may_go_on=not redrawn)
        train(recipe, run, resume=goes_on)
        return _measure_and_show(recipe, data, film, run)


def _draw_world(folder: Path, seed: int) -> tuple[Path, bool]:
    """The folder of images, and whether they had to be drawn."""
    if holds_world(folder, seed=seed, **WORLD):
        return folder, False
    with naming(folder):
        return write_market(folder, seed=seed, **WORLD), True


def _film(folder: Path, seed: int) -> Path:
    if holds_world(folder, seed=seed, **FILM):
        return folder
    with naming(folder):
        return write_videos(folder, seed=seed, **FILM)


def _recipe(data: Path, cache: Path, seed: int) -> Recipe:
    overrides = (
        *SHORTER,
        f"seed={seed}",
        "data.name=market-layout",
        f"data.root={data.resolve()}",
        f"data.cache_folder={cache.resolve()}",
    )
    return resolve_recipe(TrainingRequest(recipe=RECIPE, overrides=overrides))


def _measure_and_show(recipe: Recipe, data: Path, film: Path, run: Path) -> DemoOutcome:
    """Evaluate, clean and occluded, and write the page."""
    (benchmark,) = open_sets(recipe.data)
    model = load(run)
    # The page of the evaluation shows the curves of occlusion if they are there before it.
    (occlusion,) = occlusion_and_report(EvaluationRequest(model=str(run)), PLAN)
    evaluation = evaluate_in_full(model, benchmark, batch_size=recipe.evaluation.batch_size)
    reported = report_evaluation(EvaluationResult(evaluation), evaluation_fingerprint(benchmark), model, run)
    draw_rank_lists(evaluation, run / PICTURE)
    start = evaluate_in_full(load(START), benchmark, batch_size=recipe.evaluation.batch_size)
    page = write_demo_page(
        run / PAGE,
        Shown(
            seed=recipe.seed,
            world=WORLD,
            benchmark=benchmark,
            run=run,
            film=draw_truth(film, run / PAGE.with_suffix(".mp4")),
            evaluation=evaluation,
            analysis=_analysis(reported),
            details=reported.page.name,
            start=start.result,
            occlusion=occlusion,
            occluded=occluded_samples(benchmark, in_torch(model, "the demo").transform, PLAN, _spread_rows(evaluation)),
        ),
    )
    return DemoOutcome(data, film, SeedOutcome(recipe.seed, run, [reported]), occlusion, page)


def _analysis(reported: ReportedEvaluation) -> Analysis:
    file = reported.folder / str(reported.metrics["analysis"])
    return Analysis.from_dict(json.loads(file.read_text("utf-8")))


def _spread_rows(evaluation: Evaluation) -> list[int]:
    """Rows of a few queries, from all over."""
    step = len(evaluation.query) // _SHOWN_OCCLUDED
    return [step // 2 + number * step for number in range(_SHOWN_OCCLUDED)]


@contextmanager
def _saying_how_to_go_on(folder: Path) -> Iterator[None]:
    again = "give the same command again, and it goes on"
    try:
        yield
    except (KeyboardInterrupt, InterruptedRunError) as error:
        raise PasserbyError(f"interrupted: {again}") from error
    except OSError as error:
        problem = f"{error.filename or folder}: {error.strerror or error}"
        raise DataError(f"{problem}: see that it may be written and has room, then {again}") from error
