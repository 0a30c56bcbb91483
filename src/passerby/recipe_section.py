"""A section of a recipe: typed keys with one-line meanings, and what can be told of them."""

import types
import typing
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import to_jsonable_python

from passerby.errors import RecipeError
from passerby.recipe_faults import explain_setting
from passerby.recipe_yaml import write_value

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)  # it has no public name

Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Weights = dict[str, Annotated[float, Field(strict=True, allow_inf_nan=False)]]
"""Numbers by names that are not keys of the schema."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]


class _SectionType(ModelMetaclass):
    """Lets a section that a program makes complain as one that is read from a recipe does."""

    def __call__(self, *arguments: Any, **values: Any) -> Any:
        try:
            return super().__call__(*arguments, **values)
        except ValidationError as error:
            known = known_keys(cast("type[Section]", self))
            listing = f"{self.__name__} has {', '.join(known)}"
            raise RecipeError(explain_setting(known, error, "setting", listing)) from None


class Section(BaseModel, metaclass=_SectionType):
    """A part of a recipe: values are immutable and unknown keys are refused.

    Raises:
        RecipeError: an unknown key, or a value that does not fit.
    """

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
            raise ValueError("must not be true or false")
        return value

    def idle_keys(self) -> set[str]:
        """Keys that change nothing while the section's other keys are as they are."""
        return set()


def _takes_truth(section: type[Section], key: str | None) -> bool:
    annotation = section.model_fields[key].annotation if key else None
    return bool in (annotation, *get_args(annotation))


def known_keys(schema: type[Section], prefix: str = "") -> list[str]:
    """The dotted names of all keys and sections of a schema."""
    keys: list[str] = []
    for name, field in schema.model_fields.items():
        keys.append(prefix + name)
        for section in _sections_in(field.annotation):
            keys += known_keys(section, f"{prefix}{name}.")
    return keys


def _sections_in(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return [section for part in get_args(annotation) for section in _sections_in(part)]
    return []


def describe_keys(schema: type[Section], prefix: str = "") -> list[tuple[str, str, str]]:
    """Every key of a schema with its default, as YAML, and one-line meaning: what `--set` of a command takes."""
    rows: list[tuple[str, str, str]] = []
    for name, field in schema.model_fields.items():
        nested = _sections_in(field.annotation)
        if nested:
            rows += describe_keys(nested[0], f"{prefix}{name}.")
        else:
            default = field.get_default(call_default_factory=True)
            shown = "required" if field.is_required() else write_value(to_jsonable_python(default))
            rows.append((prefix + name, shown, field.description or ""))
    return rows


def acting_keys(section: Section, prefix: str = "") -> list[tuple[str, Any, str]]:
    """The keys that change something while others are as they are, for `passerby train --keys`.

    Returns:
        Each key with its value, as JSON and YAML know it, and its one-line meaning.
    """
    rows: list[tuple[str, Any, str]] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if name in section.idle_keys():
            continue
        if isinstance(value, Section):
            rows += acting_keys(value, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, to_jsonable_python(value), field.description or ""))
    return rows
