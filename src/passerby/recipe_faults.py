"""What is wrong with a value of a recipe or a setting, in words of the recipe instead of those of pydantic."""

import difflib
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from passerby.recipe_yaml import shown

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
        return f"{'.'.join(parts)}: {_complaint(fault)} (found {shown(fault['input'])})"
    dotted = ".".join(parts)
    last = dotted.rpartition(".")[2]
    same_name = [key for key in known if key.rpartition(".")[2] == last]
    near = same_name or difflib.get_close_matches(dotted, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else listing
    return f"{dotted}: unknown {kind}; {hint}"


def _complaint(fault: ErrorDetails) -> str:
    """What a value must be."""
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
