"""Where demonstrations lie: beside each other, none replaced, and one that was interrupted found again."""

import json
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from passerby.config import Recipe
from passerby.errors import RecipeError
from passerby.output_paths import check_output_folder
from passerby.runs.request import stored_recipe
from passerby.runs.run_directory import RunDirectory
from passerby.synth.output.output_folder import DESCRIPTION

PAGE = Path("report") / "demo.html"
"""Inside a run, the page; once it is there, the demonstration is finished."""

PICTURE = Path("report") / "rank-lists.png"
"""Beside it, the rank lists of three queries as a picture."""

_MARK = ".passerby-demo"


@dataclass(frozen=True)
class DemoFolder:
    """The folder that `passerby demo` is given: `data/`, `film/`, `cache/` and `run/`, and more of them by and by."""

    folder: Path

    @classmethod
    def opened(cls, folder: Path) -> "DemoFolder":
        """The folder, made and marked as ours.

        Raises:
            RecipeError: it holds something that no demo made.
            DataError: it cannot be written.
        """
        check_output_folder(folder)
        mark = folder / _MARK
        if folder.exists() and any(folder.iterdir()) and not mark.exists():
            raise RecipeError(f"{folder}: holds something that is no demo: choose another folder with --out")
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
        return cls(folder)

    @property
    def cache(self) -> Path:
        """Decoded images of all runs."""
        return self.folder / "cache"

    def drawn(self, name: str, seed: int) -> Path:
        """The folder of that name, unless one of another seed is there, which earlier runs may need."""
        try:
            found = json.loads((self.folder / name / DESCRIPTION).read_text("utf-8"))["seed"]
        except FileNotFoundError:
            return self.folder / name
        except (ValueError, KeyError, TypeError):  # not what a world has; nothing of anybody else is ever replaced
            found = None
        return self.folder / (name if found == seed else f"{name}-seed-{seed}")

    def run(self, recipe: Recipe, *, may_go_on: bool) -> tuple[Path, bool]:
        """Where to train, and whether a run is there that goes on: the first such, or a new one.

        Args:
            recipe: of the run.
            may_go_on: whether the images are those that earlier runs began with.
        """
        for name in chain(["run"], (f"run-{number}" for number in count(2))):
            folder = self.folder / name
            if not folder.exists() or _not_begun(folder):
                return folder, False
            if may_go_on and _unfinished(folder, recipe):
                return folder, True
        raise AssertionError("numbers do not end")


def _not_begun(folder: Path) -> bool:
    """Whether a run was interrupted in this folder before there was anything of it, so that it may begin anew."""
    if (folder / PAGE).exists() or not folder.is_dir():
        return False
    try:
        RunDirectory(folder).check_new()
    except RecipeError:
        return False
    return True


def _unfinished(folder: Path, recipe: Recipe) -> bool:
    """Whether the folder holds a run of this recipe that has no page yet."""
    if (folder / PAGE).exists():
        return False
    try:
        return stored_recipe(RunDirectory(folder)).model_dump() == recipe.model_dump()
    except RecipeError:  # damaged, or of an earlier version: left as it is, and another one begun
        return False
