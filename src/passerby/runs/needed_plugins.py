"""Which plugins a run needs, so that it can name them where they are missing.

A run never makes passerby import a plugin: whoever hands a run on must not choose what code is executed. Its user names
the plugin again, or has it installed.
"""

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from passerby.atomic_files import write_text_atomically
from passerby.config import Recipe
from passerby.errors import PluginError, RecipeError
from passerby.plugins import Kind, load_installed_plugins, loaded_plugins, remember_missing
from passerby.progress import log_line

FILE = "plugins.json"


class NeededPlugin(NamedTuple):
    """A plugin of which a run uses something.

    Attributes:
        name: see `passerby.plugins.Plugin`.
        file: likewise.
        version: likewise.
        offers: what the run uses of it.
    """

    name: str
    file: str | None
    version: str
    offers: list[tuple[Kind, str]]


def write_needed_plugins(folder: Path, recipe: Recipe) -> None:
    """Store in a run's folder of which plugins the recipe uses something; no file if it uses none."""
    used = _used(recipe)
    needed = []
    for plugin in loaded_plugins():
        offers = [each for each in plugin.offers if each in used]
        if offers:
            file = str(plugin.file) if plugin.file else None
            needed.append(NeededPlugin(plugin.name, file, plugin.version, offers)._asdict())
    if needed:
        write_text_atomically(folder / FILE, json.dumps(needed, indent=2) + "\n")
    else:
        (folder / FILE).unlink(missing_ok=True)


def recall_needed_plugins(folder: Path) -> None:
    """Let errors about unknown names say which plugin the run had them from; say which plugins have changed.

    Raises:
        RecipeError: the run's record is damaged.
    """
    for plugin in _read(folder):
        if _has_changed(plugin):
            _log_once(f"the plugin {plugin.name} is not the one that {folder} was trained with: results may differ")
        for kind, name in plugin.offers:
            remember_missing(kind, name, f"{folder} has it from {_where(plugin)}")


def check_needed_plugins(folder: Path) -> None:
    """Refuse to go on with a run without its plugins, or with others.

    Raises:
        PluginError: names the plugin and the remedy.
        RecipeError: the run's record is damaged.
    """
    for plugin in _read(folder):
        if _loaded_version(plugin) is None:
            raise PluginError(f"{folder}: needs {_where(plugin)}")
        if _has_changed(plugin):
            raise PluginError(
                f"{plugin.file or plugin.name}: is not the plugin that the run in {folder} began with: restore it, "
                f"start a new run with --out, or, if it computes the same, remove {folder / FILE}"
            )


def _where(plugin: NeededPlugin) -> str:
    """What a plugin is, and how to have it."""
    if plugin.file is None:
        return f"the package {plugin.name} {plugin.version}: install it"
    remedy = f"name it again with --plugin {shlex.quote(plugin.file)}"
    moved = "" if Path(plugin.file).is_file() else ", or where it is now, for it is not there"
    return f"the plugin {plugin.name}: {remedy}{moved} (in Python: passerby.load_plugin)"


def _has_changed(plugin: NeededPlugin) -> bool:
    return _loaded_version(plugin) not in (None, plugin.version)


def _loaded_version(plugin: NeededPlugin) -> str | None:
    """The version of the loaded plugin that has what the run uses; None if none has."""
    if plugin.file is None:
        load_installed_plugins()
    return next((each.version for each in loaded_plugins() if set(plugin.offers) <= set(each.offers)), None)


@cache
def _log_once(message: str) -> None:
    log_line(message, show=True)


def _used(recipe: Recipe) -> set[tuple[Kind, str]]:
    """Everything that a recipe names and a plugin may have registered."""
    names = [recipe.data.name] if isinstance(recipe.data.name, str) else recipe.data.name
    used: set[tuple[Kind, str]] = {("method", recipe.method)}
    used |= {("loss", name) for name in recipe.added_losses}
    used |= {("benchmark", name) for name in names}
    used |= {("callback", name) for name in recipe.trainer.callbacks}
    backbone = getattr(getattr(recipe, "model", None), "backbone", None)  # a section of some methods
    return used | ({("backbone", backbone)} if backbone else set())


def _read(folder: Path) -> list[NeededPlugin]:
    file = folder / FILE
    if not file.is_file():
        return []
    try:
        stored: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
        offers = [[(kind, name) for kind, name in each.pop("offers")] for each in stored]
        return [NeededPlugin(**each, offers=those) for each, those in zip(stored, offers, strict=True)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecipeError(f"{file}: is damaged: remove it, and name the plugins of the run with --plugin") from error
