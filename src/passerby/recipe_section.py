"""A section of a recipe: typed keys with one-line meanings, what can be told of them, and what is wrong with values."""

import difflib
import types
import typing
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails, to_jsonable_python

from passerby.errors import RecipeError
from passerby.recipe_yaml import shown, write_value

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


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "string": "text",
    "path": "a path",
    "list": "a list, such as [1, 2]",
    "tuple": "a list, such as [1, 2]",
    "set": "a list, such as [1, 2]",
    "dict": "a section with keys of its own, not one value",
    "mapping": "a section with keys of its own, not one value",
    "model": "a section with keys of its own, not one value",
}
"""What pydantic's error types begin with, before `_type`, `_parsing` and others."""

_RULES = {
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
    "too_short": "must have {min_length} values or more",
    "too_long": "must have {max_length} values or fewer",
    "missing": "has too few values",
}
"""By pydantic's error types, what a value must be; with the names under which they give their bounds."""


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
            value = "required" if field.is_required() else write_value(to_jsonable_python(default))
            rows.append((prefix + name, value, field.description or ""))
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


def explain_fault(known: Sequence[str], error: ValidationError) -> str:
    """One line about the first fault of a recipe: the key, what it must be or which key was meant, and what it is.

    Args:
        known: the dotted names of all keys and sections.
        error: of pydantic.
    """
    return explain_setting(known, error, "key in the recipe", "`passerby train RECIPE --keys` lists the keys that act")


def explain_setting(known: Sequence[str], error: ValidationError, kind: str, listing: str) -> str:
    """The same of other keys: what one is called, and where all are listed."""
    faults = error.errors()
    fault = next((each for each in faults if each["type"] == "extra_forbidden"), faults[0])  # the slip behind others
    parts = [str(part) for part in fault["loc"]]
    if fault["type"] == "missing" and ".".join(parts) in known:
        return f"{'.'.join(parts)}: is missing: it has no default"
    if fault["type"] != "extra_forbidden":
        while len(parts) > 1 and ".".join(parts) not in known:  # a place in a list, or which type was tried
            parts.pop()
        return f"{'.'.join(parts)}: {complaint_about(fault)} (found {shown(fault['input'])})"
    dotted = ".".join(parts)
    last = dotted.rpartition(".")[2]
    same_name = [key for key in known if key.rpartition(".")[2] == last]
    near = same_name or difflib.get_close_matches(dotted, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else listing
    return f"{dotted}: unknown {kind}; {hint}"


def complaint_about(fault: ErrorDetails) -> str:
    """What a value must be, of a fault that pydantic found."""
    kind = fault["type"]
    if kind in _RULES:
        bounds = {name: _whole(value) for name, value in fault.get("ctx", {}).items()}
        return _RULES[kind].format(**bounds)
    if kind.partition("_")[0] in _KINDS:
        return f"must be {_KINDS[kind.partition('_')[0]]}"
    return fault["msg"].removeprefix("Value error, ")


def _whole(bound: object) -> object:
    """A bound of 0.0 as 0."""
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound
