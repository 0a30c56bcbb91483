"""The identities of a gallery, and what people do with them: merge, split, name, confirm."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from passerby.errors import GalleryError, NotInGalleryError
from passerby.gallery.database import Transaction, in_parts
from passerby.gallery.identities.history import Move, begin_change, edit, move


@dataclass(frozen=True)
class Identity:
    """A person of whom the gallery has tracklets.

    Attributes:
        number: stays with the person.
        name, notes: what people wrote; None where nobody did.
        confirmed: whether somebody vouched for it, by confirming, naming, merging or splitting: what is confirmed is
            never taken apart by `identify`.
        tracklets: their numbers, ascending.
        cameras: that saw the person, sorted.
    """

    number: int
    name: str | None
    notes: str | None
    confirmed: bool
    tracklets: tuple[int, ...]
    cameras: tuple[str, ...]


class Named(NamedTuple):
    """How people call an identity (None where nobody named it), and whether somebody vouched for it."""

    name: str | None
    confirmed: bool


def read_names(transaction: Transaction, numbers: Iterable[int]) -> dict[int, Named]:
    """Names of identities, by number."""
    found: dict[int, Named] = {}
    for some, marks in in_parts(sorted(set(numbers))):
        statement = f"SELECT id, name, confirmed FROM identities WHERE id IN ({marks})"
        found.update((row[0], Named(row[1], bool(row[2]))) for row in transaction.rows(statement, some))
    return found


def read_identities(transaction: Transaction, numbers: Iterable[int] | None = None) -> list[Identity]:
    """All identities that have tracklets, or those of some numbers, by number."""
    statement = (
        "SELECT identities.id, identities.name, notes, confirmed, tracklets.id, camera FROM identities"
        " JOIN tracklets ON tracklets.identity = identities.id{} ORDER BY identities.id, tracklets.id"
    )
    if numbers is None:
        rows = transaction.rows(statement.format(""))
    else:
        rows = [
            row
            for some, marks in in_parts(sorted(set(numbers)))
            for row in transaction.rows(statement.format(f" WHERE identities.id IN ({marks})"), some)
        ]
    described: dict[int, tuple[str | None, str | None, bool]] = {}
    members: dict[int, list[tuple[int, str]]] = {}
    for identity, name, notes, confirmed, tracklet, camera in rows:
        described[identity] = name, notes, bool(confirmed)
        members.setdefault(identity, []).append((tracklet, camera))
    return [
        Identity(
            identity,
            *described[identity],
            tracklets=tuple(tracklet for tracklet, _ in seen),
            cameras=tuple(sorted({camera for _, camera in seen})),
        )
        for identity, seen in members.items()
    ]


def read_identity(transaction: Transaction, number: int) -> Identity:
    """An identity by its number.

    Raises:
        GalleryError: there is none, or it has no tracklets any more.
    """
    found = read_identities(transaction, [number])
    if not found:
        raise NotInGalleryError(f"there is no identity {number}: it was merged into another, erased, or never found")
    return found[0]


def merge(transaction: Transaction, actor: str, into: int, others: Sequence[int]) -> None:
    """Give the tracklets of other identities to one, which is confirmed by that.

    It keeps its name and notes, and where it has none, takes those of the first of the others that has.

    Raises:
        GalleryError: one does not exist, or there is nothing to merge.
    """
    if not others or into in others or len(set(others)) < len(others):
        raise GalleryError("merging needs two different identities or more, each named once")
    kept, gone = read_identity(transaction, into), [read_identity(transaction, each) for each in others]
    change = begin_change(transaction, "merge", actor)
    move(transaction, change, [Move(tracklet, each.number, into) for each in gone for tracklet in each.tracklets])
    name = next((each.name for each in [kept, *gone] if each.name is not None), None)
    notes = next((each.notes for each in [kept, *gone] if each.notes is not None), None)
    edit(transaction, change, into, name, notes, True)


def split(transaction: Transaction, actor: str, identity: int, tracklets: Sequence[int]) -> int:
    """Take tracklets out of an identity and make them a new one; both are confirmed by that.

    Raises:
        GalleryError: it does not exist, they are not its, or nothing of it would remain.
    """
    whole, taken = read_identity(transaction, identity), sorted(set(tracklets))
    if foreign := [each for each in taken if each not in whole.tracklets]:
        raise GalleryError(f"tracklet {foreign[0]} is not of identity {identity}: nothing was split")
    if not taken or len(taken) == len(whole.tracklets):
        raise GalleryError(
            f"some of the {len(whole.tracklets)} tracklets of identity {identity} are taken out, not all"
        )
    change = begin_change(transaction, "split", actor)
    number = found_identity(transaction)
    move(transaction, change, [Move(each, identity, number) for each in taken])
    edit(transaction, change, identity, whole.name, whole.notes, True)
    edit(transaction, change, number, None, None, True)
    return number


def name(
    transaction: Transaction, actor: str, identity: int, label: str | None, notes: str | None, *, confirm: bool
) -> None:
    """Name an identity, write notes, and confirm it or take that back.

    Args:
        transaction: writes the gallery.
        actor: who does it.
        identity: whom.
        label, notes: None leaves them as they are, an empty text removes them.
        confirm: whether it is confirmed from now on.

    Raises:
        GalleryError: it does not exist, or a text holds a zero character.
    """
    known = read_identity(transaction, identity)
    change = begin_change(transaction, "name", actor)
    edit(transaction, change, identity, _text(label, known.name), _text(notes, known.notes), confirm)


def _text(given: str | None, before: str | None) -> str | None:
    if given is not None and "\0" in given:
        raise GalleryError("a name or note holds a zero character: leave it out")
    return before if given is None else given or None


def found_identity(transaction: Transaction) -> int:
    """A new identity without tracklets; its number was never used before."""
    number: int = transaction.rows("INSERT INTO identities DEFAULT VALUES RETURNING id")[0][0]
    return number
