"""How long tracklets are kept."""

from datetime import timedelta

from passerby.errors import GalleryError
from passerby.gallery.database import Transaction
from passerby.gallery.holding import held_tracklets
from passerby.gallery.schema import read_setting, write_setting
from passerby.gallery.times import now

_DAY = timedelta(days=1) // timedelta(microseconds=1)


def keep_for(transaction: Transaction, days: float | None) -> None:
    """Set for how many days tracklets are kept from now on; None: until they are erased.

    Raises:
        GalleryError: not a number above 0.
    """
    if days is None:
        transaction.run("DELETE FROM settings WHERE key = 'retention_days'")
    elif days > 0:
        write_setting(transaction, "retention_days", repr(float(days)))
    else:
        raise GalleryError(f"tracklets are kept for a number of days above 0, not {days}")


def kept_for(transaction: Transaction) -> float | None:
    """For how many days tracklets are kept; None: until they are erased."""
    days = read_setting(transaction, "retention_days")
    return None if days is None else float(days)


def outdated(transaction: Transaction, days: float) -> tuple[list[int], int]:
    """Tracklets that were filmed, or where that is unknown added, longer ago than that; and how many more are held.

    Returns:
        Numbers of the tracklets that are not under a legal hold, and how many others are.
    """
    oldest = now() - round(days * _DAY)
    statement = "SELECT id FROM tracklets WHERE coalesce(taken_to, added) < ? ORDER BY id"
    old = [row[0] for row in transaction.rows(statement, (oldest,))]
    held = held_tracklets(transaction)
    return [number for number in old if number not in held], sum(number in held for number in old)
