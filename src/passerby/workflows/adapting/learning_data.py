"""The pictures that a model learns from, written out of a gallery for as long as it learns."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from passerby.atomic_files import write_atomically, write_text_atomically
from passerby.gallery.gallery import Gallery
from passerby.gallery.identities.decisions import Decision
from passerby.gallery.records import Tracklet
from passerby.json_text import json_text
from passerby.progress import Progress
from passerby.workflows.adapting.division import Measure
from passerby.workflows.adapting.persons import Persons

TABLE, CONSTRAINTS = "people.parquet", "constraints.csv"
_PLAN = "plan.json"
_CROPS = "crops"
_COLUMNS = ("decision", "camera_a", "local_identity_a", "camera_b", "local_identity_b")


@dataclass(frozen=True)
class Learned:
    """Whom a model learns from.

    Attributes:
        tracklets: in the order of their numbers.
        labels: the label of each tracklet by its number; they stand for nobody outside of this run.
    """

    tracklets: Sequence[Tracklet]
    labels: Mapping[int, str]


@dataclass(frozen=True)
class Plan:
    """What was decided before learning, and holds until it ends, whatever becomes of the gallery.

    Attributes:
        measure: by what is judged; see `Division`.
        held: tracklets held back, and whose they are.
        people: whom is learned from: how many people, camera identities, or, for clusters, tracklets.
        tracklets, pictures: how many of each.
        notes: what people should know, a sentence each.
    """

    measure: Measure
    held: dict[int, int]
    people: int
    tracklets: int
    pictures: int
    notes: list[str] = field(default_factory=list)


def labels_of(persons: Mapping[int, int | None], seed: int) -> dict[int, str]:
    """Labels by tracklet, in an order that says nothing of the gallery's; nobody known: a label of its own.

    Args:
        persons: whose each tracklet is, by tracklet.
        seed: of the order.
    """
    owners = {number: -number if person is None else person for number, person in persons.items()}
    known = sorted(set(owners.values()))
    places = dict(zip(known, np.random.default_rng(seed).permutation(len(known)).tolist(), strict=True))
    return {number: f"p{places[owner]:06d}" for number, owner in owners.items()}


def write_pictures(gallery: Gallery, folder: Path, learned: Learned, *, show: bool) -> int:
    """Write pictures and their table into a folder that the gallery has lent; how many pictures those are."""
    crops = folder / _CROPS
    crops.mkdir(exist_ok=True)
    rows: dict[str, list[str]] = {name: [] for name in ("path", "identity", "camera", "track", "split")}
    with Progress("writing pictures", len(learned.tracklets), unit="tracklets", quiet=not show) as progress:
        for each in learned.tracklets:
            for crop in gallery.crops(each.number):
                name = f"{each.number:08d}-{crop.frame}.jpg"
                (crops / name).write_bytes(crop.jpeg)
                values = (f"{_CROPS}/{name}", learned.labels[each.number], each.camera, str(each.number), "train")
                for column, value in zip(rows.values(), values, strict=True):
                    column.append(value)
            progress.advance(1)
    with write_atomically(folder / TABLE) as temporary:
        pq.write_table(pa.table(rows), temporary)
    return len(rows["path"])


def write_plan(folder: Path, plan: Plan) -> None:
    """Write the plan, last: where it is, everything is."""
    content = {**vars(plan), "held": list(plan.held.items())}
    write_text_atomically(folder / _PLAN, json_text(content) + "\n")


def read_plan(folder: Path) -> Plan | None:
    """The plan of an earlier call; None where the folder's content is not whole."""
    plan = folder / _PLAN
    if not plan.is_file():
        return None
    content = json.loads(plan.read_text("utf-8"))
    return Plan(**{**content, "held": {int(number): int(person) for number, person in content["held"]}})


def write_constraints(folder: Path, learned: Learned, persons: Persons, decisions: Sequence[Decision]) -> int:
    """Write what is known of people in two cameras as CCAFL reads it; how many rows that are.

    Confirmed people, and tracklets that were decided to be one person, are one in all their cameras; confirmed people
    are different from each other, and so are tracklets that were decided to be.
    """
    cameras = {each.number: each.camera for each in learned.tracklets}
    of = {number: (cameras[number], learned.labels[number]) for number in cameras}
    same = {
        pair
        for person, members in persons.members().items()
        if person in persons.confirmed
        for pair in pairwise(sorted({of[number] for number in members if number in of}))
    }
    decided = [each for each in decisions if each.first in of and each.second in of]
    same |= {_ordered(of[each.first], of[each.second]) for each in decided if each.same}
    different = {_ordered(of[each.first], of[each.second]) for each in decided if not each.same}
    different |= _of_two_people(persons, of)
    rows = [("must-link", *one, *other) for one, other in sorted(same) if one[0] != other[0]]
    rows += [("cannot-link", *one, *other) for one, other in sorted(different - same) if one[0] != other[0]]
    if rows:
        with write_atomically(folder / CONSTRAINTS) as temporary, temporary.open("w", newline="") as stream:
            csv.writer(stream).writerows([_COLUMNS, *rows])
    return len(rows)


Ends = tuple[str, str]
"""Camera and label."""


def _ordered(one: Ends, other: Ends) -> tuple[Ends, Ends]:
    return (one, other) if one <= other else (other, one)


def _of_two_people(persons: Persons, of: Mapping[int, Ends]) -> set[tuple[Ends, Ends]]:
    """For each two confirmed people a pair of their ends in two cameras, where there are such."""
    ends = [
        sorted({of[number] for number in members if number in of})
        for person, members in persons.members().items()
        if person in persons.confirmed
    ]
    found = set()
    for some, others in combinations([each for each in ends if each], 2):
        pair = next(((one, other) for one in some for other in others if one[0] != other[0]), None)
        if pair is not None:
            found.add(_ordered(*pair))
    return found
