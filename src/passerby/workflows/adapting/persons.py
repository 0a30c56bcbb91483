"""Whose each tracklet is when a model learns from a gallery: its identities, with what people decided of pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

from passerby.gallery.identities.decisions import Decision
from passerby.gallery.identities.people import Identity


@dataclass(frozen=True)
class Persons:
    """Persons of tracklets, each named by the lowest of the identities that are one person.

    Attributes:
        of: person by tracklet; tracklets that belong to nobody are not in it.
        confirmed: persons for whom somebody vouched.
        contradicted: persons of whom somebody said that two of their tracklets are two people: `identify` has not run
            since, and nobody knows how to part the others.
    """

    of: dict[int, int]
    confirmed: frozenset[int]
    contradicted: frozenset[int]

    def members(self) -> dict[int, list[int]]:
        """Tracklets by person, ascending."""
        found: dict[int, list[int]] = {}
        for tracklet, person in sorted(self.of.items()):
            found.setdefault(person, []).append(tracklet)
        return found


def persons_to_learn(identities: Sequence[Identity], decisions: Sequence[Decision]) -> Persons:
    """Persons of a gallery: identities that a decision makes one person are one, but for two that are confirmed.

    Args:
        identities: of the gallery.
        decisions: what people said of pairs of tracklets.
    """
    owner = {tracklet: each.number for each in identities for tracklet in each.tracklets}
    leader = {each.number: each.number for each in identities}
    vouched = {each.number for each in identities if each.confirmed}

    def person(identity: int) -> int:
        while leader[identity] != identity:
            identity = leader[identity]
        return identity

    for decision in decisions:
        if decision.same and decision.first in owner and decision.second in owner:
            low, high = sorted((person(owner[decision.first]), person(owner[decision.second])))
            if low != high and not (low in vouched and high in vouched):  # else both were confirmed after it was said
                leader[high] = low
                vouched |= {low} if high in vouched else set()
    of = {tracklet: person(identity) for tracklet, identity in owner.items()}
    different = [each for each in decisions if not each.same and each.first in of and each.second in of]
    return Persons(
        of=of,
        confirmed=frozenset(person(each.number) for each in identities if each.confirmed),
        contradicted=frozenset(of[each.first] for each in different if of[each.first] == of[each.second]),
    )
