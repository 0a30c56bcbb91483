"""The gallery: tracklets of many videos that can be searched."""

import getpass
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError, NotInGalleryError
from passerby.gallery.access.overseen import Overseen
from passerby.gallery.adding import COLUMNS, add, tracklet_of
from passerby.gallery.columns.matrix import Matrix
from passerby.gallery.database import Database, in_parts
from passerby.gallery.jobs import Jobs
from passerby.gallery.keeping import Keeping
from passerby.gallery.nearest.searching import Searching
from passerby.gallery.nearest.shortlists import Shortlists
from passerby.gallery.opening import open_database
from passerby.gallery.pictures import Pictured
from passerby.gallery.records import Added, ModelKey, NewTracklet, Tracklet
from passerby.gallery.upkeep.backup import Restored, back_up, restore
from passerby.gallery.upkeep.erasure_list import read_list
from passerby.gallery.upkeep.manifest import Backup
from passerby.gallery.upkeep.verification import Finding, verify
from passerby.gallery.vectors import from_bytes
from passerby.gallery.who_is_who import WhoIsWho
from passerby.gallery.written.handing_out import HandingOut


class Gallery(Searching, WhoIsWho, Keeping, HandingOut, Pictured, Overseen, Jobs):
    """An open gallery; `open_gallery` gives one.

    Args:
        database: where it is kept.
        actor: who works with it, for the log; by default the user of this computer.
        places: files and folders of the gallery, which are searched after an erasure.
    """

    def __init__(self, database: Database, actor: str | None = None, places: Sequence[Path] = ()) -> None:
        self._database, self._places = database, places
        self._actor = actor or getpass.getuser()
        self._matrices: dict[int, Matrix] = {}
        self._shortlists = Shortlists(database)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __len__(self) -> int:
        """How many tracklets it holds."""
        with self._database.reading() as transaction:
            count: int = transaction.rows("SELECT count(*) FROM tracklets")[0][0]
        return count

    def add(self, tracklets: Iterable[NewTracklet]) -> Added:
        """Store tracklets with their crops and features; when this returns, they are on disk.

        A tracklet whose key the gallery has is not stored again, but features of models that it lacks are.

        Raises:
            GalleryError: a tracklet cannot be stored as it is; nothing of any of them is stored then.
        """
        return add(self._database, tracklets)

    def models(self) -> list[ModelKey]:
        """The models whose features the gallery has, oldest first."""
        with self._database.reading() as transaction:
            rows = transaction.rows("SELECT fingerprint, name, dim FROM models ORDER BY id")
        return [ModelKey(*row) for row in rows]

    def cameras(self) -> dict[str, int]:
        """How many tracklets each camera has, by its name."""
        with self._database.reading() as transaction:
            return dict(transaction.rows("SELECT camera, count(*) FROM tracklets GROUP BY camera ORDER BY camera"))

    def get(self, numbers: Sequence[int]) -> list[Tracklet]:
        """Tracklets by their numbers, in this order.

        Raises:
            GalleryError: there is no such tracklet.
        """
        found = self._there(numbers)
        if missing := [number for number in numbers if number not in found]:
            raise NotInGalleryError(f"there is no tracklet {missing[0]}: it was never added, or is erased")
        return [found[number] for number in numbers]

    def _there(self, numbers: Sequence[int]) -> dict[int, Tracklet]:
        """Those of some tracklets that are not erased, by number."""
        found: dict[int, Tracklet] = {}
        with self._database.reading() as transaction:
            for some, marks in in_parts(numbers):
                statement = f"SELECT {COLUMNS} FROM tracklets WHERE id IN ({marks})"
                found.update((row[0], tracklet_of(row)) for row in transaction.rows(statement, some))
        return found

    def feature(self, number: int, model: ModelKey) -> NDArray[np.float32]:
        """What a model says of a tracklet, float32 [D].

        Raises:
            GalleryError: there is no such tracklet, or it has no feature of the model.
        """
        statement = (
            "SELECT vector FROM features JOIN models ON models.id = model WHERE tracklet = ? AND fingerprint = ?"
        )
        with self._database.reading() as transaction:
            rows = transaction.rows(statement, (number, model.fingerprint))
        if not rows:
            self.get([number])
            raise GalleryError(f"tracklet {number} has no feature of {model.name}: index its video with that model too")
        feature: NDArray[np.float32] = from_bytes([rows[0][0]], model.dim)[0].astype(np.float32)
        return feature

    def verify(self) -> list[Finding]:
        """Read everything and tell what is torn, tampered with or left over; nothing where all is well."""
        return verify(self._database)

    def backup(self, folder: str | Path, *, reason: str = "") -> Backup:
        """Copy the gallery as it is now into a new folder, while others go on reading and writing.

        Who is erased later lives on in the copy until that is deleted.

        Raises:
            GalleryError: the folder exists or cannot be written, or the gallery is on a server.
        """
        return back_up(self._database, Path(folder).expanduser(), self._actor, reason)

    def _matrix(self, model: ModelKey | None) -> Matrix:
        with self._database.reading() as transaction:
            rows = transaction.rows("SELECT id, fingerprint, name, dim FROM models ORDER BY id")
        if model is None and len(rows) > 1:
            raise GalleryError(f"the gallery has features of {', '.join(row[2] for row in rows)}: say which `model`")
        chosen = [row for row in rows if model is None or row[1] == model.fingerprint]
        if not chosen:
            known = f"it has those of {', '.join(row[2] for row in rows)}" if rows else "it is empty"
            raise GalleryError(f"the gallery has no features of {model.name if model else 'any model'}: {known}")
        number, _, _, dim = chosen[0]
        with self._lock:
            return self._matrices.setdefault(number, Matrix(self._database, number, dim))


def open_gallery(location: str | Path, *, create: bool = False, actor: str | None = None) -> Gallery:
    """Open a gallery, and erase what is older than tracklets are kept in it.

    Args:
        location: a folder, or the address of a PostgreSQL server, `postgresql://…`.
        create: make an empty one where there is none.
        actor: who works with it, for the log; by default the user of this computer.

    Raises:
        GalleryError: there is none, it cannot be opened, or what is too old cannot be erased.
    """
    database = open_database(location, create=create)
    gallery = Gallery(database, actor, database.places)
    try:
        gallery.retain_as_set()
    except BaseException:
        gallery.close()
        raise
    return gallery


def restore_gallery(
    backup: str | Path,
    folder: str | Path,
    *,
    erased_since: Sequence[str | Path] = (),
    actor: str | None = None,
    reason: str = "",
) -> Restored:
    """Bring a backup back: into a folder without a gallery, or over the gallery that it was made of.

    Over a gallery, its log, receipts, holds and settings stay, and what was erased since the backup was made stays
    erased. In a folder without one only `erased_since` tells what was erased since; else it comes back.

    Args:
        backup: a folder that `Gallery.backup` made.
        folder: of the gallery.
        erased_since: what knows more erasures: lists that `passerby gallery erasures` wrote, newer backups, or the
            gallery that the backup was made of.
        actor: who restores, for the log; by default the user of this computer.
        reason: for the log.

    Raises:
        GalleryError: the backup is damaged, no backup, of another gallery or of a newer passerby, or a list is of
            another gallery. Nothing has changed then.
    """
    lists = [read_list(place) for place in erased_since]
    place = Path(folder).expanduser()
    return restore(Path(backup).expanduser(), place, lists, actor or getpass.getuser(), reason)
