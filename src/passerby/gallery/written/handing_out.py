"""The part of a gallery that knows what leaves it: lists of tracklets, and files that show them."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from passerby.errors import GalleryError
from passerby.gallery.audit import write_entry
from passerby.gallery.database import Database, in_parts
from passerby.gallery.erased_keys import gallery_mark
from passerby.gallery.records import Feature, ModelKey
from passerby.gallery.vectors import from_bytes
from passerby.gallery.written.files import (
    FOLDER_MARK,
    begin_files,
    finish_files,
    forget,
    is_noted,
    note_folder,
)


class HandingOut:
    """What is written from a gallery is remembered, so that erasing somebody reaches it."""

    _database: Database
    _actor: str

    def numbers(self, *, unknown: bool = False) -> list[int]:
        """Numbers of all tracklets, ascending.

        Args:
            unknown: only of those that belong to no identity.
        """
        chosen = " WHERE identity IS NULL" if unknown else ""
        with self._database.reading() as transaction:
            return [row[0] for row in transaction.rows(f"SELECT id FROM tracklets{chosen} ORDER BY id")]

    def mark(self) -> str:
        """What tells this gallery, and copies of it, from others; it gives nothing away."""
        with self._database.reading() as transaction:
            return gallery_mark(transaction)

    def numbers_with_pictures(self) -> list[int]:
        """Numbers of the tracklets that have pictures, ascending."""
        with self._database.reading() as transaction:
            return [row[0] for row in transaction.rows("SELECT DISTINCT tracklet FROM crops ORDER BY tracklet")]

    def numbers_without(self, model: ModelKey) -> list[int]:
        """Numbers of the tracklets that have pictures, but no feature of a model, ascending."""
        statement = (
            "SELECT id FROM tracklets WHERE EXISTS (SELECT 1 FROM crops WHERE crops.tracklet = tracklets.id)"
            " AND NOT EXISTS (SELECT 1 FROM features JOIN models ON models.id = model WHERE fingerprint = ?"
            " AND features.tracklet = tracklets.id) ORDER BY id"
        )
        with self._database.reading() as transaction:
            return [row[0] for row in transaction.rows(statement, (model.fingerprint,))]

    def lend_folder(self, folder: Path, numbers: Sequence[int], *, action: str, reason: str = "") -> None:
        """Make a folder to work in with pictures of tracklets, and remember it.

        When one of these is erased, the folder is removed with all that is in it.

        Args:
            folder: a new one, or one lent before.
            numbers: the tracklets.
            action: for the log, such as `adapt`.
            reason: why, for the log.

        Raises:
            GalleryError: one of the tracklets was erased since, or the folder holds something else.
        """
        if folder.is_dir() and any(folder.iterdir()) and not (folder / FOLDER_MARK).is_file():
            raise GalleryError(f"{folder}: holds something else already: name another place")
        with self._database.writing() as transaction:
            note_folder(transaction, folder.absolute(), numbers)
            write_entry(transaction, self._actor, action, reason, {"tracklets": len(set(numbers))})
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FOLDER_MARK).touch()

    def return_folder(self, folder: Path) -> None:
        """Remove a folder that was lent, and forget it."""
        if (folder / FOLDER_MARK).is_file():
            shutil.rmtree(folder)
        with self._database.writing() as transaction:
            forget(transaction, folder.absolute())

    def has_lent(self, folder: Path) -> bool:
        """Whether a folder was lent, and neither returned nor removed by an erasure."""
        with self._database.reading() as transaction:
            return is_noted(transaction, folder.absolute())

    def features(self, numbers: Sequence[int], model: ModelKey) -> dict[int, Feature]:
        """What a model says of tracklets, by number; those of which it says nothing are not in it."""
        found: dict[int, Feature] = {}
        with self._database.reading() as transaction:
            for some, marks in in_parts(numbers):
                statement = (
                    "SELECT tracklet, vector, halves FROM features JOIN models ON models.id = model"
                    f" WHERE fingerprint = ? AND tracklet IN ({marks})"
                )
                for number, vector, halves in transaction.rows(statement, (model.fingerprint, *some)):
                    found[number] = _feature(vector, halves, model.dim)
        return found

    @contextmanager
    def handing_out(
        self,
        shown: Mapping[Path, Sequence[int]],
        *,
        action: str | None = None,
        reason: str = "",
        removable: bool = True,
    ) -> Iterator[None]:
        """Remember the files that the block writes, and which tracklets each of them shows.

        When one of these is erased, the file is removed if it is still as it was written, or named if it is not.

        Args:
            shown: numbers of tracklets by file.
            action: for the log, such as `report`; None where the log tells of it already.
            reason: why, for the log.
            removable: False for files that are never removed, only named.

        Raises:
            GalleryError: one of the tracklets was erased before the files were whole; those that show it are removed.
        """
        absolute = {file.absolute(): numbers for file, numbers in shown.items()}
        with self._database.writing() as transaction:
            begin_files(transaction, absolute, removable=removable)
            if action is not None:
                count = len({number for numbers in shown.values() for number in numbers})
                write_entry(transaction, self._actor, action, reason, {"tracklets": count})
        yield
        with self._database.writing() as transaction:
            late = finish_files(transaction, absolute)
        for file in late:
            file.unlink(missing_ok=True)
        if late:
            raise GalleryError(
                f"{late[0]}: shows somebody who was erased meanwhile, and is removed: repeat the command"
            )


def _feature(vector: bytes, halves: bytes | None, dim: int) -> Feature:
    parts = None if halves is None else [halves[: 2 * dim], halves[2 * dim :]]
    return Feature(
        from_bytes([vector], dim)[0].astype(np.float32),
        None if parts is None else from_bytes(parts, dim).astype(np.float32),
    )
