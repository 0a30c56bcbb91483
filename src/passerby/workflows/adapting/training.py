"""Train in the folder that the gallery has lent, and say how to go on if that is interrupted."""

import json
from collections.abc import Sequence
from pathlib import Path

from passerby.config import Recipe
from passerby.errors import RecipeError
from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.training.interruption import InterruptedRunError
from passerby.training.runner import train as train_recipe
from passerby.workflows.adapting.constraints import CONSTRAINTS
from passerby.workflows.adapting.learning_data import TABLE
from passerby.workflows.adapting.recipes import LearningPlan

_FROM_GALLERY = ("init", "seed", "method", "association.constraints", "clustering.constraints")

RUN = "run"
"""The folder of the training, inside the folder that is lent."""


def recipe_in(folder: Path, plan: LearningPlan, overrides: Sequence[str], device: str | None) -> Recipe:
    """The recipe of a plan, on the pictures that are, or will be, in a folder.

    Args:
        folder: that the gallery lends.
        plan: the recipe's name, and changes to it.
        overrides: changes of the user's to it, `section.key=value`.
        device: `cpu`, `cuda`, or None for a GPU where there is one.

    Raises:
        RecipeError: an unknown key, a value that does not fit, or a key that follows from the gallery.
    """
    changes = [f"{key}={json.dumps(value)}" for key, value in {**_machine(device), **plan.changes}.items()]
    changes += [f"data.name={json.dumps(str((folder / TABLE).absolute()))}", *_checked(overrides)]
    if (folder / CONSTRAINTS).is_file():
        section = "clustering" if plan.method == "cluster-contrast" else "association"
        changes.append(f"{section}.constraints={json.dumps(str((folder / CONSTRAINTS).absolute()))}")
    return resolve_recipe(TrainingRequest(plan.recipe, tuple(changes)))


def train_in(folder: Path, recipe: Recipe) -> Path:
    """Train in a folder that the gallery has lent, from where an earlier call left it; returns the training's folder.

    Raises:
        InterruptedRunError: Ctrl-C, or a signal.
        PasserbyError: whatever stops training.
    """
    run = folder / RUN
    try:
        train_recipe(recipe, run, resume=(run / "recipe.yaml").is_file())
    except InterruptedRunError as error:
        error.args = ("interrupted; the same command goes on where it was",)
        raise
    return run


def _machine(device: str | None) -> dict[str, object]:
    import torch

    on_gpu = torch.cuda.is_available() if device is None else device.startswith("cuda")
    chosen: dict[str, object] = {"trainer.accelerator": "cuda" if on_gpu else "cpu"}
    if not on_gpu:
        chosen["trainer.precision"] = "32"
    # Pixels are decoded anew each time: a cache of them would outlive who is erased.
    return {**chosen, "data.cache": "none", "trainer.loggers": ["csv"]}


def _checked(overrides: Sequence[str]) -> list[str]:
    for each in overrides:
        key = each.partition("=")[0]
        if key.startswith("data.") or key in _FROM_GALLERY:
            raise RecipeError(f"{key}: follows from the gallery and the options: leave it out")
    return list(overrides)
