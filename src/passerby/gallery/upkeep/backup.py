"""Copy a gallery to a safe place while it is in use, and bring it back without what was erased meanwhile."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from passerby.atomic_files import temporary_folder, write_atomically, write_text_atomically
from passerby.errors import GalleryError
from passerby.gallery.audit import write_entry
from passerby.gallery.database import Database, Row, Transaction
from passerby.gallery.erased_keys import erased_among
from passerby.gallery.erasure.cleaning import clean, mark_unclean
from passerby.gallery.erasure.erasing import delete_empty_identities
from passerby.gallery.schema import VERSION, prepare, read_setting, write_setting
from passerby.gallery.stores.sqlite import FILE, INDEX_FILE, SqliteDatabase
from passerby.version import __version__

MANIFEST = "backup.json"
_KIND = "passerby gallery backup"
_STAYS = frozenset({"settings", "erased", "receipts", "audit", "holds", "written", "shown", "access_keys", "jobs"})
"""Tables that tell what was done with a gallery: going back in time does not undo it."""


@dataclass(frozen=True)
class Backup:
    """What a backup says of itself.

    Attributes:
        made: when (ISO 8601, UTC).
        passerby: the version that made it.
        tables: version of the gallery's tables.
        tracklets: how many it holds.
        size: bytes of its file.
        sha256: of its file.
    """

    made: str
    passerby: str
    tables: int
    tracklets: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Restored:
    """What became of a backup.

    Attributes:
        tracklets: how many the gallery has now.
        erased_again: how many of the backup's were erased since it was made, and were left out.
    """

    tracklets: int
    erased_again: int


def back_up(database: Database, folder: Path, actor: str, reason: str) -> Backup:
    """Copy a gallery into a new folder, as it is at one moment; others may go on reading and writing.

    Args:
        database: of the gallery.
        folder: to make; it appears when it is whole.
        actor, reason: for the log.

    Raises:
        GalleryError: the folder exists, cannot be written, or the gallery is on a server, which has tools of its own.
    """
    if not isinstance(database, SqliteDatabase):
        raise GalleryError(f"{database.location}: back it up with the server's own tools, such as `pg_dump`")
    if folder.exists():
        raise GalleryError(f"{folder}: exists already: name a new folder for each backup")
    with _telling(folder), temporary_folder(folder) as temporary:
        with database.writing() as transaction:
            write_entry(transaction, actor, "backup", reason)
        database.copy_to(temporary / FILE)
        copied = SqliteDatabase(temporary, log=False)
        with copied.reading() as transaction:
            tracklets: int = transaction.rows("SELECT count(*) FROM tracklets")[0][0]
        copied.close()
        sha256 = _hash_of(temporary / FILE)
        size = (temporary / FILE).stat().st_size
        made = Backup(datetime.now(UTC).isoformat(), __version__, VERSION, tracklets, size, sha256)
        text = json.dumps({"kind": _KIND, **asdict(made)}, indent=2) + "\n"
        write_text_atomically(temporary / MANIFEST, text)
        temporary.rename(folder)
        _sync(folder.parent)
    return made


def restore(backup: Path, folder: Path, actor: str, reason: str) -> Restored:
    """Bring a backup back: into a folder without a gallery, or over the gallery that it was made of.

    Over a gallery, in one transaction: its log, receipts, holds and settings stay, and what was erased from it since
    the backup was made is left out, with the names of identities that have no others. In an empty folder nobody knows
    what was erased since, and it comes back.

    Args:
        backup: a folder that `back_up` made.
        folder: of the gallery.
        actor, reason: for the log.

    Raises:
        GalleryError: the backup is damaged, no backup, or one of another gallery or of a newer passerby; the folder's
            gallery is damaged. Nothing has changed then.
    """
    said = read_backup(backup)
    with _telling(folder), temporary_folder(folder) as temporary:
        copy = temporary / FILE
        if _copied(backup / FILE, copy) != said.sha256:
            raise GalleryError(f"{backup / FILE}: is not as it was when the backup was made: take another backup")
        restored = SqliteDatabase(temporary, log=False)
        prepare(restored)
        if not (folder / FILE).exists():
            restored.close()
            _check_nothing_left(folder)
            with write_atomically(folder / FILE) as placed:
                copy.replace(placed)
            _sync(folder)
            return _tell_of_restored(folder, actor, reason)
        with restored.reading() as transaction:
            secret = read_setting(transaction, "secret")
        restored.close()
        return _restored_over(copy, secret, folder, actor, reason)


def read_backup(backup: Path) -> Backup:
    """What a backup says of itself.

    Raises:
        GalleryError: it is no backup, or was made by a newer passerby.
    """
    file = backup / MANIFEST
    try:
        content = json.loads(file.read_text("utf-8"))
        if content.pop("kind") != _KIND:
            raise ValueError
        said = Backup(**content)
        known = int(said.tables) <= VERSION
    except OSError as error:
        raise GalleryError(f"{file}: cannot be read ({error.strerror}): name the folder of a backup") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GalleryError(f"{file}: is no record of a backup, or damaged: name the folder of a backup") from error
    if not known:
        raise GalleryError(f"{file}: was made by a newer passerby ({said.passerby}): update passerby")
    return said


def _check_nothing_left(folder: Path) -> None:
    """Refuse a folder with parts of a gallery that is gone: they would be taken for those of the one restored."""
    parts = [f"{FILE}-wal", f"{FILE}-shm", INDEX_FILE.format("*")]
    for name in parts:
        for left in sorted(folder.glob(name)):
            raise GalleryError(f"{left}: is left of a gallery that is not there any more: move it away too")


def _tell_of_restored(folder: Path, actor: str, reason: str) -> Restored:
    database = SqliteDatabase(folder)
    try:
        with database.writing() as transaction:
            tracklets: int = transaction.rows("SELECT count(*) FROM tracklets")[0][0]
            write_entry(transaction, actor, "restore", reason, {"tracklets": tracklets, "erased_again": 0})
    finally:
        database.close()
    return Restored(tracklets, 0)


def _restored_over(copy: Path, secret: str | None, folder: Path, actor: str, reason: str) -> Restored:
    database = SqliteDatabase(folder)
    try:
        prepare(database)
        with database.writing_beside(copy, "backup") as transaction:
            if read_setting(transaction, "secret") != secret:
                raise GalleryError(f"{folder}: the backup is of another gallery: restore it into a folder of its own")
            erased = _leave_out_erased(transaction)
            _take_over(transaction)
            if erased:
                delete_empty_identities(transaction, [])
                transaction.run("DELETE FROM calibrations")
            tracklets: int = transaction.rows("SELECT count(*) FROM tracklets")[0][0]
            mark_unclean(transaction)
            write_setting(transaction, "removals", str(int(read_setting(transaction, "removals") or 0) + 1))
            write_entry(transaction, actor, "restore", reason, {"tracklets": tracklets, "erased_again": erased})
        clean(database)
    finally:
        database.close()
    return Restored(tracklets, erased)


def _leave_out_erased(transaction: Transaction) -> int:
    """Erase from the attached backup what was erased from the gallery since; returns how many tracklets."""
    numbers = {key: number for number, key in transaction.rows("SELECT id, key FROM backup.tracklets")}
    erased = erased_among(transaction, numbers)
    transaction.run_many("DELETE FROM backup.tracklets WHERE id = ?", [(numbers[key],) for key in erased])
    return len(erased)


def _take_over(transaction: Transaction) -> None:
    """Put the backup's rows in the place of the gallery's own."""
    listed = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    tables = [row[0] for row in transaction.rows(listed) if row[0] not in _STAYS]
    holds = transaction.rows("SELECT id, identity, tracklet, reason, until, after_change FROM main.holds")
    shown = transaction.rows("SELECT written, tracklet FROM main.shown")
    transaction.run("PRAGMA defer_foreign_keys = ON")
    for table in reversed(tables):
        transaction.run(f"DELETE FROM main.{table}")
    for table in tables:
        columns = ", ".join(row[0] for row in transaction.rows("SELECT name FROM pragma_table_info(?)", (table,)))
        transaction.run(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM backup.{table}")
    for number, identity, tracklet, *others in holds:
        if _exists(transaction, "identities", identity) or _exists(transaction, "tracklets", tracklet):
            row: Row = (number, identity, tracklet, *others)
            transaction.run("INSERT OR REPLACE INTO main.holds VALUES (?, ?, ?, ?, ?, ?)", row)
    there = {number for (number,) in transaction.rows("SELECT id FROM main.tracklets")}
    known = [row for row in shown if row[1] in there]
    transaction.run_many("INSERT OR IGNORE INTO main.shown (written, tracklet) VALUES (?, ?)", known)


def _exists(transaction: Transaction, table: str, number: int | None) -> bool:
    return number is not None and bool(transaction.rows(f"SELECT 1 FROM main.{table} WHERE id = ?", (number,)))


def _copied(source: Path, copy: Path) -> str:
    """Copy a file; returns the SHA-256 of what was copied."""
    if not source.is_file():
        raise GalleryError(f"{source}: is missing: take another backup")
    shutil.copyfile(source, copy)
    return _hash_of(copy)


def _hash_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _telling(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GalleryError(f"{error.filename or folder}: {error.strerror}: nothing was changed") from error
