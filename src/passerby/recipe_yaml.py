"""YAML as recipes are written in: version 1.2, where only true and false are truth values, and a key stands once.

YAML 1.1 reads `no` as false, `010` as 8 and `1:30` as 90: a recipe that holds a typing error would mean something.
"""

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from passerby.errors import RecipeError

_WIDTH = 10_000  # long paths stay on one line


def read_yaml(text: str) -> Any:
    """The values that a YAML text holds; no code can be in it.

    Raises:
        RecipeError: the text is not YAML, asks for another version of it, or names a key twice; says what and where,
            and nothing of the file.
    """
    if text.startswith("%"):
        raise RecipeError("recipes are YAML 1.2 without directives: remove the lines that begin with %")
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        place = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise RecipeError(f"{_one_line(error.problem or error.context or 'cannot be parsed')}{place}") from None
    except RecursionError:
        raise RecipeError("nested too deeply") from None
    except (YAMLError, ValueError) as error:  # ValueError: what looks like a date or a number, and is none
        raise RecipeError(_one_line(error)) from None


def write_yaml(content: Any) -> str:
    """YAML of dictionaries (in their order), lists, texts, numbers, truth values and None."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode, yaml.width = True, _WIDTH
    text = io.StringIO()
    yaml.dump(content, text)
    return text.getvalue()


def _one_line(message: object) -> str:
    return " ".join(str(message).split())
