"""Exports of packages that are imported on first use, so that importing a package loads neither torch nor Arrow."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from passerby.extras import naming_extras


def lazy_exports(package: str, modules: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """A module's `__getattr__` that imports what the package exports.

    Args:
        package: its `__name__`.
        modules: the exported names by the module that defines them, relative to the package.

    The function raises a DeviceError where a package that an extra brings is missing.
    """
    defined_in = {name: f"{package}.{module}" for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name not in defined_in:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with naming_extras():
            return getattr(import_module(defined_in[name]), name)

    return get
