"""Legal holds: tracklets and identities that may not be erased for the time being."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from passerby.errors import GalleryError, NotInGalleryError
from passerby.gallery.database import Transaction
from passerby.gallery.times import microseconds, moment, now

HELD = (
    "SELECT tracklets.id FROM tracklets JOIN holds ON holds.tracklet = tracklets.id"
    " OR holds.identity = tracklets.identity OR EXISTS (SELECT 1 FROM moves WHERE moves.tracklet = tracklets.id"
    " AND moves.old = holds.identity AND moves.change > holds.after_change)"
    " WHERE holds.until IS NULL OR holds.until > ?"
)
"""Numbers of the tracklets that are held at a moment: those that left a held identity too."""


class Hold(NamedTuple):
    """A legal hold.

    Attributes:
        number: names it.
        identity, tracklet: what is held; one of them.
        reason: why.
        until: when it ends; None: when it is released.
    """

    number: int
    identity: int | None
    tracklet: int | None
    reason: str
    until: datetime | None


def hold(
    transaction: Transaction, *, identity: int | None, tracklet: int | None, reason: str, until: datetime | None
) -> int:
    """Hold an identity or a tracklet; returns the hold's number.

    Raises:
        GalleryError: both or neither is named, it does not exist, or there is no reason.
    """
    if (identity is None) == (tracklet is None):
        raise GalleryError("a hold is on an identity or on a tracklet: name one of them")
    if not reason.strip():
        raise GalleryError("a hold needs a reason")
    kind, number = ("identities", identity) if tracklet is None else ("tracklets", tracklet)
    if not transaction.rows(f"SELECT 1 FROM {kind} WHERE id = ?", (number,)):
        raise NotInGalleryError(f"there is no {'identity' if tracklet is None else 'tracklet'} {number} to hold")
    newest: int = transaction.rows("SELECT coalesce(max(id), 0) FROM changes")[0][0]
    statement = (
        "INSERT INTO holds (identity, tracklet, reason, until, after_change) VALUES (?, ?, ?, ?, ?) RETURNING id"
    )
    ends = None if until is None else microseconds(until)
    made: int = transaction.rows(statement, (identity, tracklet, reason, ends, newest))[0][0]
    return made


def release(transaction: Transaction, number: int) -> None:
    """End a hold.

    Raises:
        GalleryError: there is no such hold.
    """
    if not transaction.run("DELETE FROM holds WHERE id = ?", (number,)):
        raise NotInGalleryError(f"there is no hold {number}")


def read_holds(transaction: Transaction) -> list[Hold]:
    """All holds, oldest first; those that have ended too."""
    rows = transaction.rows("SELECT id, identity, tracklet, reason, until FROM holds ORDER BY id")
    return [
        Hold(number, identity, tracklet, reason, None if until is None else moment(until))
        for number, identity, tracklet, reason, until in rows
    ]


def held_tracklets(transaction: Transaction) -> set[int]:
    """Numbers of the tracklets that are held now."""
    return {row[0] for row in transaction.rows(HELD, (now(),))}


def check_not_held(transaction: Transaction, numbers: Sequence[int]) -> None:
    """Refuse to erase tracklets of which one is held.

    Raises:
        GalleryError: one is.
    """
    if held := sorted(held_tracklets(transaction) & set(numbers)):
        raise GalleryError(
            f"tracklet {held[0]} is under a legal hold{f', and {len(held) - 1} others' if len(held) > 1 else ''}: "
            "nothing was erased; release the hold first, or leave them out"
        )
