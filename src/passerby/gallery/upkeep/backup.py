"""Copy a gallery to a safe place while it is in use, and bring it back without what was erased meanwhile."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from passerby.atomic_files import temporary_folder, write_atomically
from passerby.errors import GalleryError
from passerby.gallery.audit import write_entry
from passerby.gallery.database import Database, Row, Transaction
from passerby.gallery.erased_keys import erased_among, remember_hashes
from passerby.gallery.erasure.cleaning import clean, mark_unclean
from passerby.gallery.erasure.emptied import delete_emptied
from passerby.gallery.schema import prepare, read_setting, write_setting
from passerby.gallery.stores.sqlite import FILE, INDEX_FILE, SqliteDatabase, gallery_around
from passerby.gallery.upkeep.erasure_list import ErasureList, check_same_gallery
from passerby.gallery.upkeep.manifest import Backup, described, hash_of, read_backup, write_backup
from passerby.gallery.written.files import mark_outdated

_STAYS = frozenset({"settings", "erased", "receipts", "audit", "holds", "written", "shown", "access_keys", "jobs"})
"""Tables that tell what was done with a gallery: going back in time does not undo it."""


@dataclass(frozen=True)
class Restored:
    """What became of a backup.

    Attributes:
        tracklets: how many the gallery has now.
        erased_again: how many of the backup's were erased since it was made, and were left out.
        erasures_known_until: what was erased later than this (ISO 8601, UTC), nobody knew: it came back.
    """

    tracklets: int
    erased_again: int
    erasures_known_until: str


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
    if gallery_around(folder) is not None:
        raise GalleryError(f"{folder}: lies in the folder of a gallery, which holds nothing else: name another place")
    with _telling(folder), temporary_folder(folder) as temporary:
        with database.writing() as transaction:
            write_entry(transaction, actor, "backup", reason)
        database.copy_to(temporary / FILE)
        copied = SqliteDatabase(temporary, log=False)
        with copied.reading() as transaction:
            made = described(transaction, temporary / FILE)
        copied.close()
        write_backup(made, temporary)
        temporary.rename(folder)
        _sync(folder.parent)
    return made


def restore(backup: Path, folder: Path, lists: Sequence[ErasureList], actor: str, reason: str) -> Restored:
    """Bring a backup back: into a folder without a gallery, or over the gallery that it was made of.

    Over a gallery, in one transaction: its log, receipts, holds and settings stay, and what was erased from it since
    the backup was made is left out, with the names of identities that have no others. In an empty folder only `lists`
    know what was erased since.

    Args:
        backup: a folder that `back_up` made.
        folder: of the gallery.
        lists: of what was erased since.
        actor, reason: for the log.

    Raises:
        GalleryError: the backup is damaged, no backup, or one of another gallery or of a newer passerby, or a list is
            of another gallery; the folder's gallery is damaged. Nothing has changed then.
    """
    said = read_backup(backup)
    with _telling(folder), temporary_folder(folder) as temporary:
        copy = temporary / FILE
        if _copied(backup / FILE, copy) != said.sha256:
            raise GalleryError(f"{backup / FILE}: is not as it was when the backup was made: take another backup")
        restored = SqliteDatabase(temporary, log=False)
        try:
            prepare(restored)
            with restored.writing() as transaction:
                check_same_gallery(transaction, lists)
                secret = read_setting(transaction, "secret")
            if (folder / FILE).exists():
                restored.close()
                return _restored_over(copy, secret, folder, lists, actor, reason)
            _check_nothing_left(folder)
            done = _leave_out(restored, said.made, lists, actor, reason)
        finally:
            restored.close()
        with write_atomically(folder / FILE) as placed:
            copy.replace(placed)
        _sync(folder)
        return done


def _leave_out(restored: SqliteDatabase, made: str, lists: Sequence[ErasureList], actor: str, reason: str) -> Restored:
    """Erase from a copy, before it is anybody's gallery, what the lists know of; deleted rows are overwritten there."""
    with restored.writing() as transaction:
        for each in lists:
            remember_hashes(transaction, each.hashes)
        erased = _delete_erased(transaction, "main")
        if erased:
            delete_emptied(transaction, None, [])
            transaction.run("DELETE FROM calibrations")
            mark_unclean(transaction)  # whoever opens it removes pages that were written of them
        tracklets: int = transaction.rows("SELECT count(*) FROM tracklets")[0][0]
        write_entry(transaction, actor, "restore", reason, {"tracklets": tracklets, "erased_again": erased})
    return Restored(tracklets, erased, max([made, *(each.until for each in lists)], key=datetime.fromisoformat))


def _check_nothing_left(folder: Path) -> None:
    """Refuse a folder with parts of a gallery that is gone: they would be taken for those of the one restored."""
    parts = [f"{FILE}-wal", f"{FILE}-shm", INDEX_FILE.format("*")]
    for name in parts:
        for left in sorted(folder.glob(name)):
            raise GalleryError(f"{left}: is left of a gallery that is not there any more: move it away too")


def _restored_over(
    copy: Path, secret: str | None, folder: Path, lists: Sequence[ErasureList], actor: str, reason: str
) -> Restored:
    database = SqliteDatabase(folder)
    try:
        prepare(database)
        with database.writing_beside(copy, "backup") as transaction:
            if read_setting(transaction, "secret") != secret:
                raise GalleryError(f"{folder}: the backup is of another gallery: restore it into a folder of its own")
            for each in lists:
                remember_hashes(transaction, each.hashes)
            erased = _delete_erased(transaction, "backup")
            _take_over(transaction)
            if erased:
                delete_emptied(transaction, None, [])
                transaction.run("DELETE FROM calibrations")
            tracklets: int = transaction.rows("SELECT count(*) FROM tracklets")[0][0]
            mark_unclean(transaction)
            write_setting(transaction, "removals", str(int(read_setting(transaction, "removals") or 0) + 1))
            write_entry(transaction, actor, "restore", reason, {"tracklets": tracklets, "erased_again": erased})
        clean(database)
    finally:
        database.close()
    return Restored(tracklets, erased, datetime.now(UTC).isoformat())


def _delete_erased(transaction: Transaction, schema: str) -> int:
    """Delete from a file's tables what the gallery knows to be erased; returns how many tracklets."""
    numbers = {key: number for number, key in transaction.rows(f"SELECT id, key FROM {schema}.tracklets")}
    erased = [numbers[key] for key in erased_among(transaction, numbers)]
    mark_outdated(transaction, erased)  # pages that show them
    transaction.run_many(f"DELETE FROM {schema}.tracklets WHERE id = ?", [(number,) for number in erased])
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
    return hash_of(copy)


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
