"""What people said of a gallery's tracklets, as the constraints that learning obeys."""

import csv
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from passerby.atomic_files import write_atomically
from passerby.data.constraints import CANNOT, COLUMNS, MUST, PERSON
from passerby.gallery.identities.decisions import Decision, one_person, persons_of
from passerby.workflows.adapting.learning_data import Learned
from passerby.workflows.adapting.persons import Persons

CONSTRAINTS = "constraints.csv"

Ends = tuple[str, str]
"""Camera and label."""


def write_camera_constraints(folder: Path, learned: Learned, persons: Persons, decisions: Sequence[Decision]) -> int:
    """Write what is known of labels that hold inside cameras, as CCAFL reads it; how many rows that are.

    Confirmed people, and tracklets that were decided to be one person, are one in all their cameras; confirmed people
    are different from each other, and so are tracklets that were decided to be.
    """
    of = _ends(learned)
    people = {
        of[number]: str(person)
        for person, members in persons.members().items()
        if person in persons.confirmed
        for number in members
        if number in of
    }
    decided = [each for each in decisions if each.first in of and each.second in of]
    same = {
        _ordered(of[each.first], of[each.second])
        for each in decided
        if each.same and persons.of.get(each.first) == persons.of.get(each.second)  # else both were confirmed since
    }
    different = {_ordered(of[each.first], of[each.second]) for each in decided if not each.same}
    return _write(folder, people, _across(same), _across(different - same))


def write_tracklet_constraints(
    folder: Path, learned: Learned, confirmed: Mapping[int, int], decisions: Sequence[Decision]
) -> int:
    """Write what is known of tracklets that have a label each, as `identify` takes it; how many rows that are.

    Args:
        folder: receives the table.
        learned: the tracklets.
        confirmed: identities by tracklet, where somebody vouched for them.
        decisions: what people said of pairs.
    """
    of, persons = _ends(learned), persons_of(confirmed, decisions)
    people, groups = {}, dict[int, list[int]]()
    for number, person in sorted(persons.items()):
        if number in of and person < 0:
            people[of[number]] = str(-person)
        elif number in of:
            groups.setdefault(person, []).append(number)
    same = {_ordered(of[one], of[other]) for members in groups.values() for one, other in pairwise(members)}
    different = {
        _ordered(of[each.first], of[each.second])
        for each in decisions
        if not each.same and each.first in of and each.second in of and not one_person(persons, each.first, each.second)
    }
    return _write(folder, people, same, different)


def _ends(learned: Learned) -> dict[int, Ends]:
    return {each.number: (each.camera, learned.labels[each.number]) for each in learned.tracklets}


def _ordered(one: Ends, other: Ends) -> tuple[Ends, Ends]:
    return (one, other) if one <= other else (other, one)


def _across(pairs: set[tuple[Ends, Ends]]) -> set[tuple[Ends, Ends]]:
    """Those of two cameras."""
    return {(one, other) for one, other in pairs if one[0] != other[0]}


def _write(
    folder: Path, people: Mapping[Ends, str], same: set[tuple[Ends, Ends]], different: set[tuple[Ends, Ends]]
) -> int:
    rows = [(PERSON, *ends, "", name) for ends, name in sorted(people.items())]
    rows += [(MUST, *one, *other) for one, other in sorted(same)]
    rows += [(CANNOT, *one, *other) for one, other in sorted(different)]
    if rows:
        with write_atomically(folder / CONSTRAINTS) as temporary, temporary.open("w", newline="") as stream:
            csv.writer(stream).writerows([COLUMNS, *rows])
    return len(rows)
