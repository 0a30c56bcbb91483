"""A training request, resolved to a checked recipe and a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.config import (
    NAME_OR_PATH,
    Recipe,
    Section,
    SectionType,
    assign_overrides,
    check_recipe,
    read_recipe,
)
from passerby.data.benchmarks import BENCHMARKS
from passerby.errors import RecipeError
from passerby.methods import METHODS, find_method
from passerby.models.bundled import NAMES
from passerby.recipe_files import RECIPES
from passerby.runs.needed_plugins import check_needed_plugins
from passerby.runs.run_directory import RunDirectory


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
    """The recipe of a request, checked and with absolute paths; of the run in `folder` if that is resumed.

    Raises:
        RecipeError: no such recipe or run, an unknown key, or a value that does not fit.
    """
    if request.resume is None:
        source = "" if request.recipe in RECIPES else request.recipe or ""
        content = read_recipe(request.recipe or "", request.overrides)
    else:
        run = RunDirectory(folder or request.resume)
        check_needed_plugins(run.folder)
        source, content = str(run.recipe_file), assign_overrides(run.stored_recipe(), request.overrides)
    return absolute_paths(checked_recipe(content, source, request.overrides))


def stored_recipe(run: RunDirectory) -> Recipe:
    """The recipe that a run was made with.

    Raises:
        RecipeError: the folder holds no run, or its recipe is damaged.
    """
    return checked_recipe(run.stored_recipe(), str(run.recipe_file))


def checked_recipe(content: dict[str, Any], source: str = "", overrides: Sequence[str] = ()) -> Recipe:
    """A recipe of the schema that its `method` has.

    Args:
        content: keys and values.
        source: the file they come from, named in errors of keys that no override names.
        overrides: `section.key=value`, already applied.

    Raises:
        RecipeError: no such method, an unknown key, or a value that does not fit.
    """
    try:
        name = content.get("method")
        if not isinstance(name, str):
            raise RecipeError(f"method: must be one of {', '.join(METHODS)}, not {name!r}")
        schema: type[Recipe] = find_method(name).recipe
        return check_recipe(schema, content)
    except RecipeError as error:
        fault = str(error).partition(":")[0]
        overridden = any(f"{fault}.".startswith(f"{override.partition('=')[0]}.") for override in overrides)
        raise RecipeError(f"{source}: {error}") if source and not overridden else error from None


def absolute_paths(section: SectionType) -> SectionType:
    """The same with every relative path made absolute, so that it holds wherever the recipe is read again."""
    changed: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        may_be_name = NAME_OR_PATH in repr((field.annotation, field.metadata))
        if isinstance(value, Section):
            changed[name] = absolute_paths(value)
        elif isinstance(value, list):
            changed[name] = [_absolute(each, may_be_name) for each in value]
        else:
            changed[name] = _absolute(value, may_be_name)
    return section.model_copy(update=changed)


def _absolute(value: Any, may_be_name: bool) -> Any:
    if isinstance(value, Path):
        return value if str(value) in NAMES else value.expanduser().absolute()
    if may_be_name and isinstance(value, str) and value and value not in BENCHMARKS and value not in NAMES:
        path = Path(value).expanduser()
        return str(path.absolute()) if path.exists() else value
    return value
