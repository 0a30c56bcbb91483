"""Which tracklets a model learns from, and which are held back to judge it by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.records import Tracklet
from passerby.gallery.times import seconds_to_microseconds
from passerby.tracklets.grouping.overlap import Spans, by_part, conflicts
from passerby.workflows.adapting.persons import Persons

Integers = NDArray[np.int64]
Measure = Literal["people", "pairs"]

FEWEST_CONFIRMED = 10
"""Confirmed people with two tracklets or more, from which on some are held back and searched for."""

FEWEST_HELD_PEOPLE = 5
FEWEST_PAIRS = 30
"""Pairs of each kind without which nothing is judged by pairs."""


@dataclass(frozen=True)
class Division:
    """The tracklets of a gallery, parted by whole people.

    Attributes:
        measure: `people`: confirmed people are held back, and searched for; `pairs`: people seen at once are, and
            halves of tracklets are compared.
        held: tracklets that are never learned from, and whose they are: a person, or minus the tracklet's own number.
        learned: the others, and whose they are; None where that is not known or contradicts a decision.
    """

    measure: Measure
    held: dict[int, int]
    learned: dict[int, int | None]


def divide(tracklets: Sequence[Tracklet], persons: Persons, share: float, seed: int) -> Division:
    """Hold back a share of the people, always the same for a seed.

    Args:
        tracklets: those that a model could learn from.
        persons: whose they are.
        share: of confirmed people, or of tracklets where too few people are confirmed; between 0 and 1.
        seed: of the drawing.

    Raises:
        GalleryError: neither enough people are confirmed nor enough tracklets were seen at once to judge by.
    """
    generator = np.random.default_rng(seed)
    of = {each.number: persons.of.get(each.number, -each.number) for each in tracklets}
    people = _confirmed_people(of, persons)
    if len(people) >= FEWEST_CONFIRMED:
        count = min(max(FEWEST_HELD_PEOPLE, round(share * len(people))), len(people) - 1)
        chosen = set(generator.choice(people, count, replace=False).tolist())
        measure: Measure = "people"
    else:
        chosen, measure = _drawn_moments(tracklets, of, share, generator), "pairs"
        _check_pairs([each for each in tracklets if of[each.number] in chosen], len(people))
    known = {number: None if person < 0 or person in persons.contradicted else person for number, person in of.items()}
    return Division(
        measure,
        held={number: person for number, person in of.items() if person in chosen},
        learned={number: known[number] for number, person in of.items() if person not in chosen},
    )


def _confirmed_people(of: Mapping[int, int], persons: Persons) -> list[int]:
    found, counts = np.unique(np.array(list(of.values()), np.int64), return_counts=True)
    sound = persons.confirmed - persons.contradicted
    return [
        person for person, count in zip(found.tolist(), counts.tolist(), strict=True) if count > 1 and person in sound
    ]


def _drawn_moments(
    tracklets: Sequence[Tracklet], of: Mapping[int, int], share: float, generator: np.random.Generator
) -> set[int]:
    """People of drawn moments: whoever was seen at once with a drawn tracklet, until they have the share wanted."""
    first, second = seen_at_once(tracklets)
    beside: dict[int, list[int]] = {}
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    sizes: dict[int, int] = {}
    for person in of.values():
        sizes[person] = sizes.get(person, 0) + 1
    chosen: set[int] = set()
    held, wanted = 0, share * len(tracklets)
    for place in generator.permutation(len(tracklets)).tolist():
        for each in [place, *beside.get(place, ())] if place in beside else []:
            person = of[tracklets[each].number]
            if person not in chosen and held < wanted:
                chosen.add(person)
                held += sizes[person]
    return chosen


def _check_pairs(held: Sequence[Tracklet], confirmed: int) -> None:
    pairs = 2 * seen_at_once(held)[0].size
    if min(len(held), pairs) < FEWEST_PAIRS:
        raise GalleryError(
            f"what is learned could not be judged: {confirmed} confirmed people have two tracklets or more, of "
            f"{FEWEST_CONFIRMED} needed, and {len(held)} tracklets held back have {pairs} pairs seen at once, of "
            f"{FEWEST_PAIRS}: confirm people with `passerby gallery name`, hold back more, or add videos"
        )


def seen_at_once(tracklets: Sequence[Tracklet]) -> tuple[Integers, Integers]:
    """Places of tracklets that were seen in one video at one time, int64 [P] twice; each pair once."""
    videos = np.unique([each.video for each in tracklets], return_inverse=True)[1].astype(np.int64)
    begins, ends = (
        np.array([seconds_to_microseconds(getattr(each, name)) for each in tracklets], np.int64)
        for name in ("begins", "ends")
    )
    parts = np.arange(len(tracklets))
    return conflicts(by_part(Spans(parts, videos, begins, ends)), parts)
