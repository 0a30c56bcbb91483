"""A process as it is before any plugin was named."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from passerby import plugins
from passerby.data.benchmarks import BENCHMARKS
from passerby.methods import LOSSES, METHODS
from passerby.models.backbones.registry import BACKBONES
from passerby.plugins import Registry
from passerby.recipe_files import RECIPES
from passerby.runs import needed_plugins

REGISTRIES: list[Registry] = [BACKBONES, BENCHMARKS, LOSSES, METHODS, RECIPES]


def forget_plugins() -> None:
    """Forget every plugin, and what it registered."""
    for registry in REGISTRIES:
        for name in [name for kind, name in plugins._owners if kind == registry.kind]:
            registry.pop(name, None)
    for remembered in (plugins._loaded, plugins._owners, plugins._missing):
        remembered.clear()
    plugins.load_installed_plugins.cache_clear()
    needed_plugins._log_once.cache_clear()


@contextmanager
def no_plugins() -> Iterator[None]:
    """Begin without plugins, and leave none; nor what was added to the path."""
    path = list(sys.path)
    forget_plugins()
    yield
    forget_plugins()
    sys.path[:] = path
