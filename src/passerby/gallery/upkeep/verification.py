"""Find what is torn, tampered with or left over in a gallery."""

import io
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from passerby.errors import GalleryError
from passerby.gallery.audit import broken_entries
from passerby.gallery.database import Database, Row, Transaction
from passerby.gallery.erasure.cleaning import unclean_marks
from passerby.gallery.nearest.condition import condition_of
from passerby.gallery.nearest.forgetting import tracklets_of
from passerby.gallery.vectors import from_bytes
from passerby.gallery.written.files import outdated_files
from passerby.printable import printable_line

Kind = Literal["database", "tracklet", "feature", "picture", "log", "erasure", "index", "file"]

_OF_JOBS = ("uploads", "tracking-")
"""How names of what a service is working with begin."""

_UNFINISHED = "'queued', 'running', 'cancelling'"
_LISTED = 20
"""Findings of one kind that are told one by one."""

_READ_AT_ONCE = 1_000
_LENGTH_TOLERANCE = 3e-3
"""Of features that were of length 1 within a thousandth before they were rounded to float16."""


class Finding(NamedTuple):
    """Something that is not as it should be.

    Attributes:
        kind: what it is about.
        message: what is wrong, and what to do, in one line.
    """

    kind: Kind
    message: str


def verify(database: Database) -> list[Finding]:
    """Read all of a gallery and tell what is wrong with it; changes nothing.

    Returns:
        Nothing where all is well. Of each kind the first 20, and a line that says how many there are beside them.
    """
    checks: tuple[tuple[Kind, Callable[[Transaction], Iterator[str]]], ...] = (
        ("tracklet", _bad_tracklets),
        ("feature", _bad_features),
        ("picture", _bad_pictures),
        ("log", _bad_entries),
        ("erasure", _unfinished_erasure),
        ("index", partial(_bad_indexes, database)),
    )
    findings = _first("database", iter(database.faults()))
    for kind, check in checks:
        try:
            with database.reading() as transaction:
                findings += _first(kind, check(transaction))
        except GalleryError as error:  # the pages that hold these cannot be read
            findings.append(Finding("database", str(error)))
    working = _has_work(database)
    files = (file for file in database.leftovers() if not (working and file.name.startswith(_OF_JOBS)))
    return findings + _first("file", map(_leftover, files))


def _has_work(database: Database) -> bool:
    """Whether a service has videos to index, which lie in the folder until then."""
    try:
        with database.reading() as transaction:
            return bool(transaction.rows(f"SELECT 1 FROM jobs WHERE state IN ({_UNFINISHED}) LIMIT 1"))
    except GalleryError:  # these pages cannot be read, which was told above
        return False


def _first(kind: Kind, messages: Iterator[str]) -> list[Finding]:
    found = [Finding(kind, message) for _, message in zip(range(_LISTED), messages, strict=False)]
    more = sum(1 for _ in messages)
    return [*found, Finding(kind, f"and {more:,} more like these")] if more else found


def _bad_tracklets(transaction: Transaction) -> Iterator[str]:
    for number, key, begins, ends, height, visible in transaction.rows(
        "SELECT id, key, begins, ends, height, visible FROM tracklets ORDER BY id"
    ):
        values = (begins, ends, height, visible)
        sound = all(isinstance(value, float) and math.isfinite(value) for value in values)
        if not (key and sound and begins <= ends and height > 0 and 0 <= visible <= 1):
            yield f"tracklet {number}: its key, times, height or visible share cannot be: erase it and add it again"


def _bad_features(transaction: Transaction) -> Iterator[str]:
    statement = (
        "SELECT features.id, tracklet, name, dim, vector, halves FROM features JOIN models ON models.id = model"
        " WHERE features.id > ? ORDER BY features.id LIMIT ?"
    )
    for _, tracklet, name, dim, vector, halves in _all(transaction, statement):
        wrong = _wrong_with(vector, 1, dim) or (halves is not None and _wrong_with(halves, 2, dim))
        if wrong:
            yield f"tracklet {tracklet}: its feature of {printable_line(name)} {wrong}: erase it and add it again"


def _wrong_with(kept: bytes, count: int, dim: int) -> str | None:
    if not isinstance(kept, bytes) or len(kept) != 2 * count * dim:
        return "is of another length than the model's"
    rows = from_bytes([kept[first : first + 2 * dim] for first in range(0, len(kept), 2 * dim)], dim)
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    if not bool(np.isfinite(lengths).all()):
        return "is not finite"
    return "is not of length 1" if bool((np.abs(lengths - 1) > _LENGTH_TOLERANCE).any()) else None


def _bad_pictures(transaction: Transaction) -> Iterator[str]:
    statement = "SELECT id, tracklet, frame, jpeg FROM crops WHERE id > ? ORDER BY id LIMIT ?"
    for _, tracklet, frame, jpeg in _all(transaction, statement):
        if not _is_jpeg(jpeg):
            yield f"tracklet {tracklet}: its picture of frame {frame} is no whole JPEG: erase it and add it again"


def _is_jpeg(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as picture:
            picture.load()
    except (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError):
        return False
    return True


def _bad_entries(transaction: Transaction) -> Iterator[str]:
    for number in broken_entries(transaction):
        yield f"entry {number} of the log is not as it was written, or those before it are gone: see who changed it"
    told = transaction.rows("SELECT count(*) FROM audit WHERE action = 'erase'")[0][0]
    receipts = transaction.rows("SELECT count(*) FROM receipts")[0][0]
    if receipts != told:
        yield f"there are {receipts} receipts of erasures, but the log tells of {told}: some of one were removed"


def _unfinished_erasure(transaction: Transaction) -> Iterator[str]:
    if unclean_marks(transaction):
        yield "an erasure was interrupted before the files were clean: close the gallery and open it again"
    for file in outdated_files(transaction):
        yield f"{file}: was written from the gallery, and may show who is erased: look into it and remove it"


def _bad_indexes(database: Database, transaction: Transaction) -> Iterator[str]:
    for model, dim in transaction.rows("SELECT id, dim FROM models ORDER BY id"):
        condition = condition_of(database, transaction, model, dim, tracklets_of(transaction, model))
        if condition.lists is None and condition.note is not None:
            yield condition.note


def _leftover(file: Path) -> str:
    return (
        f"{printable_line(str(file))}: is no part of the gallery, and may hold what is erased: remove it, or keep it "
        "elsewhere"
    )


def _all(transaction: Transaction, statement: str) -> Iterator[Row]:
    """The rows of a statement that takes a number to go on after, and how many to read."""
    after = 0
    while rows := transaction.rows(statement, (after, _READ_AT_ONCE)):
        yield from rows
        after = rows[-1][0]
