"""What a backup says of itself: `backup.json`."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from passerby.atomic_files import write_text_atomically
from passerby.errors import GalleryError
from passerby.gallery.database import Transaction
from passerby.gallery.erased_keys import gallery_mark
from passerby.gallery.schema import VERSION
from passerby.gallery.stores.sqlite import FILE
from passerby.gallery.times import moment
from passerby.version import __version__

MANIFEST = "backup.json"
_KIND = "passerby gallery backup"
_KEEPS = (
    "Pictures, features, times, captions and names of people, not encrypted. Who is erased from the gallery after this "
    "backup was made lives on in it until the folder is deleted."
)


@dataclass(frozen=True)
class Backup:
    """What a backup says of itself; no personal data.

    Attributes:
        made: when (ISO 8601, UTC).
        passerby: the version that made it.
        tables: version of the gallery's tables.
        gallery: tells the gallery from others.
        keeps: what it holds, and until when, in words.
        tracklets, crops, features, identities: how many of each it holds.
        filmed_from, filmed_to: when the first and the last of the tracklets were filmed, or where that is unknown
            added; None where there are none.
        size: bytes of its file.
        sha256: of its file.
    """

    made: str
    passerby: str
    tables: int
    gallery: str
    keeps: str
    tracklets: int
    crops: int
    features: int
    identities: int
    filmed_from: str | None
    filmed_to: str | None
    size: int
    sha256: str


def described(transaction: Transaction, file: Path) -> Backup:
    """What is to be said of a copy of a gallery.

    Args:
        transaction: reads the copy.
        file: of the copy.
    """
    spans = "SELECT min(coalesce(taken_from, added)), max(coalesce(taken_to, added)) FROM tracklets"
    ((first, last),) = transaction.rows(spans)
    return Backup(
        made=datetime.now(UTC).isoformat(),
        passerby=__version__,
        tables=VERSION,
        gallery=gallery_mark(transaction),
        keeps=_KEEPS,
        tracklets=_count(transaction, "tracklets"),
        crops=_count(transaction, "crops"),
        features=_count(transaction, "features"),
        identities=_count(transaction, "identities"),
        filmed_from=None if first is None else moment(first).isoformat(),
        filmed_to=None if last is None else moment(last).isoformat(),
        size=file.stat().st_size,
        sha256=hash_of(file),
    )


def _count(transaction: Transaction, table: str) -> int:
    count: int = transaction.rows(f"SELECT count(*) FROM {table}")[0][0]
    return count


def write_backup(said: Backup, folder: Path) -> None:
    """Write what a backup says of itself into its folder."""
    write_text_atomically(folder / MANIFEST, json.dumps({"kind": _KIND, **asdict(said)}, indent=2) + "\n")


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


def checked_backup(backup: Path) -> Backup:
    """The same, when the file is as it was.

    Raises:
        GalleryError: as `read_backup` does, or the file is missing or was changed.
    """
    said, file = read_backup(backup), backup / FILE
    if not file.is_file():
        raise GalleryError(f"{file}: is missing: take another backup")
    if hash_of(file) != said.sha256:
        raise GalleryError(f"{file}: is not as it was when the backup was made: take another backup")
    return said


def hash_of(file: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
