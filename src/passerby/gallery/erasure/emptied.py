"""Identities without tracklets: those of whom everything was erased go, those that were merged away can come back."""

from collections.abc import Sequence
from typing import NamedTuple

from passerby.gallery.database import Transaction, in_parts
from passerby.gallery.times import now


class Behind(NamedTuple):
    """The identities behind some tracklets.

    Attributes:
        current: whose they are.
        ever: whose they are or were before somebody merged, split or took back: their names may tell of them too.
    """

    current: frozenset[int]
    ever: frozenset[int]


def identities_behind(transaction: Transaction, numbers: Sequence[int]) -> Behind:
    """The identities behind tracklets, before these are deleted."""
    current: set[int] = set()
    ever: set[int] = set()
    for some, marks in in_parts(numbers):
        rows = transaction.rows(f"SELECT identity FROM tracklets WHERE id IN ({marks})", some)
        current.update(row[0] for row in rows if row[0] is not None)
        for old, new in transaction.rows(f"SELECT old, new FROM moves WHERE tracklet IN ({marks})", some):
            ever.update(each for each in (old, new) if each is not None)
    return Behind(frozenset(current), frozenset(current | ever))


def delete_emptied(transaction: Transaction, behind: Behind | None, wanted: list[tuple[str, bytes]]) -> int:
    """Delete identities that have no tracklets left and are not held, and changes of nothing that is left.

    An identity that was empty before, because all its tracklets were moved to others, stays as long as those moves can
    be taken back, unless one of the deleted tracklets was its own.

    Args:
        transaction: to do it in, after the tracklets were deleted.
        behind: the identities behind these; None for all, where that is not known.
        wanted: their names and notes are put here, to be searched for.

    Returns:
        How many of the identities whose tracklets were deleted are gone.
    """
    gone = _emptied(transaction, behind)
    for some, marks in in_parts(gone):
        texts = transaction.rows(f"SELECT name, notes FROM identities WHERE id IN ({marks})", some)
        texts += transaction.rows(f"SELECT name, notes FROM edits WHERE identity IN ({marks})", some)
        wanted += [("name", text.encode()) for row in texts for text in row if text is not None]
        transaction.run(f"DELETE FROM identities WHERE id IN ({marks})", some)
    transaction.run(
        "DELETE FROM changes WHERE id NOT IN (SELECT change FROM moves) AND id NOT IN (SELECT change FROM edits)"
        " AND id NOT IN (SELECT change FROM rulings)"
    )
    return len(gone) if behind is None else len(behind.current.intersection(gone))


def _emptied(transaction: Transaction, behind: Behind | None) -> list[int]:
    empty = (
        "SELECT id FROM identities WHERE id NOT IN (SELECT identity FROM tracklets WHERE identity IS NOT NULL)"
        " AND id NOT IN (SELECT identity FROM holds WHERE identity IS NOT NULL AND (until IS NULL OR until > ?))"
        " ORDER BY id"
    )
    found: list[int] = [row[0] for row in transaction.rows(empty, (now(),))]
    if behind is None:
        return found
    moved = {each for row in transaction.rows("SELECT DISTINCT old, new FROM moves") for each in row}
    return [each for each in found if each in behind.ever or each not in moved]
