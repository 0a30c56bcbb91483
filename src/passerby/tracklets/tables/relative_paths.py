"""Paths in tables, which are relative to the table's folder."""

import os
from collections.abc import Iterable
from pathlib import Path


def relocated(paths: Iterable[str], old: Path, new: Path) -> list[str]:
    """Paths relative to the folder `old` (or absolute), as they are relative to the folder `new`."""
    prefix = os.path.relpath(old.resolve(), new.resolve())
    return [os.path.normpath(os.path.join(prefix, path)) for path in paths]  # noqa: PTH118
