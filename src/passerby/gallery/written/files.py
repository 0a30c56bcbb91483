"""Remember which files were written from a gallery, outside of it, and whom they show, so that erasing reaches them.

A page or a picture that shows somebody who is erased is removed, if it is still as it was written. What users keep for
other reasons (tables of an export), was changed, or lies on another computer is left alone and named. A folder that
passerby works in for a while (pictures that a model learns from) is removed with all that is in it.
"""

import hashlib
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from passerby.errors import GalleryError
from passerby.gallery.database import Database, Transaction, in_parts
from passerby.printable import printable_line

_UNFINISHED = ""
"""In place of the hash of a file that is being written."""

_FOLDER = "folder"
"""In place of the hash of a folder."""

FOLDER_MARK = ".passerby-working-folder"
"""The empty file that a folder has which passerby made and may remove; no other is."""


def begin_files(transaction: Transaction, shown: Mapping[Path, Sequence[int]], *, removable: bool) -> None:
    """Note, before files are written, which tracklets they are going to show, besides those that they show now.

    Raises:
        GalleryError: a tracklet was erased since it was read.
    """
    for file, numbers in shown.items():
        row = transaction.rows(
            "INSERT INTO written (path, computer, sha256, removable) VALUES (?, ?, ?, ?) ON CONFLICT (path, computer)"
            " DO UPDATE SET sha256 = excluded.sha256, removable = excluded.removable RETURNING id",
            (*_place(file), _UNFINISHED, int(removable)),
        )
        _check_there(transaction, numbers)
        statement = "INSERT INTO shown (written, tracklet) VALUES (?, ?) ON CONFLICT (written, tracklet) DO NOTHING"
        transaction.run_many(statement, [(row[0][0], number) for number in sorted(set(numbers))])


def finish_files(transaction: Transaction, shown: Mapping[Path, Sequence[int]]) -> list[Path]:
    """Note that files are written, and show these tracklets only.

    Returns:
        Those that show somebody who was erased meanwhile.
    """
    late = []
    for file, numbers in shown.items():
        rows = transaction.rows("SELECT id FROM written WHERE path = ? AND computer = ?", _place(file))
        there = _there(transaction, numbers)
        if not rows or there < set(numbers):
            late.append(file)
            continue
        number: int = rows[0][0]
        transaction.run("UPDATE written SET sha256 = ?, outdated = 0 WHERE id = ?", (_hash_of(file), number))
        transaction.run("DELETE FROM shown WHERE written = ?", (number,))
        transaction.run_many(
            "INSERT INTO shown (written, tracklet) VALUES (?, ?)", [(number, each) for each in sorted(there)]
        )
    return late


def note_folder(transaction: Transaction, folder: Path, numbers: Sequence[int]) -> None:
    """Note, before anything is written into it, that a folder shows tracklets; its content may change.

    Raises:
        GalleryError: a tracklet was erased since it was read.
    """
    begin_files(transaction, {folder: numbers}, removable=True)
    transaction.run("UPDATE written SET sha256 = ? WHERE path = ? AND computer = ?", (_FOLDER, *_place(folder)))


def forget(transaction: Transaction, place: Path) -> None:
    """Forget a file or folder, once it is gone."""
    transaction.run("DELETE FROM written WHERE path = ? AND computer = ?", _place(place))


def is_noted(transaction: Transaction, place: Path) -> bool:
    """Whether a file or folder is known to show tracklets."""
    return bool(transaction.rows("SELECT 1 FROM written WHERE path = ? AND computer = ?", _place(place)))


def mark_outdated(transaction: Transaction, numbers: Sequence[int]) -> None:
    """Note, before tracklets are deleted, which files show them."""
    for some, marks in in_parts(numbers):
        chosen = f"SELECT written FROM shown WHERE tracklet IN ({marks})"
        transaction.run(f"UPDATE written SET outdated = 1 WHERE id IN ({chosen})", some)


def remove_outdated(database: Database) -> int:
    """Remove files that show somebody who is erased, and forget those that are gone.

    Returns:
        How many were removed. Those that remain are `outdated_files`.
    """
    removed, done = 0, []
    with database.reading() as transaction:
        rows = transaction.rows(
            "SELECT id, path, sha256, removable FROM written WHERE outdated = 1 AND computer = ? ORDER BY id",
            (platform.node(),),
        )
    for number, path, sha256, removable in rows:
        file = Path(path)
        if not (file.is_dir() if sha256 == _FOLDER else file.is_file()):
            done.append(number)
        elif removable and (_is_working_folder(file) if sha256 == _FOLDER else _is(file, sha256)) and _removed(file):
            removed += 1
            done.append(number)
    if done:
        with database.writing() as transaction:
            transaction.run_many("DELETE FROM written WHERE id = ?", [(number,) for number in done])
    return removed


def outdated_files(transaction: Transaction) -> list[str]:
    """Files that may still show somebody who is erased, for people to look into and remove, in one line each."""
    rows = transaction.rows("SELECT path, computer FROM written WHERE outdated = 1 ORDER BY path, computer")
    return [
        printable_line(path if computer == platform.node() else f"{path} on the computer {computer}")
        for path, computer in rows
    ]


def _place(file: Path) -> tuple[str, str]:
    return str(file), platform.node()


def _check_there(transaction: Transaction, numbers: Iterable[int]) -> None:
    wanted = set(numbers)
    if missing := sorted(wanted - _there(transaction, wanted)):
        raise GalleryError(f"tracklet {missing[0]} was erased meanwhile: repeat the command")


def _there(transaction: Transaction, numbers: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for some, marks in in_parts(sorted(set(numbers))):
        found.update(row[0] for row in transaction.rows(f"SELECT id FROM tracklets WHERE id IN ({marks})", some))
    return found


def _is(file: Path, sha256: str) -> bool:
    try:
        return _hash_of(file) == sha256
    except OSError:  # it is not ours to read any more: `outdated_files` names it
        return False


def _is_working_folder(folder: Path) -> bool:
    return not folder.is_symlink() and (folder / FOLDER_MARK).is_file()


def _removed(file: Path) -> bool:
    try:
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()
    except OSError:  # likewise
        return False
    return True


def _hash_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
