"""The folder of one training run, which describes itself.

`recipe.yaml` (resolved), `data.json` (what the data was), `environment.json`, `metrics.jsonl` (a line per epoch and per
evaluation), `checkpoints/` (the state to resume from, and the weights after each finished stage), `cache/`, `logs/`,
and at the end `model.safetensors`, `metrics.json` and `report/`.
"""

import importlib.metadata
import json
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

import torch

from passerby import __version__
from passerby.atomic_files import sweep_temporaries, write_text_atomically
from passerby.config import Recipe, parse_recipe, write_recipe
from passerby.errors import DataError, RecipeError
from passerby.methods.data_record import describe_difference, refuse_changed_data
from passerby.methods.epoch_lines import read_lines, write_line, write_lines
from passerby.methods.output_place import check_output_folder

_LIBRARIES = ("torch", "torchvision", "open_clip_torch", "timm", "lightning", "numpy", "pillow")

MAY_CHANGE = (
    "data.name",
    "data.root",
    "data.check_counts",
    "data.cache",
    "data.cache_folder",
    "data.skip_unreadable",
    "trainer.accelerator",
    "trainer.prefetch",
    "trainer.checkpoint_every_steps",
    "evaluation.*",
)
"""What a resumed run may say differently: where things are and how they are read, not what is computed.

The data may have moved, but has to be the same: `data.json` remembers it.
"""


class RunDirectory:
    """A run's folder; the constructor touches nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recipe_file = folder / "recipe.yaml"
        self.data_file = folder / "data.json"
        self.metrics_file = folder / "metrics.jsonl"
        self.model_file = folder / "model.safetensors"

    def state_file(self, stage: str) -> Path:
        """The state to resume a stage from."""
        return self.folder / "checkpoints" / f"{stage}.ckpt"

    def weights_file(self, stage: str) -> Path:
        """The weights after a stage; exists once the stage is finished."""
        return self.folder / "checkpoints" / f"{stage}.safetensors"

    def check_new(self) -> None:
        """Refuse to begin where a run, or one for each of several seeds, already is, or where none can be written.

        Raises:
            RecipeError: the folder already holds a run.
            DataError: the folder cannot be made or written into.
        """
        check_output_folder(self.folder)
        seeds = seed_folders(self.folder)
        if self.recipe_file.exists() or seeds:
            held, more = (f"runs of {len(seeds)} seeds", f" --seeds {len(seeds)}") if seeds else ("a run", "")
            raise RecipeError(
                f"{self.folder}: already holds {held}: continue with `passerby train --resume "
                f"{shlex.quote(str(self.folder))}{more}`, or choose another folder with --out"
            )

    def create(self, recipe: Recipe, data: dict[str, Any]) -> None:
        """Begin a new run: make the folder, and write what describes it; the recipe last, for it makes it a run."""
        (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        sweep_temporaries(self.folder)
        write_environment(self.folder / "environment.json")
        write_text_atomically(self.data_file, json.dumps(data, indent=2) + "\n")
        write_recipe(recipe, self.recipe_file)

    def reopen(self, recipe: Recipe, data: dict[str, Any]) -> None:
        """Continue: remember where things are now, and remove what a killed process left half written."""
        sweep_temporaries(self.folder)
        write_text_atomically(self.data_file, json.dumps(data, indent=2) + "\n")
        write_recipe(recipe, self.recipe_file)

    def stored_recipe(self) -> dict[str, Any]:
        """The recipe of the run as stored, to resume it.

        Raises:
            RecipeError: the folder holds no run, or its recipe is damaged.
        """
        if not self.recipe_file.is_file():
            raise RecipeError(f"{self.folder}: holds no run (no recipe.yaml){_hint(self.folder)}")
        return parse_recipe(self.recipe_file, str(self.recipe_file))

    def check_unchanged(self, recipe: Recipe) -> None:
        """Refuse to resume with a recipe that computes something else.

        Raises:
            RecipeError: names the first key that differs.
        """
        before, now = _flat(self.stored_recipe()), _flat(recipe.model_dump(mode="json"))
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key) and not _may_change(key):
                raise RecipeError(
                    f"{key}: is {now.get(key)!r}, but the run in {self.folder} was started with {before.get(key)!r}: "
                    "resume without changing it, or start a new run with --out"
                )

    def check_same_data(self, recipe: Recipe, data: dict[str, Any]) -> None:
        """Refuse to resume on other data than the run began with.

        Raises:
            DataError: names the data set and what differs.
            RecipeError: `data.json` is damaged.
        """
        try:
            before = json.loads(self.data_file.read_text("utf-8"))
            sets, trained_on = before["sets"], before["trained_on"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RecipeError(
                f"{self.data_file}: is missing or damaged, so nobody can tell whether the data is the same: "
                "start a new run with --out"
            ) from error
        refuse_changed_data(sets, data["sets"], self.folder)
        skipped_before = self.stored_recipe().get("data", {}).get("skip_unreadable", False)
        difference = describe_difference(trained_on, data["trained_on"])
        if difference and skipped_before == recipe.data.skip_unreadable:
            raise DataError(
                f"the images that can be read are not those that the run in {self.folder} began with ({difference}): "
                "restore the images, or start a new run with --out"
            )

    def record(self, **values: Any) -> None:
        """Append one line to `metrics.jsonl`; figures that are not finite become null."""
        write_line(self.metrics_file, values)

    def forget_epochs(self, stage: str, first: int) -> None:
        """Remove lines of a stage's epochs from `first` (1-based) on, which a resumed run will write again."""
        lines = read_lines(self.metrics_file)
        write_lines(
            self.metrics_file, [line for line in lines if line.get("stage") != stage or line.get("epoch", 0) < first]
        )


def seed_folders(folder: Path) -> list[Path]:
    """The runs of several seeds that a folder holds, by seed."""
    found = [file.parent for file in folder.glob("seed-*/recipe.yaml") if file.parent.name[5:].isdecimal()]
    return sorted(found, key=lambda run: int(run.name[5:]))


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
    write_text_atomically(path, json.dumps(content, indent=2) + "\n")


def _hint(folder: Path) -> str:
    seeds = len(seed_folders(folder))
    if not seeds:
        return ": give the folder that --out named"
    return f" but runs of {seeds} seeds: add --seeds {seeds}, or name one of them"


def _may_change(key: str) -> bool:
    return any(key == each or (each.endswith(".*") and key.startswith(each[:-1])) for each in MAY_CHANGE)


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
