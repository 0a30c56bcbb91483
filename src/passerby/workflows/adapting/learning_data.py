"""The pictures that a model learns from, written out of a gallery for as long as it learns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from passerby.atomic_files import write_atomically, write_text_atomically
from passerby.gallery.gallery import Gallery
from passerby.gallery.records import Tracklet
from passerby.json_text import json_text
from passerby.progress import Progress
from passerby.workflows.adapting.division import Measure

TABLE = "people.parquet"
_PLAN = "plan.json"
_CROPS = "crops"


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
