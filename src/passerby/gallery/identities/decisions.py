"""What people said of pairs of tracklets: one person, or two."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from passerby.errors import GalleryError
from passerby.gallery.database import Transaction
from passerby.gallery.identities.history import begin_change, identity_of
from passerby.gallery.identities.history import decide as write_decision


class Decision(NamedTuple):
    """What somebody said of two tracklets, the lower number first."""

    first: int
    second: int
    same: bool


def read_decisions(transaction: Transaction) -> list[Decision]:
    """All decisions, by their tracklets."""
    rows = transaction.rows("SELECT first, second, same FROM decisions ORDER BY first, second")
    return [Decision(first, second, bool(same)) for first, second, same in rows]


def decide(transaction: Transaction, actor: str, first: int, second: int, same: bool | None) -> None:
    """Say that two tracklets are one person, or two people; None leaves it open again.

    Raises:
        GalleryError: as `check_decision` does.
    """
    first, second = min(first, second), max(first, second)
    check_decision(transaction, first, second, same)
    write_decision(transaction, begin_change(transaction, "decide", actor), first, second, same)


def check_decision(transaction: Transaction, first: int, second: int, same: bool | None) -> None:
    """See whether that can be said of two tracklets, the lower number first.

    Raises:
        GalleryError: there is no such tracklet, both are one, or it contradicts other decisions or identities that are
            confirmed.
    """
    if first == second:
        raise GalleryError("a decision is about two different tracklets")
    owners = [identity_of(transaction, each) for each in (first, second)]
    confirmed = read_confirmed(transaction)
    if same is not None:
        _check_identities(owners, confirmed.values(), same)
        others = [each for each in read_decisions(transaction) if each[:2] != (first, second)]
        persons = persons_of(confirmed, [*others, Decision(first, second, True)] if same else others)
        broken = [each for each in others if not each.same and one_person(persons, each.first, each.second)]
        if not same and one_person(persons, first, second):
            broken = [Decision(first, second, True)]
        if broken:
            raise GalleryError(
                f"that contradicts what was said before: tracklets {broken[0].first} and {broken[0].second} would be "
                "one person and two; take one of these decisions back"
            )


def read_confirmed(transaction: Transaction) -> dict[int, int]:
    """The identity of each tracklet whose identity is confirmed."""
    rows = transaction.rows(
        "SELECT tracklets.id, identity FROM tracklets JOIN identities ON identities.id = identity"
        " WHERE confirmed = 1 ORDER BY tracklets.id"
    )
    return dict(rows)


def persons_of(confirmed: Mapping[int, int], decisions: Iterable[Decision]) -> dict[int, int]:
    """Persons that tracklets are known to be: minus the identity where that is confirmed, else their lowest tracklet.

    Tracklets of which nothing is known are left out. A decision that would make two confirmed identities one, since
    they were confirmed after it, is passed over.
    """
    persons = {tracklet: -identity for tracklet, identity in confirmed.items()}
    members: dict[int, list[int]] = {}
    for tracklet, person in persons.items():
        members.setdefault(person, []).append(tracklet)
    for decision in decisions:
        if not decision.same:
            continue
        for each in decision[:2]:
            members.setdefault(persons.setdefault(each, each), [each])
        one, other = sorted((persons[decision.first], persons[decision.second]))
        if one == other or other < 0:
            continue
        for each in members[other]:
            persons[each] = one
        members[one] += members.pop(other)
    return persons


def one_person(persons: Mapping[int, int], first: int, second: int) -> bool:
    """Whether two tracklets are known to be one person."""
    return first in persons and persons[first] == persons.get(second)


def _check_identities(owners: list[int | None], confirmed: Iterable[int], same: bool) -> None:
    one, other = owners
    sure = set(confirmed)
    if same and one != other and {one, other} <= sure:
        raise GalleryError(f"identities {one} and {other} are confirmed: merge them instead")
    if not same and one == other and one in sure:
        raise GalleryError(f"identity {one}, which has both, is confirmed: split it instead")
