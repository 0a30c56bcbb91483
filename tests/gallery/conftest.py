"""Both stores of galleries, so that the same tests run on each."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.gallery.servers import Store, server

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[tuple[str, Path]]:
    """Address and data directory of one server for all tests."""
    with server() as started:
        yield started


@pytest.fixture
def postgres_store(postgres: tuple[str, Path]) -> Iterator[Store]:
    """An empty schema on the server."""
    import psycopg

    address, data = postgres
    schema = f"test_{next(_NUMBERS)}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        separator = "&" if "?" in address else "?"
        yield Store(f"{address}{separator}options={quote(f'-csearch_path={schema}')}", data)
        connection.execute("SET client_min_messages = warning")
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Where a gallery may be made."""
    if request.param == "sqlite":
        return Store(str(tmp_path / "gallery"), tmp_path / "gallery")
    made: Store = request.getfixturevalue("postgres_store")
    return made
