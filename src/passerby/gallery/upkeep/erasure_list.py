"""Lists of what was erased from a gallery, so that a backup that is brought back leaves it out.

A list holds keyed hashes, and no personal data: without the gallery or one of its backups, which have the key, nobody
can tell what they are of.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from passerby.atomic_files import write_text_atomically
from passerby.errors import GalleryError
from passerby.gallery.database import Database, Transaction
from passerby.gallery.erased_keys import erased_hashes, gallery_mark
from passerby.gallery.opening import open_database
from passerby.gallery.stores.sqlite import SqliteDatabase, gallery_around
from passerby.gallery.upkeep.manifest import MANIFEST, checked_backup

_KIND = "passerby erasure list"


@dataclass(frozen=True)
class ErasureList:
    """What was erased from a gallery.

    Attributes:
        gallery: mark of the gallery, which its backups have too.
        until: up to when erasures are known (ISO 8601, UTC).
        hashes: of the keys of all tracklets that were erased, keyed with the gallery's secret.
    """

    gallery: str
    until: str
    hashes: Sequence[str]


def list_erased(database: Database) -> ErasureList:
    """What was erased from a gallery up to now."""
    with database.reading() as transaction:
        return _listed(transaction, datetime.now(UTC).isoformat())


def write_list(erased: ErasureList, file: Path) -> None:
    """Write a list into a file, whole or not at all.

    Raises:
        GalleryError: it cannot be written, or lies in the folder of a gallery.
    """
    if gallery_around(file) is not None:
        raise GalleryError(f"{file}: lies in the folder of a gallery, which holds nothing else: name another place")
    try:
        write_text_atomically(file, json.dumps({"kind": _KIND, **asdict(erased)}, indent=1) + "\n")
    except OSError as error:
        raise GalleryError(f"{file}: cannot be written ({error.strerror})") from error


def read_list(place: str | Path) -> ErasureList:
    """What was erased, as a list, a gallery or a newer backup knows it.

    Args:
        place: the file of a list, the folder of a gallery or of a backup, or the address of a server.

    Raises:
        GalleryError: it is none of these, or damaged.
    """
    path = Path(place).expanduser()
    if path.is_file():
        return _read_file(path)
    if (path / MANIFEST).is_file():
        made = checked_backup(path).made
        backup = SqliteDatabase(path, log=False)
        try:
            with backup.reading() as transaction:
                return _listed(transaction, made)
        finally:
            backup.close()
    opened = open_database(place)
    try:
        return list_erased(opened)
    finally:
        opened.close()


def check_same_gallery(transaction: Transaction, lists: Sequence[ErasureList]) -> None:
    """Refuse lists of other galleries: their hashes have another key, and would find nobody.

    Raises:
        GalleryError: one is.
    """
    if any(each.gallery != gallery_mark(transaction) for each in lists):
        raise GalleryError("the list of what was erased is of another gallery: name one of this gallery")


def _listed(transaction: Transaction, until: str) -> ErasureList:
    return ErasureList(gallery_mark(transaction), until, erased_hashes(transaction))


def _read_file(file: Path) -> ErasureList:
    try:
        content = json.loads(file.read_text("utf-8"))
        if content.pop("kind") != _KIND:
            raise ValueError
        erased = ErasureList(**content)
        datetime.fromisoformat(erased.until)
        if not all(len(bytes.fromhex(each)) == 32 for each in erased.hashes):
            raise ValueError
    except OSError as error:
        raise GalleryError(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GalleryError(
            f"{file}: is no list of erasures, or damaged: `passerby gallery erasures` writes one"
        ) from error
    return erased
