"""Recipes: what an experiment is, as typed data that can be read in one sitting.

A recipe is YAML, named (a file in `passerby/recipes`) or a path, with dotted overrides (`data.root=/data`) on top. The
sections every method shares stand here; a method extends `Recipe` with its own (`passerby.methods.<method>`). Unknown
keys are refused with the nearest known name.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from passerby.atomic_files import write_text_atomically
from passerby.errors import RecipeError
from passerby.recipe_files import parse_recipe, recipe_file
from passerby.recipe_section import (
    Finite,
    NotNegative,
    Positive,
    Probability,
    Section,
    Weights,
    describe_keys,
    explain_fault,
    explain_setting,
    known_keys,
)
from passerby.recipe_yaml import read_yaml, shown, write_yaml

__all__ = [
    "DataSection",
    "EvaluationSection",
    "Finite",
    "NameOrPath",
    "NotNegative",
    "Positive",
    "Probability",
    "Recipe",
    "Section",
    "TrainerSection",
    "ValidationSection",
    "Weights",
    "assign_overrides",
    "assign_settings",
    "check_recipe",
    "describe_keys",
    "read_recipe",
    "read_settings",
    "write_recipe",
]

NAME_OR_PATH = "name or path"
NameOrPath = Annotated[str, NAME_OR_PATH]
"""Text that is a name passerby knows, or a file or folder."""


class ValidationSection(Section):
    """A part of the training identities set aside for looking at, never trained on."""

    identities: float = Field(default=0.0, ge=0)
    """How many, as a number or a fraction below 1; 0: no validation split."""
    every: int = Field(default=10, ge=1)
    """Evaluate after so many epochs of the last stage."""
    select: Literal["last", "best"] = "last"
    """Which epoch is the result: the last, or the one with the best mAP."""

    def idle_keys(self) -> set[str]:
        """Everything but their number, while there are none."""
        return set() if self.identities else {"every", "select"}

    @model_validator(mode="after")
    def _best_needs_identities(self) -> "ValidationSection":
        if self.select == "best" and not self.identities:
            raise RecipeError(
                "data.validation.select=best needs a validation split: set data.validation.identities above 0, "
                "or select=last"
            )
        return self


class DataSection(Section):
    """What to train and evaluate on."""

    name: NameOrPath | list[NameOrPath] = ""
    """A benchmark, or a table or folder of your own; several are trained on together."""
    root: Path | list[Path] | None = None
    """The benchmark's folder, or its parent; one for each name, or one for all."""
    labels: Literal["auto", "global", "camera"] = "auto"
    """Labels that hold everywhere, or inside one camera; auto: as the method learns."""
    check_counts: bool = True
    """Refuse a benchmark whose counts differ from the published ones."""
    cache: Literal["target", "native", "none"] = "target"
    """Decoded images kept on disk: resized, at their own size, or not at all."""
    cache_folder: Path | None = None
    """Where the cache lies; default `$PASSERBY_CACHE` or `~/.cache/passerby`."""
    skip_unreadable: bool = False
    """Leave out images that cannot be decoded, and say how many, instead of stopping."""
    validation: ValidationSection = ValidationSection()
    """A validation split cut from the training identities."""


def _number_as_text(value: object) -> object:
    """YAML reads 32 as a number."""
    return str(value) if isinstance(value, int) else value


class TrainerSection(Section):
    """How the machine is used."""

    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    """Which kind of device; auto takes a GPU where there is one."""
    devices: int = Field(default=1, ge=1)
    """Processes on this machine, one device each; batches are per process."""
    nodes: int = Field(default=1, ge=1)
    """Machines, started by torchrun."""
    precision: Annotated[Literal["32", "16-mixed", "bf16-mixed"], BeforeValidator(_number_as_text)] = "32"
    """Arithmetic of training; evaluation is always in 32 bits."""
    channels_last: bool = False
    """Store a pixel's channels together: often faster, the same to rounding."""
    accumulate: int = Field(default=1, ge=1)
    """Batches averaged into one step, fewer at an epoch's end; each mines triplets."""
    checkpoint_every_steps: int = Field(default=0, ge=0)
    """Save the state after so many steps inside an epoch, too; 0: at its end only."""
    prefetch: int = Field(default=2, ge=0)
    """Batches prepared ahead."""
    loggers: tuple[Literal["csv", "tensorboard", "wandb"], ...] = ("csv", "tensorboard")
    """Where losses are logged, beside metrics.jsonl; wandb has to be installed."""
    callbacks: tuple[str, ...] = ()
    """Lightning's callbacks, and those that plugins register, by name of the class."""

    @property
    def processes(self) -> int:
        """How many train together, on all machines."""
        return self.devices * self.nodes


