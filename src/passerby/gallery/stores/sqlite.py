"""A gallery in one SQLite file.

Committed means on disk (`synchronous=FULL` with a write-ahead log), and deleted means overwritten (`secure_delete`).
"""

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

from passerby.errors import GalleryError, StoreError
from passerby.gallery.database import Row, Value

FILE = "gallery.sqlite"
INDEX_FILE = "features-{}.lists"
"""Of the index of a model's features, by the model's row; derived."""

_PATIENCE = 60.0
"""Seconds that a writer waits for another one."""

_REMEDIES = {
    "SQLITE_FULL": "the disk is full: nothing of this was stored; make room and repeat it",
    "SQLITE_READONLY": "is read-only: nothing was changed; see who may write there",
    "SQLITE_CANTOPEN": "cannot be opened: see the folder and your rights to it",
    "SQLITE_BUSY": "another process has been writing for more than a minute: repeat it later",
    "SQLITE_NOTADB": "is no SQLite file: restore a backup, or name another folder",
    "SQLITE_CORRUPT": "is damaged: move it away with its -wal and -shm files, and restore a backup",
    "SQLITE_IOERR": "cannot be read or written (an error of the disk): nothing of this was stored",
}


def gallery_around(place: Path) -> Path | None:
    """The folder of a gallery in which a place lies; None where it lies in none. Galleries hold nothing else."""
    return next((folder for folder in place.absolute().parents if (folder / FILE).exists()), None)


class SqliteTransaction:
    """Statements on one connection between its begin and its end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Carry out a statement and give the rows it returns."""
        return self._connection.execute(statement, parameters).fetchall()

    def run(self, statement: str, parameters: Sequence[Value] = ()) -> int:
        """Carry out a statement and give the number of rows it changed."""
        return self._connection.execute(statement, parameters).rowcount

    def run_many(self, statement: str, parameters: Iterable[Sequence[Value]]) -> None:
        """Carry out a statement once for each set of parameters."""
        self._connection.executemany(statement, parameters)


class SqliteDatabase:
    """The SQLite file of a gallery's folder; every thread has a connection of its own.

    Args:
        folder: of the gallery; it exists.
        log: keep a write-ahead log beside the file, so that others can read while one writes; without, the file is all.

    Raises:
        GalleryError: the file is damaged, no SQLite file, or cannot be opened.
    """

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, folder: Path, *, log: bool = True) -> None:
        self.file, self._journal = folder / FILE, "WAL" if log else "DELETE"
        self.location = str(folder)
        self.places = (folder,)
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with self._telling():
            self._connection().execute("SELECT count(*) FROM sqlite_master").fetchone()

    @contextmanager
    def reading(self) -> Iterator[SqliteTransaction]:
        """A transaction that sees one state of the gallery and changes nothing."""
        with self._transaction("BEGIN") as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[SqliteTransaction]:
        """A transaction that no other writer overlaps; when the block ends without an exception it is on disk.

        Raises:
            GalleryError: the disk is full, read-only or damaged, or another writer held the gallery for too long.
        """
        with self._transaction("BEGIN IMMEDIATE") as transaction:
            yield transaction

    @contextmanager
    def writing_beside(self, file: Path, name: str) -> Iterator[SqliteTransaction]:
        """A writing transaction that also has the tables of another file, as `name.table`.

        Raises:
            GalleryError: as `writing` does, or the other file is damaged.
        """
        with self._telling():
            self._connection().execute(f"ATTACH ? AS {name}", (str(file),))
        try:
            with self.writing() as transaction:
                yield transaction
        finally:
            with suppress(sqlite3.Error):  # a connection that is broken lets go of it by itself
                self._connection().execute(f"DETACH {name}")

    def copy_to(self, file: Path) -> None:
        """Copy the state of this moment into a new file, while others read and write.

        Raises:
            GalleryError: the disk of the new file is full, or this one is damaged.
        """
        with self._telling(), closing(sqlite3.connect(file)) as copy:
            self._connection().backup(copy)

    def check_may_purge(self) -> None:
        """Whoever may write may purge."""

    def purge(self) -> None:
        """Write the log back into the file, where deleted rows are zeroes already, and cut it to nothing.

        Raises:
            GalleryError: a reader kept the log from being cut.
        """
        with self._telling():
            blocked, _, _ = self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if blocked:
            raise GalleryError(
                f"{self.location}: a reader keeps the log in use: end it, and open the gallery again, which finishes "
                "the erasure"
            )

    def faults(self) -> list[str]:
        """What SQLite finds wrong with the file, one line each."""
        try:
            with self.reading() as transaction:
                told = [row[0] for row in transaction.rows("PRAGMA integrity_check") if row[0] != "ok"]
                lost = transaction.rows("PRAGMA foreign_key_check")
        except GalleryError as error:
            return [str(error)]
        found = [f"{self.file}: {' '.join(text.split())}: restore a backup" for text in told]
        return found + [f"{self.file}: row {row[1]} of {row[0]} belongs to nothing: restore a backup" for row in lost]

    def leftovers(self) -> list[Path]:
        """What is in the folder beside the gallery's own files, and the locks of those who write."""
        own = {self.file, *(self.file.with_name(FILE + ending) for ending in ("-wal", "-shm", "-journal"))}
        found = sorted(set(self.file.parent.iterdir()) - own)
        locks = {each for each in found if each.name.startswith(".") and each.suffix == ".lock"}
        indexes = {each for each in found if re.fullmatch(INDEX_FILE.format(r"\d+"), each.name)}
        return sorted(set(found) - locks - indexes)

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._own = threading.local()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[SqliteTransaction]:
        with self._telling():
            connection = self._connection()
            connection.execute(begin)
            try:
                yield SqliteTransaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has ended the transaction already
                    connection.execute("ROLLBACK")
                raise

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.file, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            with self._lock:
                self._all.append(connection)
            for setting in (f"journal_mode={self._journal}", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {setting}")
            self._own.connection = connection
        return connection

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            name = getattr(error, "sqlite_errorname", None) or ""
            remedy = next((text for code, text in _REMEDIES.items() if name.startswith(code)), None)
            if remedy is None:
                raise
            raise StoreError(f"{self.file}: {remedy}") from error
        except OverflowError as error:
            if "SQLite" not in str(error):
                raise
            raise GalleryError(f"{self.file}: no number in a gallery has more than 64 bits") from error
