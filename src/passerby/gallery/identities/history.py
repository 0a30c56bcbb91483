"""The history of identities: every change with what was before, so that it can be undone exactly."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from passerby.errors import GalleryError, NotInGalleryError, SupersededError
from passerby.gallery.database import Row, Transaction
from passerby.gallery.schema import read_setting, write_setting
from passerby.gallery.times import moment, now


class Change(NamedTuple):
    """A change of identities.

    Attributes:
        number: grows with time.
        happened: when (UTC).
        kind: `identify`, `merge`, `split`, `name`, `decide` or `import`.
        actor: who made it.
        undone: whether it was undone since.
        moved: how many tracklets it gave another identity.
    """

    number: int
    happened: datetime
    kind: str
    actor: str
    undone: bool
    moved: int


class Move(NamedTuple):
    """A tracklet that changes its identity; None where it has none."""

    tracklet: int
    old: int | None
    new: int | None


def begin_change(transaction: Transaction, kind: str, actor: str) -> int:
    """Enter a change into the history; what follows is done under its number."""
    statement = "INSERT INTO changes (happened, kind, actor) VALUES (?, ?, ?) RETURNING id"
    number: int = transaction.rows(statement, (now(), kind, actor))[0][0]
    _note_that_identities_change(transaction)
    return number


def move(transaction: Transaction, change: int, moves: Sequence[Move]) -> None:
    """Give tracklets other identities."""
    statement = "INSERT INTO moves (change, tracklet, old, new) VALUES (?, ?, ?, ?)"
    transaction.run_many(statement, [(change, *each) for each in moves])
    _place(transaction, [(each.new, each.tracklet) for each in moves])


def edit(transaction: Transaction, change: int, identity: int, name: str | None, notes: str | None, sure: bool) -> None:
    """Give an identity another name, other notes, or another standing."""
    (before,) = transaction.rows("SELECT name, notes, confirmed FROM identities WHERE id = ?", (identity,))
    statement = "INSERT INTO edits (change, identity, name, notes, confirmed) VALUES (?, ?, ?, ?, ?)"
    transaction.run(statement, (change, identity, *before))
    _write(transaction, identity, (name, notes, int(sure)))


def decide(transaction: Transaction, change: int, first: int, second: int, same: bool | None) -> None:
    """Note that two tracklets, the lower number first, are one person, or two, or that this is open again."""
    before = transaction.rows("SELECT same FROM decisions WHERE first = ? AND second = ?", (first, second))
    statement = "INSERT INTO rulings (change, first, second, same) VALUES (?, ?, ?, ?)"
    transaction.run(statement, (change, first, second, before[0][0] if before else None))
    _rule(transaction, first, second, None if same is None else int(same))


def undo(transaction: Transaction, change: int | None = None) -> Change:
    """Take a change back: everything it changed is as it was before.

    What was erased since stays away, and so do names that only the erased had.

    Args:
        transaction: writes the gallery.
        change: which; None for the newest that is not undone.

    Raises:
        GalleryError: there is nothing to undo.
        NotInGalleryError: there is no such change.
        SupersededError: it is undone already, or a later change is about the same tracklets, identities or decision.
    """
    newest = transaction.rows("SELECT max(id) FROM changes WHERE undone = 0")[0][0] if change is None else change
    if newest is None:
        raise GalleryError("there is no change of identities to undo")
    if change is not None:
        _check_newest_of_its_kind(transaction, change)
    moves = transaction.rows("SELECT tracklet, old FROM moves WHERE change = ? ORDER BY tracklet", (newest,))
    for number in sorted({old for _, old in moves if old is not None}):  # one that became empty may be gone
        transaction.run("INSERT INTO identities (id) VALUES (?) ON CONFLICT (id) DO NOTHING", (number,))
    _place(transaction, [(old, tracklet) for tracklet, old in moves])
    for identity, *before in transaction.rows(
        "SELECT identity, name, notes, confirmed FROM edits WHERE change = ?", (newest,)
    ):
        _write(transaction, identity, before)
    for first, second, same in transaction.rows("SELECT first, second, same FROM rulings WHERE change = ?", (newest,)):
        _rule(transaction, first, second, same)
    transaction.run("UPDATE changes SET undone = 1 WHERE id = ?", (newest,))
    _note_that_identities_change(transaction)
    return next(each for each in read_changes(transaction) if each.number == newest)


_LATER = "IN (SELECT id FROM changes WHERE undone = 0 AND id > ?)"
_IDENTITIES = "SELECT old FROM moves WHERE change = ? UNION SELECT new FROM moves WHERE change = ?"
_BUILDS_UPON = (
    f"SELECT change FROM moves WHERE change {_LATER} AND (tracklet IN (SELECT tracklet FROM moves WHERE change = ?)"
    " OR old IN (SELECT identity FROM edits WHERE change = ?) OR new IN (SELECT identity FROM edits WHERE change = ?))",
    f"SELECT change FROM edits WHERE change {_LATER}"
    f" AND identity IN ({_IDENTITIES} UNION SELECT identity FROM edits WHERE change = ?)",
    f"SELECT change FROM rulings WHERE change {_LATER} AND (first IN (SELECT tracklet FROM moves WHERE change = ?)"
    " OR second IN (SELECT tracklet FROM moves WHERE change = ?))",
    f"SELECT rulings.change FROM rulings JOIN rulings AS own ON own.change = ? AND own.first = rulings.first"
    f" AND own.second = rulings.second WHERE rulings.change {_LATER}",
)
"""Later changes of what a change is about, whose number stands for every question mark."""


def _check_newest_of_its_kind(transaction: Transaction, change: int) -> None:
    """See that nobody has built upon a change."""
    rows = transaction.rows("SELECT undone FROM changes WHERE id = ?", (change,))
    if not rows:
        raise NotInGalleryError(f"there is no change {change}")
    if rows[0][0]:
        raise SupersededError(f"change {change} is taken back already")
    for statement in _BUILDS_UPON:
        later = transaction.rows(statement, (change,) * statement.count("?"))
        if later:
            raise SupersededError(
                f"change {change} cannot be taken back: change {later[0][0]} is about the same, so that goes first"
            )


def read_changes(transaction: Transaction) -> list[Change]:
    """All changes, oldest first."""
    statement = (
        "SELECT id, happened, kind, actor, undone, (SELECT count(*) FROM moves WHERE change = changes.id)"
        " FROM changes ORDER BY id"
    )
    return [
        Change(number, moment(happened), kind, actor, bool(undone), moved)
        for number, happened, kind, actor, undone, moved in transaction.rows(statement)
    ]


def state_of_identities(transaction: Transaction) -> tuple[str | None, str | None]:
    """Something that differs whenever identities or decisions have changed, or tracklets were erased."""
    return read_setting(transaction, "moves"), read_setting(transaction, "removals")


def _note_that_identities_change(transaction: Transaction) -> None:
    write_setting(transaction, "moves", str(int(read_setting(transaction, "moves") or 0) + 1))


def _place(transaction: Transaction, placed: Sequence[tuple[int | None, int]]) -> None:
    transaction.run_many("UPDATE tracklets SET identity = ? WHERE id = ?", placed)


def _write(transaction: Transaction, identity: int, values: Sequence[str | int | None]) -> None:
    transaction.run("UPDATE identities SET name = ?, notes = ?, confirmed = ? WHERE id = ?", (*values, identity))


def _rule(transaction: Transaction, first: int, second: int, same: int | None) -> None:
    transaction.run("DELETE FROM decisions WHERE first = ? AND second = ?", (first, second))
    if same is not None:
        statement = "INSERT INTO decisions (first, second, same) VALUES (?, ?, ?)"
        transaction.run(statement, (first, second, same))


def identity_of(transaction: Transaction, tracklet: int) -> int | None:
    """Whose a tracklet is.

    Raises:
        GalleryError: there is no such tracklet.
    """
    rows: list[Row] = transaction.rows("SELECT identity FROM tracklets WHERE id = ?", (tracklet,))
    if not rows:
        raise NotInGalleryError(f"there is no tracklet {tracklet}: it was never added, or is erased")
    identity: int | None = rows[0][0]
    return identity
