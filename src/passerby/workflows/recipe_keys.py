"""The keys of a recipe, for shells that complete them: kept between two presses of a key, for methods import torch."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from passerby.atomic_files import write_text_atomically
from passerby.methods import METHODS, find_method
from passerby.output_paths import default_cache_folder
from passerby.recipe_files import parse_recipe, recipe_file
from passerby.recipe_section import describe_keys
from passerby.recipe_yaml import write_value
from passerby.version import __version__

Keys = list[tuple[str, str, str]]
"""Key, value as YAML, meaning."""


def recipe_keys(recipe: str) -> Keys:
    """Every key that overrides of a recipe can name, with the value that it has in this recipe.

    Raises:
        RecipeError: no such recipe, or of no known method.
    """
    content = parse_recipe(recipe_file(recipe), recipe)
    keys = _method_keys(str(content.get("method")))
    return [(key, _value(content, key, default), meaning) for key, default, meaning in keys]


def _value(content: dict[str, Any], dotted: str, default: str) -> str:
    """What a recipe says of a key, as YAML; else its default."""
    found: Any = content
    for part in dotted.split("."):
        if not isinstance(found, dict) or part not in found:
            return default
        found = found[part]
    return write_value(found)


def _method_keys(method: str) -> Keys:
    kept = _kept_at(method)
    if kept is not None and (found := _read(kept)) is not None:
        return found
    keys = describe_keys(find_method(method).recipe)
    if kept is not None:
        try:
            write_text_atomically(kept, json.dumps(keys))
        except OSError:  # nowhere to keep them: they are found out anew next time
            return keys
    return keys


def _kept_at(method: str) -> Path | None:
    """Where the keys of one of our own methods are kept, by the state of its file; None for those of plugins."""
    place = METHODS.find(method)
    if not isinstance(place, str):
        return None
    spec = find_spec(place.partition(":")[0].rpartition(".")[0])  # the method's package, which imports nothing
    if spec is None or spec.origin is None:
        return None
    changed = (Path(spec.origin).parent / "recipe.py").stat().st_mtime_ns
    return default_cache_folder() / "completion" / f"{method}-{__version__}-{changed:x}.json"


def _read(file: Path) -> Keys | None:
    """What was kept; None where nothing was, or it is damaged."""
    try:
        return [(str(key), str(default), str(meaning)) for key, default, meaning in json.loads(file.read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return None
