"""The whole way in minutes, without data, weights, GPU or network: `passerby demo`."""

import json
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from passerby.errors import DataError, RecipeError
from passerby.methods.experiment import TrainingRequest
from passerby.methods.output_place import check_output_folder
from passerby.report.training import SeedOutcome, run_seeds
from passerby.synth import write_market
from passerby.synth.output_folder import DESCRIPTION

RECIPE = "clip-reid-vit-tiny"
SHORTER = ("stage2.epochs=5", "stage2.warmup_epochs=1")  # about a hundred steps: a minute or two
IDENTITIES, CAMERAS, IMAGES_PER_CAMERA = 160, 4, 4
_MARK = ".passerby-demo"


@dataclass(frozen=True)
class DemoOutcome:
    """What the demo made: the folder of images, and the trained and evaluated run."""

    data: Path
    run: SeedOutcome


def run_demo(folder: Path, *, seed: int) -> DemoOutcome:
    """Draw a small world, train the tiny recipe on half of its people, and search for the other half.

    Args:
        folder: receives `data/` and `run/`, beside those of earlier demos where it holds any; a world of another seed
            than theirs becomes `data-seed-N/`.
        seed: of the world and of the training.

    Raises:
        RecipeError: the folder holds something that no demo made.
        DataError: it cannot be written.
    """
    check_output_folder(folder)
    mark = folder / _MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise RecipeError(f"{folder}: holds something that is no demo: choose another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
    data = _draw_world(_world_folder(folder, seed), seed)
    overrides = (
        *SHORTER,
        f"seed={seed}",
        "data.name=market-layout",
        f"data.root={data.resolve()}",
        f"data.cache_folder={(folder / 'cache').resolve()}",
    )
    request = TrainingRequest(recipe=RECIPE, overrides=overrides, out=_next_run(folder))
    (outcome,) = run_seeds(request, seeds=1)
    return DemoOutcome(data, outcome)


def _draw_world(folder: Path, seed: int) -> Path:
    try:
        return write_market(
            folder,
            identities=IDENTITIES,
            cameras=CAMERAS,
            images_per_camera=IMAGES_PER_CAMERA,
            seed=seed,
        )
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: {error.strerror or error}: see that it may be written and has room, then "
            "give the same command again"
        ) from error


def _next_run(folder: Path) -> Path:
    """`run`, or `run-2` and so on where earlier demos have left theirs."""
    names = chain(["run"], (f"run-{number}" for number in count(2)))
    return next(folder / name for name in names if not (folder / name).exists())


def _world_folder(folder: Path, seed: int) -> Path:
    """`data`, unless a world of another seed is there, on which earlier runs were trained."""
    try:
        drawn = json.loads((folder / "data" / DESCRIPTION).read_text("utf-8"))["seed"]
    except FileNotFoundError:
        return folder / "data"
    except (ValueError, KeyError, TypeError):  # not what a world has; nothing of anybody else is ever replaced
        drawn = None
    return folder / ("data" if drawn == seed else f"data-seed-{seed}")