class EvaluationSection(Section):
    """How a trained model is evaluated on query and gallery."""

    batch_size: int = Field(default=64, ge=1, le=2**16)
    """Images embedded at once."""


class Recipe(Section):
    """The sections that every experiment has."""

    method: str
    """Which method: see `passerby.methods.METHODS`."""
    seed: int = Field(default=1234, ge=0, lt=2**63)
    """Governs everything random."""
    init: Path | None = None
    """Weights to start from: a run, a file, also of other classes, or imagenet."""
    data: DataSection = DataSection()
    """What to train and evaluate on."""
    trainer: TrainerSection = TrainerSection()
    """How the machine is used."""
    evaluation: EvaluationSection = EvaluationSection()
    """How the result is evaluated."""
    added_losses: Weights = Field(default_factory=dict)
    """Losses of your own by name, each with its weight, added to the method's."""


RecipeType = TypeVar("RecipeType", bound=Recipe)
SectionType = TypeVar("SectionType", bound=Section)


def read_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The keys and values of a recipe with overrides applied, not yet checked against a schema.

    Args:
        name_or_path: one of `passerby.recipe_files.recipe_names()`, or a YAML file.
        overrides: `section.key=value`, the value in YAML.

    Raises:
        RecipeError: no such recipe, not a YAML mapping, or a malformed override.
    """
    return assign_overrides(parse_recipe(recipe_file(name_or_path), name_or_path), overrides)


def assign_overrides(content: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Change `content` by overrides of the form `section.key=value`, and return it.

    Raises:
        RecipeError: a malformed override.
    """
    return _assigned(content, overrides, "is no change to a recipe: write section.key=value")


def check_recipe(schema: type[RecipeType], content: Mapping[str, Any]) -> RecipeType:
    """A recipe of a method's schema.

    Raises:
        RecipeError: an unknown key (the nearest known one is named) or a value that does not fit.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise RecipeError(explain_fault(known_keys(schema), error)) from None


def check_settings(
    schema: type[SectionType],
    content: Mapping[str, Any],
    *,
    kind: str = "setting",
    listing: str = "`--keys` lists them all",
) -> SectionType:
    """The settings of a command, or another file's content, by key.

    Args:
        schema: the keys.
        content: their values.
        kind: what a key is called in errors.
        listing: where all keys are listed.

    Raises:
        RecipeError: an unknown key (the nearest known one is named) or a value that does not fit.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise RecipeError(explain_setting(known_keys(schema), error, kind, listing)) from None


def read_settings(schema: type[SectionType], settings: Sequence[str], **given: Any) -> SectionType:
    """The settings of a command.

    Args:
        schema: the keys it has.
        settings: texts `key=value`, as `--set` takes them.
        given: values by key, which count less.

    Raises:
        RecipeError: a malformed setting, an unknown key, or a value that does not fit.
    """
    return check_settings(schema, assign_settings(given, settings))


def assign_settings(given: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Change the settings of a command by texts `key=value`, and return them, not yet checked against a schema.

    Raises:
        RecipeError: a malformed setting.
    """
    return _assigned(given, settings, "is no setting: write key=value (--keys lists them)")


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write every key of a recipe, defaults included, as YAML."""
    write_text_atomically(path, write_yaml(recipe.model_dump(mode="json")))


def _assigned(content: dict[str, Any], overrides: Sequence[str], complaint: str) -> dict[str, Any]:
    for override in overrides:
        key, equals, text = override.partition("=") if isinstance(override, str) else ("", "", "")
        if not equals or not key:
            raise RecipeError(f"{override!r} {complaint}")
        _assign(content, key, text)
    return content


def _assign(content: dict[str, Any], dotted: str, text: str) -> None:
    *sections, key = dotted.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise RecipeError(f"{dotted}: {section!r} is a value, not a section")
    try:
        value = text if text.startswith("%") else read_yaml(text)  # a form such as %Y%m%d: no YAML value begins so
    except RecipeError as error:
        raise RecipeError(f"{dotted}: {shown(text)} is not a YAML value: {error}") from None
    content[key] = _merged(content.get(key), value)


def _merged(before: Any, value: Any) -> Any:
    """A section that is given as a mapping changes only the keys that it names."""
    if not isinstance(before, dict) or not isinstance(value, dict):
        return value
    return before | {key: _merged(before.get(key), each) for key, each in value.items()}
