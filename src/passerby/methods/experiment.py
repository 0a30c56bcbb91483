"""From what was asked for on the command line to a checked recipe and a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.config import Recipe, assign_overrides, check_recipe, read_recipe
from passerby.methods.method import find_method
from passerby.methods.run_directory import RunDirectory


@dataclass(frozen=True)
class TrainingRequest:
    """What `passerby train` was asked for.

    Attributes:
        recipe: a name or a YAML file; None to resume.
        overrides: `section.key=value`, …
        out: the run's folder; by default `runs/` and the recipe's name.
        resume: the folder of a run to continue.
    """

    recipe: str | None
    overrides: tuple[str, ...] = ()
    out: Path | None = None
    resume: Path | None = None

    @property
    def folder(self) -> Path:
        """Where the run is or will be."""
        if self.resume is not None:
            return self.resume
        return self.out or Path("runs") / Path(self.recipe or "run").stem


def resolve_recipe(request: TrainingRequest, folder: Path | None = None) -> Recipe:
    """The recipe asked for, checked against its method's schema; of the run in `folder` if that is resumed.

    Raises:
        RecipeError: no such recipe or run, an unknown key, or a value that does not fit.
    """
    if request.resume is None:
        return checked_recipe(read_recipe(request.recipe or "", request.overrides))
    content = RunDirectory(folder or request.resume).stored_recipe()
    return checked_recipe(assign_overrides(content, request.overrides))


def stored_recipe(run: RunDirectory) -> Recipe:
    """The recipe that a run was made with."""
    return checked_recipe(run.stored_recipe())


def checked_recipe(content: dict[str, Any]) -> Recipe:
    """A recipe of the schema that its `method` has."""
    return check_recipe(find_method(content.get("method")).recipe, content)
