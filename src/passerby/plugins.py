"""Plugins: files and packages of one's own that add methods, losses, benchmarks, backbones and recipes.

A plugin is Python that registers things when it is imported. A file is imported because somebody names it
(`--plugin FILE.py`, `load_plugin`), a package because somebody installed it with an entry point of the group
`passerby.plugins`; nothing else is imported. A run remembers which plugins it needs, in order to name them where they
are missing, but never makes passerby import one: whoever sends a run must not choose what code is executed.
"""

import hashlib
import importlib.metadata
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple, TypeVar

from passerby.errors import PasserbyError, PluginError
from passerby.output_paths import expanded
from passerby.progress import log_line

ENTRY_POINTS = "passerby.plugins"
"""The group of entry points by which installed packages are found."""

Kind = Literal["method", "loss", "benchmark", "backbone", "recipe", "callback"]
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Plugin:
    """A plugin that was imported.

    Attributes:
        name: of its file or of its distribution.
        file: its absolute path; None for an installed package.
        version: SHA-256 of the file, or the version of the distribution.
        offers: kind and name of everything that it registered.
    """

    name: str
    file: Path | None
    version: str
    offers: list[tuple[Kind, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"the plugin {self.file or self.name}"


_loaded: dict[str, Plugin] = {}
_importing: list[Plugin] = []
_entries: dict[tuple[Kind, str], "_Entry"] = {}
_missing: dict[tuple[Kind, str], str] = {}


class Registry(dict[str, Thing]):
    """Things of one kind by name: those that come with passerby, and those that plugins or the program register.

    Args:
        kind: what they are.
        own: those that come with passerby.
    """

    def __init__(self, kind: Kind, own: Mapping[str, Thing]) -> None:
        super().__init__(own)
        self.kind: Kind = kind

    def register(self, name: str, thing: Thing) -> None:
        """Add a thing; whoever added it, the same plugin or the program itself, may put another in its place.

        Raises:
            PluginError: the name is taken.
        """
        plugin = _importing[-1] if _importing else None
        owner = str(plugin) if plugin else "this program"
        entry = _entries.get((self.kind, name))
        holder = entry.owner if entry else "passerby" if name in self else owner
        if holder != owner or (plugin and (self.kind, name) in plugin.offers):
            raise PluginError(f"the {self.kind} {name!r} is already there, from {holder}: choose another name")
        self[name] = thing
        _entries[self.kind, name] = _Entry(owner, self, thing)
        if plugin:
            plugin.offers.append((self.kind, name))

    def find(self, name: str) -> Thing | None:
        """The thing of this name, also of an installed plugin; None if there is none."""
        if name not in self and not _importing:
            load_installed_plugins()
        return self.get(name)

    def missing_plugin(self, name: str) -> str:
        """A sentence that names the plugin which a run had this from, if one is known to; else nothing."""
        return _missing.get((self.kind, name), "")


class _Entry(NamedTuple):
    """What somebody registered, who, and where."""

    owner: str
    registry: Registry[Any]
    thing: object


def load_plugin(file: str | Path) -> Plugin:
    """Import a plugin's file, once; again only if it has changed since: it then offers what it registers now.

    If it fails, nothing of it stays registered but what it had registered before it changed.
    The module gets a private name. The file's folder is not added to where Python looks for modules: a plugin of
    several files is a package to be installed.

    Raises:
        DataError: what is given is no path.
        PluginError: there is no such file, it fails, or it registers a name that is taken; names the line.
    """
    path = expanded(file).absolute()
    try:
        if path.exists() and not path.is_file():  # a pipe or a device would never end
            raise PluginError(f"{file}: is no file: name the Python file of a plugin")
        content = path.read_bytes()
    except OSError as error:
        raise PluginError(f"{file}: cannot be read ({error.strerror}): name the Python file of a plugin") from None
    plugin = Plugin(path.name, path, hashlib.sha256(content).hexdigest())
    earlier = _loaded.get(str(plugin))
    if earlier is not None and earlier.version == plugin.version:
        return earlier
    module = ModuleType(f"_passerby_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}")
    module.__file__ = str(path)
    module_before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module  # where typing looks up the names of annotations
    try:
        with _registering(plugin):
            exec(compile(content, str(path), "exec"), module.__dict__)  # what was hashed, not what is cached
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        if module_before is not None:
            sys.modules[module.__name__] = module_before
        raise PluginError(f"{path}{_line_of(error, path)}: {_reason(error)}") from error
    return plugin


@cache
def load_installed_plugins() -> None:
    """Import the plugins that are installed, once; one that fails is left out, and a line on stderr says so.

    Asked for by whatever does not know a name and by lists of names, so that it costs nothing otherwise.
    """
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        name, version = (entry.dist.name, entry.dist.version) if entry.dist else (entry.name, "")
        plugin = _loaded.get(f"the plugin {name}", Plugin(name, None, version))
        try:
            with _registering(plugin):
                entry.load()
        except (Exception, SystemExit) as error:
            log_line(f"{plugin} ({entry.value}) cannot be imported and is left out: {_reason(error)}", show=True)


def loaded_plugins() -> tuple[Plugin, ...]:
    """The plugins that were imported so far."""
    return tuple(_loaded.values())


def remember_missing(kind: Kind, name: str, remedy: str) -> None:
    """Let the error about an unknown name say which plugin a run had it from."""
    _missing[kind, name] = remedy


@contextmanager
def _registering(plugin: Plugin) -> Iterator[None]:
    """Count what is registered inside as the plugin's; if something fails, registries are as they were before."""
    before, offers = _entries_of(plugin), list(plugin.offers)
    if not offers:  # a file that has changed begins anew; a package may have several entry points
        _take_back(before)
    _importing.append(plugin)
    try:
        yield
    except BaseException:
        _take_back(_entries_of(plugin))
        for (kind, name), entry in before.items():
            entry.registry[name] = entry.thing
            _entries[kind, name] = entry
        plugin.offers[:] = offers
        raise
    finally:
        _importing.pop()
    _loaded[str(plugin)] = plugin


def _entries_of(plugin: Plugin) -> dict[tuple[Kind, str], _Entry]:
    return {key: entry for key, entry in _entries.items() if entry.owner == str(plugin)}


def _take_back(entries: Mapping[tuple[Kind, str], _Entry]) -> None:
    for (kind, name), entry in entries.items():
        del entry.registry[name], _entries[kind, name]


def _line_of(error: BaseException, path: Path) -> str:
    """`:LINE` of the plugin's file where an exception came about, if it did in there."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f":{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f":{lines[-1]}" if lines else ""


def _reason(error: BaseException) -> str:
    if isinstance(error, PasserbyError):
        return str(error)
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {said}"
