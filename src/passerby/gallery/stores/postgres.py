"""A gallery on a PostgreSQL server, which several computers share.

Writers take turns by an advisory lock, committed means on the server's disk (`synchronous_commit`), and what was
deleted leaves the server's files by `purge`.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from passerby.errors import GalleryError, StoreError
from passerby.extras import naming_extras
from passerby.gallery.database import Row, Value
from passerby.gallery.stores.postgres_purge import check_may_purge, data_directory, purge

if TYPE_CHECKING:
    import psycopg

_PATIENCE = 60
"""Seconds that a writer waits for another one."""

_REMEDIES = {
    "53100": "the server's disk is full: nothing of this was stored; make room and repeat it",
    "25006": "is read-only: nothing was changed; name the server that is written to",
    "55P03": "another process has been writing for more than a minute: repeat it later",
    "42501": "this user may not do that: ask the administrator for rights to the gallery's tables",
    "22021": "a text holds a zero character or one that the server cannot keep: leave it out",
    "28P01": "the password is wrong: see the address, or PGPASSWORD",
}
"""By the SQLSTATE of the error."""


class PostgresTransaction:
    """Statements on one connection between its begin and its end."""

    def __init__(self, connection: "psycopg.Connection[Row]") -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Carry out a statement and give the rows it returns."""
        with self._connection.cursor(binary=True) as cursor:
            return cursor.execute(_translated(statement), parameters).fetchall()

    def run(self, statement: str, parameters: Sequence[Value] = ()) -> int:
        """Carry out a statement and give the number of rows it changed."""
        with self._connection.cursor() as cursor:
            return cursor.execute(_translated(statement), parameters).rowcount

    def run_many(self, statement: str, parameters: Iterable[Sequence[Value]]) -> None:
        """Carry out a statement once for each set of parameters."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_translated(statement), parameters)


class PostgresDatabase:
    """A schema of a PostgreSQL database; every thread has a connection of its own.

    Args:
        address: `postgresql://user:password@host:port/database`; what else libpq knows may follow after `?`, such as
            `options=-csearch_path%3Dgallery` for another schema than `public`.

    Raises:
        GalleryError: the server cannot be reached, refuses, or does not keep what it acknowledges (`fsync=off`).
        DeviceError: psycopg is not installed.
    """

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, address: str) -> None:
        with naming_extras():
            import psycopg
        self._errors: type[Exception] = psycopg.Error
        self._address, (self.location, self._secrets) = address, without_password(address)
        self._own = threading.local()
        self._all: list[psycopg.Connection[Row]] = []
        self._lock = threading.Lock()
        with self.reading() as transaction:
            if transaction.rows("SELECT current_setting('fsync')") == [("off",)]:
                raise GalleryError(f"{self.location}: the server runs with fsync=off and may lose what it has stored")
            found = data_directory(transaction)
        self.places: Sequence[Path] = () if found is None else (found,)

    @contextmanager
    def reading(self) -> Iterator[PostgresTransaction]:
        """A transaction that sees one state of the gallery and changes nothing."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[PostgresTransaction]:
        """A transaction that no other writer overlaps; when the block ends without an exception it is on disk.

        Raises:
            GalleryError: the server's disk is full, it is read-only or gone, or another writer held the gallery for too
                long.
        """
        with self._transaction("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE") as transaction:
            transaction.rows(
                "SELECT pg_advisory_xact_lock(hashtextextended('passerby gallery ' || current_schema(), 0))"
            )
            yield transaction

    def check_may_purge(self) -> None:
        """See whether this user may do what `purge` needs.

        Raises:
            GalleryError: a right is missing, which is named.
        """
        with self.reading() as transaction:
            check_may_purge(transaction, self.location)

    def purge(self) -> None:
        """Rewrite the tables without what was deleted, and overwrite the server's old logs.

        Raises:
            GalleryError: a right is missing, or a reader still sees what was deleted; repeat it.
        """
        with self._telling():
            purge(PostgresTransaction(self._connection()), self.location)

    def faults(self) -> list[str]:
        """Pages whose checksums the server found wrong; references to nothing it does not let happen."""
        try:
            with self.reading() as transaction:
                statement = "SELECT coalesce(sum(checksum_failures), 0)::bigint FROM pg_stat_database"
                ((failures,),) = transaction.rows(f"{statement} WHERE datname = current_database()")
        except GalleryError as error:
            return [str(error)]
        return [f"{self.location}: {failures} pages were found damaged: restore a backup"] if failures else []

    def leftovers(self) -> list[Path]:
        """None: the server looks after its files."""
        return []

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._own = threading.local()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[PostgresTransaction]:
        with self._telling():
            transaction = self._begun(begin)
            try:
                yield transaction
                transaction.run("COMMIT")
            except BaseException:
                with suppress(self._errors):  # a server that is gone has ended the transaction already
                    transaction.run("ROLLBACK")
                raise

    def _begun(self, begin: str) -> PostgresTransaction:
        """A transaction that has begun; on a new connection where a server that was started again has closed it."""
        connection = self._connection()
        try:
            PostgresTransaction(connection).run(begin)
        except self._errors:
            if not connection.closed:
                raise
            connection = self._connection()
            PostgresTransaction(connection).run(begin)
        return PostgresTransaction(connection)

    def _connection(self) -> "psycopg.Connection[Row]":
        import psycopg

        connection: psycopg.Connection[Row] | None = getattr(self._own, "connection", None)
        if connection is None or connection.closed:
            connection = psycopg.connect(self._address, autocommit=True, client_encoding="utf8", connect_timeout=10)
            with self._lock:
                self._all = [each for each in self._all if not each.closed] + [connection]
            for setting in (f"lock_timeout = '{_PATIENCE}s'", "application_name = 'passerby'"):
                connection.execute(f"SET {setting}".encode())
            if connection.execute("SELECT current_setting('synchronous_commit')").fetchone() in {("off",), ("local",)}:
                connection.execute("SET synchronous_commit = on")
            self._own.connection = connection
        return connection

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            said = " ".join((str(error).splitlines() or [type(error).__name__])[0].split())
            for secret in self._secrets:
                said = said.replace(secret, "…")
            remedy = _REMEDIES.get(getattr(error, "sqlstate", None) or "", said)
            raise StoreError(f"{self.location}: {remedy}") from None


def _translated(statement: str) -> bytes:
    return statement.replace("%", "%%").replace("?", "%s").encode()


def without_password(address: str) -> tuple[str, list[str]]:
    """The address as messages show it, and what they must not hold.

    Raises:
        GalleryError: it is no address.
    """
    try:
        parts = urlsplit(address)
        host = f"{parts.hostname or 'localhost'}{'' if parts.port is None else f':{parts.port}'}"
        user = f"{unquote(parts.username)}@" if parts.username else ""
    except ValueError:
        raise GalleryError(
            "the address of the server is not of the form postgresql://user:password@host:port/database"
        ) from None
    passwords = [parts.password or "", unquote(parts.password or ""), *parse_qs(parts.query).get("password", [])]
    return f"postgresql://{user}{host}{parts.path}", [each for each in passwords if each]
