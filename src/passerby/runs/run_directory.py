"""The folder of one training run, which describes itself.

`recipe.yaml` (resolved), `data.json` and `data-files.npz` (what the data was), `environment.json`, `metrics.jsonl` (a
line per epoch and per evaluation), `checkpoints/` (the state to resume from, and the weights after each finished
stage), `cache/`, `logs/`, what the method keeps besides (`Method.run_artifacts`), and at the end `model.safetensors`,
`metrics.json` and `report/`.
"""

import importlib.metadata
import json
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from passerby.atomic_files import sweep_temporaries, write_text_atomically
from passerby.config import Recipe, check_recipe, write_recipe
from passerby.errors import RecipeError
from passerby.methods import find_method
from passerby.output_paths import check_output_folder, seed_folders
from passerby.recipe_files import parse_recipe
from passerby.runs.metrics_log import read_lines, write_line, write_lines
from passerby.runs.needed_plugins import recall_needed_plugins, write_needed_plugins
from passerby.version import __version__

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
    "trainer.loggers",
    "trainer.checkpoint_every_steps",
    "evaluation.*",
)
"""What a resumed run may say differently: where things are and how they are read, not what is computed. Methods may add
keys of their own: `Method.resumable_changes`.

Two may change the last bits of it: `data.cache` the border of doubled images by one grey level, where they are resized
on a CPU, and `trainer.accelerator` how sums are rounded. Data that has moved has to be the same:
`passerby.runs.provenance`.
"""


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

    def check_new(self, artifacts: Sequence[str] = ()) -> None:
        """Refuse to begin where a run, or runs of several seeds, or remains of one are, or where none can be written.

        Args:
            artifacts: folders that the method keeps in a run besides; see `Method.run_artifacts`.

        Raises:
            RecipeError: the folder already holds a run, or its remains.
            DataError: the folder cannot be made or written into.
        """
        check_output_folder(self.folder)
        self.check_holds_no_run()
        kept = (self.folder / name for name in ("checkpoints", "cache", *artifacts))
        remains = [place for place in (self.model_file, *kept)
                   if place.is_file() or (place.is_dir() and any(place.iterdir()))]  # fmt: skip
        if remains:
            raise RecipeError(
                f"{self.folder}: has no recipe.yaml but what another run left: choose another folder with --out, or "
                f"remove it: `rm -r {' '.join(shlex.quote(str(place)) for place in remains)}`"
            )

    def check_holds_no_run(self) -> None:
        """Refuse to begin where a run, or one for each of several seeds, already is.

        Raises:
            RecipeError: the folder already holds a run.
        """
        seeds = seed_runs(self.folder)
        if self.recipe_file.exists() or seeds:
            held, more = (f"runs of {len(seeds)} seeds", f" --seeds {len(seeds)}") if seeds else ("a run", "")
            raise RecipeError(
                f"{self.folder}: already holds {held}: continue with `passerby train --resume "
                f"{shlex.quote(str(self.folder))}{more}`, or choose another folder with --out"
            )

    def create(self, recipe: Recipe) -> None:
        """Make the folder a run's, as the last step of its preparation: a folder with a recipe is a run."""
        (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        write_environment(self.folder / "environment.json")
        self.reopen(recipe)

    def reopen(self, recipe: Recipe) -> None:
        """Store where data is now, and remove what a killed process left half written; for the holder of the lock."""
        sweep_temporaries(self.folder)
        for written_by_training in ("checkpoints", "cache"):  # elsewhere an evaluation may be writing
            sweep_temporaries(self.folder / written_by_training, alone=True)
        write_needed_plugins(self.folder, recipe)
        write_recipe(recipe, self.recipe_file)

    def stored_recipe(self) -> dict[str, Any]:
        """The recipe of the run as stored, to resume it.

        Raises:
            RecipeError: the folder holds no run, or its recipe is damaged.
        """
        if not self.recipe_file.is_file():
            raise RecipeError(f"{self.folder}: holds no run (no recipe.yaml){_hint(self.folder)}")
        recall_needed_plugins(self.folder)
        return parse_recipe(self.recipe_file, str(self.recipe_file))

    def check_unchanged(self, recipe: Recipe) -> None:
        """Refuse to resume with a recipe that computes something else; keys that are newer than the run have defaults.

        Raises:
            RecipeError: names the first key that differs.
        """
        stored = self.stored_recipe()
        if stored.get("method") == recipe.method:
            stored = check_recipe(type(recipe), stored).model_dump(mode="json")
        before, now = _flat(stored), _flat(recipe.model_dump(mode="json"))
        may_change = (*MAY_CHANGE, *find_method(recipe.method).resumable_changes)
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key) and not _matches(key, may_change):
                raise RecipeError(
                    f"{key}: is {now.get(key)!r}, but the run in {self.folder} was started with {before.get(key)!r}: "
                    "resume without changing it, or start a new run with --out"
                )

    def record(self, **values: Any) -> None:
        """Append one line to `metrics.jsonl`; numbers that are not finite become null."""
        write_line(self.metrics_file, values)

    def forget_epochs(self, stage: str, first: int) -> None:
        """Remove lines of a stage's epochs from `first` (1-based) on, which a resumed run will write again."""
        lines = read_lines(self.metrics_file)
        write_lines(
            self.metrics_file, [line for line in lines if line.get("stage") != stage or line.get("epoch", 0) < first]
        )


def seed_runs(folder: Path) -> dict[int, Path]:
    """The runs of several seeds that a folder holds, by seed."""
    return seed_folders(folder, "recipe.yaml")


def write_environment(path: Path) -> None:
    """Versions, command line and hardware, as JSON."""
    import torch

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
    seeds = len(seed_runs(folder))
    if not seeds:
        return ": give the folder that --out named"
    return f" but runs of {seeds} seeds: add --seeds {seeds} to resume them, or name one of them"


def _matches(key: str, patterns: Sequence[str]) -> bool:
    return any(key == each or (each.endswith(".*") and key.startswith(each[:-1])) for each in patterns)


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
