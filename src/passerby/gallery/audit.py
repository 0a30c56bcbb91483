"""The log of what was done with a gallery: searches, views, exports, erasures, each with its reason.

It only grows. Every entry holds the hash of the one before, so that a changed, removed or inserted entry shows
(`broken_entries`). It holds no feature, no picture, no name and no key of a tracklet: what was erased is not in it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from passerby.errors import GalleryError
from passerby.gallery.database import Transaction, Value
from passerby.gallery.schema import read_setting
from passerby.gallery.times import now

REASONS = "reasons"
"""Setting: "1" where `REASONED` actions need a reason."""

REASONED = frozenset({"search", "view", "erase", "report", "export", "backup"})
"""Actions that show people or take them away."""

_FIRST = "0" * 64
_COLUMNS = "id, happened, actor, action, reason, detail, previous, hash"


class Entry(NamedTuple):
    """One entry of the log.

    Attributes:
        number: its place, from 1.
        happened: microseconds since 1970, UTC.
        actor: who did it.
        action: what was done, such as `search` or `erase`.
        reason: why, in the actor's words.
        detail: numbers that describe it.
        previous, hash: SHA-256 of the entry before and of this one, hexadecimal.
    """

    number: int
    happened: int
    actor: str
    action: str
    reason: str
    detail: Mapping[str, int | float | str]
    previous: str
    hash: str


def write_entry(
    transaction: Transaction,
    actor: str,
    action: str,
    reason: str = "",
    detail: Mapping[str, int | float | str] | None = None,
) -> Entry:
    """Append an entry, in a writing transaction: it is kept if what it tells of is.

    Raises:
        GalleryError: the gallery asks for a reason, and there is none.
    """
    if action in REASONED and not reason.strip() and read_setting(transaction, REASONS) == "1":
        raise GalleryError(f"this gallery asks why: give a reason for this {action}")
    last = transaction.rows("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")
    number, previous = (last[0][0] + 1, last[0][1]) if last else (1, _FIRST)
    text, happened = json.dumps(dict(detail or {}), sort_keys=True), now()
    row: tuple[Value, ...] = (number, happened, actor, action, reason, text, previous)
    digest = _hash(row)
    transaction.run(f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, digest))
    return Entry(number, happened, actor, action, reason, dict(detail or {}), previous, digest)


def read_entries(
    transaction: Transaction, after: int = 0, limit: int | None = None, *, newest: bool = False
) -> list[Entry]:
    """The entries after a number, oldest first.

    Args:
        transaction: reads the gallery.
        after: the number.
        limit: how many at most; None for all.
        newest: the newest so many instead of the first.
    """
    order = "ORDER BY id DESC" if newest else "ORDER BY id"
    at_most = "" if limit is None else f" LIMIT {int(limit)}"
    rows = transaction.rows(f"SELECT {_COLUMNS} FROM audit WHERE id > ? {order}{at_most}", (after,))
    rows = rows[::-1] if newest else rows
    return [
        Entry(number, happened, actor, action, reason, json.loads(detail), previous, digest)
        for number, happened, actor, action, reason, detail, previous, digest in rows
    ]


def broken_entries(transaction: Transaction) -> list[int]:
    """Numbers of entries that are not as they were written, or do not follow upon the one before.

    That the last entries were cut off cannot be seen from the log alone: keep the newest hash elsewhere.
    """
    broken, previous = [], (0, _FIRST)
    for row in transaction.rows(f"SELECT {_COLUMNS} FROM audit ORDER BY id"):
        number = row[0]
        if number != previous[0] + 1 or row[6] != previous[1] or row[7] != _hash(row[:7]):
            broken.append(number)
        previous = number, row[7]
    return broken


def _hash(row: tuple[Value, ...]) -> str:
    return hashlib.sha256(json.dumps(row).encode()).hexdigest()
