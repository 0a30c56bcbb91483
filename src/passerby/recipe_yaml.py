"""YAML as recipes are written in: version 1.2, where only true and false are truth values, and a key stands once.

YAML 1.1 reads `no` as false, `010` as 8 and `1:30` as 90: a recipe that holds a typing error would mean something.
"""

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from passerby.errors import RecipeError

MAX_LENGTH = 1_000_000
"""Characters that a YAML text may have."""
MAX_VALUES = 10_000
"""Values that it may hold, what an alias names counted wherever the alias stands."""
MAX_SHOWN = 200
"""Characters of a value that an error shows."""

_UNFINISHED = {"expected the node content, but found '<stream end>'": "it ends before it is complete"}
_WIDTH = 10_000  # long paths stay on one line


def read_yaml(text: str) -> Any:
    """The values that a YAML text holds; no code can be in it.

    Raises:
        RecipeError: the text is not YAML, asks for another version of it, or names a key twice; says what and where,
            and nothing of the file.
    """
    if text.startswith("%"):
        raise RecipeError("recipes are YAML 1.2 without directives: remove the lines that begin with %")
    if len(text) > MAX_LENGTH:
        raise RecipeError(f"is longer than {MAX_LENGTH:,} characters")
    try:
        _check_size(YAML(typ="safe", pure=True).compose(text))
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        place = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        problem = _one_line(error.problem or error.context or "cannot be parsed")
        raise RecipeError(f"{_UNFINISHED.get(problem, problem)}{place}") from None
    except RecursionError:
        raise RecipeError("nested too deeply") from None
    except (YAMLError, ValueError) as error:  # ValueError: what looks like a date or a number, and is none
        raise RecipeError(_one_line(error)) from None


def write_yaml(content: Any, *, short: bool = False) -> str:
    """YAML of dictionaries (in their order), lists, texts, numbers, truth values and None.

    Args:
        content: what is written.
        short: lists and dictionaries of nothing but single values stand on one line, as `[1, 2]`.
    """
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = None if short else False, False
    yaml.allow_unicode, yaml.width = True, _WIDTH
    text = io.StringIO()
    yaml.dump(content, text)
    return text.getvalue()


def write_value(value: Any) -> str:
    """A value in one line of YAML, as it can stand after `key=`: `null`, `true`, `[256, 128]`."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.allow_unicode, yaml.width = True, True, MAX_LENGTH
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue().removesuffix("\n").removesuffix("\n...")


def shown(value: object) -> str:
    """A value as an error shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _check_size(root: Any) -> None:
    """Refuse what aliases make large: a few hundred bytes can stand for more values than there is memory."""
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = MAX_VALUES + 1  # for an alias inside what it names
            parts = node.value if isinstance(getattr(node, "value", None), list) else []
            nodes = [each for part in parts for each in (part if isinstance(part, tuple) else (part,))]
            sizes[id(node)] = 1 + sum(size(each) for each in nodes)
        return sizes[id(node)]

    if size(root) > MAX_VALUES:
        raise RecipeError(f"holds more than {MAX_VALUES:,} values, counting what each alias stands for")


def _one_line(message: object) -> str:
    return " ".join(str(message).split())
