"""A process as it is before any plugin was named."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from passerby import plugins
from passerby.runs import needed_plugins


def forget_plugins() -> None:
    """Forget every plugin, and what it registered."""
    plugins._take_back(dict(plugins._entries))
    for remembered in (plugins._loaded, plugins._missing):
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
