"""Recipes by name: the files in `passerby/recipes`, and those that plugins bring."""

import difflib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from passerby.errors import RecipeError
from passerby.plugins import Registry, load_installed_plugins
from passerby.recipe_yaml import read_yaml

_SUFFIX = ".yaml"

RECIPES: Registry[Traversable] = Registry(
    "recipe",
    {
        file.name.removesuffix(_SUFFIX): file
        for file in sorted((files("passerby") / "recipes").iterdir(), key=lambda file: file.name)
        if file.name.endswith(_SUFFIX)
    },
)
"""Name → the file."""


def register_recipe(file: str | Path) -> None:
    """Let `passerby train NAME` find a recipe of one's own: `NAME.yaml`.

    Raises:
        PluginError: the name is taken.
        RecipeError: there is no such file.
    """
    path = Path(file)
    if path.suffix != _SUFFIX or not path.is_file():
        raise RecipeError(f"{file}: is no recipe: name a {_SUFFIX} file")
    RECIPES.register(path.stem, path)


def recipe_names() -> list[str]:
    """The recipes that come with passerby and with plugins."""
    load_installed_plugins()
    return sorted(RECIPES)


def recipe_file(name_or_path: str) -> Traversable:
    """The file of a recipe that is named, or is a file itself.

    Raises:
        RecipeError: no such recipe or file.
    """
    path = Path(name_or_path)
    found = RECIPES.get(name_or_path) or (path if path.is_file() else RECIPES.find(name_or_path))
    if found is None and path.exists():
        kind = "a folder" if path.is_dir() else "a pipe or device"
        raise RecipeError(f"{name_or_path}: is {kind}, not a recipe: name a {_SUFFIX} file, or a recipe of --list")
    if found is None:
        near = _near(name_or_path)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        raise RecipeError(f"{name_or_path}: no such recipe or file; {meant}`passerby train --list` shows the recipes")
    return found


def _near(name: str) -> list[str]:
    """Up to three recipes that may have been meant: spelled alike, or with this word in their names."""
    alike = difflib.get_close_matches(name, RECIPES, n=3, cutoff=0.7)
    holding = [known for known in sorted(RECIPES) if len(name) > 2 and name.lower() in known]
    return list(dict.fromkeys([*alike, *holding]))[:3]


def parse_recipe(file: Traversable, name: str) -> dict[str, Any]:
    """The keys and values of a YAML file, not yet checked against a schema.

    Args:
        file: to read.
        name: of the file in errors.

    Raises:
        RecipeError: the file cannot be read, or is not a YAML mapping.
    """
    try:
        content: Any = read_yaml(file.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"{name}: cannot be read: {error.strerror or error}") from None
    except (RecipeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name}: is not YAML in UTF-8: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise RecipeError(f"{name}: a recipe is a mapping of keys to values, with at least `method`")
    return content
