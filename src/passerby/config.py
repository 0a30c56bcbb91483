"""Recipes: what an experiment is, as typed data that can be read in one sitting.

A recipe is YAML, named (a file in `passerby/recipes`) or a path, with dotted overrides (`data.root=/data`) on top. The
sections every method shares stand here; a method extends `Recipe` with its own (`passerby.methods.<method>`). Unknown
keys are refused with the nearest known name.
"""

import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from passerby.atomic_files import write_text_atomically
from passerby.errors import RecipeError
from passerby.recipe_files import parse_recipe, recipe_file
from passerby.recipe_yaml import read_yaml, write_yaml

NAME_OR_PATH = "name or path"
NameOrPath = Annotated[str, NAME_OR_PATH]
"""Text that is a name passerby knows, or a file or folder."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Weights = dict[str, Annotated[float, Field(strict=True, allow_inf_nan=False)]]
"""Numbers by names that are not keys of the schema."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of a recipe: values are immutable and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Let a key whose default is another than in the section it comes from keep its meaning."""
        super().__pydantic_init_subclass__(**kwargs)
        for parent in cls.__mro__[1:]:
            for name, inherited in getattr(parent, "__pydantic_fields__", {}).items():
                field = cls.model_fields[name]
                field.description = field.description or inherited.description

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_for_numbers(cls, value: object, info: ValidationInfo) -> object:
        """To pydantic, true is also the number 1."""
        found = value if isinstance(value, list) else [value]
        if any(isinstance(each, bool) for each in found) and not _takes_truth(cls, info.field_name):
            raise ValueError("Input should not be true or false")
        return value


class ValidationSection(Section):
    """A part of the training identities set aside for looking at, never trained on."""

    identities: float = Field(default=0.0, ge=0)
    """How many: a fraction below 1, or a number. 0: no validation split; the last epoch is the result."""
    every: int = Field(default=10, ge=1)
    """Evaluate after so many epochs of the last stage."""
    select: Literal["last", "best"] = "last"
    """Which epoch is the result: the last, or the one with the best mAP on the validation split."""

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
    """A benchmark's name, or a table or folder of one's own; several are trained on together."""
    root: Path | list[Path] | None = None
    """The folder that holds a benchmark's own sub-folders, or its parent; one for each name, or one for all."""
    labels: Literal["auto", "global", "camera"] = "auto"
    """Labels to train on: of people in all cameras, or of people in one camera each; auto: as the method learns."""
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
    """Arithmetic of training; a precision the device lacks is an error. Evaluation is always 32."""
    accumulate: int = Field(default=1, ge=1)
    """Batches whose gradients are averaged into one step, fewer at an epoch's end; each mines its own triplets."""
    checkpoint_every_steps: int = Field(default=0, ge=0)
    """Save the state after so many steps inside an epoch, besides every epoch's end; 0: only there."""
    prefetch: int = Field(default=2, ge=0)
    """Batches prepared ahead."""
    loggers: tuple[Literal["csv", "tensorboard", "wandb"], ...] = ("csv", "tensorboard")
    """Where losses and learning rates are logged, beside metrics.jsonl; wandb has to be installed."""
    callbacks: tuple[str, ...] = ()
    """Lightning callbacks of your own: package.module:Class, or the name of one that a plugin registers."""

    @property
    def processes(self) -> int:
        """How many train together, on all machines."""
        return self.devices * self.nodes


class EvaluationSection(Section):
    """How a trained model is evaluated on query and gallery."""

    batch_size: int = Field(default=64, ge=1)
    """Images embedded at once."""


class Recipe(Section):
    """The sections that every experiment has."""

    method: str
    """Which method: see `passerby.methods.METHODS`."""
    seed: int = Field(default=1234, ge=0, lt=2**63)
    """Governs everything random."""
    init: Path | None = None
    """Weights to start from (a file or a run), also of another class count; not resuming."""
    data: DataSection = DataSection()
    """What to train and evaluate on."""
    trainer: TrainerSection = TrainerSection()
    """How the machine is used."""
    evaluation: EvaluationSection = EvaluationSection()
    """How the result is evaluated."""
    added_losses: Weights = {}
    """Losses of one's own by name, each with its weight; they are added to those of the method."""


def _takes_truth(section: type[Section], key: str | None) -> bool:
    annotation = section.model_fields[key].annotation if key else None
    return bool in (annotation, *get_args(annotation))


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
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise RecipeError(f"{override!r} is not an override: write section.key=value")
        _assign(content, key, text)
    return content


def check_recipe(schema: type[RecipeType], content: Mapping[str, Any]) -> RecipeType:
    """A recipe of a method's schema.

    Raises:
        RecipeError: an unknown key (the nearest known one is named) or a value that does not fit.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise RecipeError(_explain(schema, error)) from None


def check_settings(schema: type[SectionType], content: Mapping[str, Any]) -> SectionType:
    """The settings of a command, by key.

    Raises:
        RecipeError: an unknown key (the nearest known one is named) or a value that does not fit.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise RecipeError(_explain(schema, error, "setting", "--keys")) from None


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write every key of a recipe, defaults included, as YAML."""
    write_text_atomically(path, write_yaml(recipe.model_dump(mode="json")))


def _assign(content: dict[str, Any], dotted: str, text: str) -> None:
    *sections, key = dotted.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise RecipeError(f"{dotted}: {section!r} is a value, not a section")
    try:
        value = read_yaml(text)
    except RecipeError as error:
        raise RecipeError(f"{dotted}: {text!r} is not a YAML value: {error}") from None
    content[key] = _merged(content.get(key), value)


def _merged(before: Any, value: Any) -> Any:
    """A section that is given as a mapping changes only the keys that it names."""
    if not isinstance(before, dict) or not isinstance(value, dict):
        return value
    return before | {key: _merged(before.get(key), each) for key, each in value.items()}


def _explain(
    schema: type[Section],
    error: ValidationError,
    kind: str = "key in the recipe",
    listing: str = "passerby train RECIPE --keys",
) -> str:
    fault, known = error.errors()[0], _known_keys(schema)
    parts = [str(part) for part in fault["loc"]]
    if fault["type"] == "missing":
        return f"{'.'.join(parts)}: is missing: a recipe has to say it"
    if fault["type"] != "extra_forbidden":
        while len(parts) > 1 and ".".join(parts) not in known:  # a place in a list, or which type was tried
            parts.pop()
        return f"{'.'.join(parts)}: {fault['msg'].removeprefix('Value error, ')} (found {fault['input']!r})"
    dotted = ".".join(parts)
    last = dotted.rpartition(".")[2]
    same_name = [key for key in known if key.rpartition(".")[2] == last]
    near = same_name or difflib.get_close_matches(dotted, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"`{listing}` lists them all"
    return f"{dotted}: unknown {kind}; {hint}"


def _known_keys(schema: type[Section], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in schema.model_fields.items():
        keys.append(prefix + name)
        for section in _sections_in(field.annotation):
            keys += _known_keys(section, f"{prefix}{name}.")
    return keys


def _sections_in(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return [section for part in get_args(annotation) for section in _sections_in(part)]
    return []


def describe_keys(schema: type[Section], prefix: str = "") -> list[tuple[str, str, str]]:
    """Every key of a schema with its default and one-line meaning, for `passerby train --keys`."""
    rows: list[tuple[str, str, str]] = []
    for name, field in schema.model_fields.items():
        nested = _sections_in(field.annotation)
        if nested:
            rows += describe_keys(nested[0], f"{prefix}{name}.")
        else:
            default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
            rows.append((prefix + name, default, field.description or ""))
    return rows
