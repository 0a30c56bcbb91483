"""The folder of one training run, which describes itself.

`recipe.yaml` (resolved), `environment.json`, `metrics.jsonl` (a line per epoch and per evaluation), `checkpoints/` (the
state to resume from, and the weights after each finished stage), `logs/`, and at the end `model.safetensors` and
`report/`.
"""

import importlib.metadata
import json
import platform
import sys
from pathlib import Path
from typing import Any

import torch
import yaml

from passerby import __version__
from passerby.config import Recipe, write_recipe
from passerby.errors import RecipeError

_LIBRARIES = ("torch", "torchvision", "open_clip_torch", "timm", "lightning", "numpy", "pillow")

_MAY_CHANGE = ("trainer.accelerator", "trainer.prefetch", "data.root", "data.cache_folder")
"""What a resumed run may say differently: where things are, not what is computed."""


class RunDirectory:
    """A run's folder; the constructor touches nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recipe_file = folder / "recipe.yaml"
        self.metrics_file = folder / "metrics.jsonl"
        self.model_file = folder / "model.safetensors"

    def state_file(self, stage: str) -> Path:
        """The state to resume a stage from."""
        return self.folder / "checkpoints" / f"{stage}.ckpt"

    def weights_file(self, stage: str) -> Path:
        """The weights after a stage; exists once the stage is finished."""
        return self.folder / "checkpoints" / f"{stage}.safetensors"

    def check_new(self) -> None:
        """Refuse to begin where a run already is.

        Raises:
            RecipeError: the folder already holds a run.
        """
        if self.recipe_file.exists():
            raise RecipeError(
                f"{self.folder}: already holds a run: continue it with `passerby train --resume {self.folder}`, "
                "or choose another folder with --out"
            )

    def create(self, recipe: Recipe) -> None:
        """Begin a new run: make the folder, and write its recipe and environment."""
        (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        write_environment(self.folder / "environment.json")
        write_recipe(recipe, self.recipe_file)

    def stored_recipe(self) -> dict[str, Any]:
        """The recipe of the run as stored, to resume it.

        Raises:
            RecipeError: the folder holds no run.
        """
        if not self.recipe_file.is_file():
            raise RecipeError(f"{self.folder}: holds no run (no recipe.yaml): give the folder that --out named")
        content: dict[str, Any] = yaml.safe_load(self.recipe_file.read_text("utf-8"))
        return content

    def check_unchanged(self, recipe: Recipe) -> None:
        """Refuse to resume with a recipe that computes something else.

        Raises:
            RecipeError: names the first key that differs.
        """
        before, now = _flat(self.stored_recipe()), _flat(recipe.model_dump(mode="json"))
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key) and not key.startswith(_MAY_CHANGE):
                raise RecipeError(
                    f"{key}: is {now.get(key)!r}, but the run in {self.folder} was started with {before.get(key)!r}: "
                    "resume without changing it, or start a new run with --out"
                )

    def record(self, **values: Any) -> None:
        """Append one line to `metrics.jsonl`."""
        with self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def forget_epochs(self, stage: str, first: int) -> None:
        """Remove lines of a stage's epochs from `first` (1-based) on, which a resumed run will write again."""
        if not self.metrics_file.exists():
            return
        lines = [json.loads(line) for line in self.metrics_file.read_text("utf-8").splitlines()]
        kept = [line for line in lines if line.get("stage") != stage or line.get("epoch", 0) < first]
        temporary = self.metrics_file.with_suffix(".partial")
        temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        temporary.replace(self.metrics_file)


def write_environment(path: Path) -> None:
    """Versions, command line and hardware, as JSON."""
    devices = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    content = {
        "command": sys.argv,
        "passerby": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "threads": torch.get_num_threads(),
        "devices": devices or ["cpu"],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
