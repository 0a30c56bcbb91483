"""What an erasure by camera, time or likeness would reach, before it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from passerby.errors import GalleryError
from passerby.gallery.database import Transaction, Value, in_parts
from passerby.gallery.holding import held_tracklets
from passerby.gallery.records import Tracklet
from passerby.gallery.search import Filters
from passerby.gallery.times import microseconds


@dataclass(frozen=True)
class ErasurePlan:
    """What would be erased; nothing is yet. `Gallery.erase(plan.numbers)` does it.

    Attributes:
        tracklets: that would go: the likeliest first, or in the order in which they were added.
        probabilities: that each shows the person asked for, by number; empty where cameras and times were asked for.
        held: numbers of tracklets that are meant too, but stay, for they are under a legal hold.
        undated: how many tracklets of the cameras are not reached because nobody knows when they were filmed.
        same_people: numbers of tracklets that are not reached, but belong to an identity of which others are.
    """

    tracklets: Sequence[Tracklet]
    probabilities: Mapping[int, float]
    held: Sequence[int]
    undated: int
    same_people: Sequence[int]

    @property
    def numbers(self) -> list[int]:
        """Numbers of the tracklets that would go."""
        return [each.number for each in self.tracklets]


def numbers_within(transaction: Transaction, filters: Filters) -> list[int]:
    """Numbers of the tracklets that pass filters, whether or not a model has features of them; ascending.

    Raises:
        GalleryError: a camera of which the gallery has no tracklet.
    """
    _check_cameras(transaction, filters)
    tests, values = _of_cameras(filters)
    if filters.since is not None:
        tests.append("taken_to >= ?")
        values.append(microseconds(filters.since))
    if filters.until is not None:
        tests.append("taken_from <= ?")
        values.append(microseconds(filters.until))
    for column, least in (("height", filters.min_height), ("visible", filters.min_visible)):
        if least > 0:
            tests.append(f"{column} >= ?")
            values.append(float(least))
    passing = " AND ".join(["TRUE", *tests])
    return [row[0] for row in transaction.rows(f"SELECT id FROM tracklets WHERE {passing} ORDER BY id", values)]


def count_undated(transaction: Transaction, filters: Filters) -> int:
    """How many tracklets of the filters' cameras are left out because nobody knows when they were filmed."""
    if filters.since is None and filters.until is None:
        return 0
    tests, values = _of_cameras(filters)
    passing = " AND ".join(["taken_from IS NULL", *tests])
    count: int = transaction.rows(f"SELECT count(*) FROM tracklets WHERE {passing}", values)[0][0]
    return count


def held_among(transaction: Transaction, numbers: Sequence[int]) -> list[int]:
    """Those of some tracklets that are under a legal hold."""
    held = held_tracklets(transaction)
    return [number for number in numbers if number in held]


def others_of_identities(transaction: Transaction, numbers: Sequence[int]) -> list[int]:
    """Numbers of the other tracklets of the identities that some tracklets belong to; ascending."""
    known, found = set(numbers), set[int]()
    for some, marks in in_parts(numbers):
        identities = f"SELECT identity FROM tracklets WHERE id IN ({marks})"
        found.update(
            row[0] for row in transaction.rows(f"SELECT id FROM tracklets WHERE identity IN ({identities})", some)
        )
    return sorted(found - known)


def _of_cameras(filters: Filters) -> tuple[list[str], list[Value]]:
    if filters.cameras is None:
        return [], []
    names = sorted(set(filters.cameras))
    return [f"camera IN ({', '.join('?' * len(names))})"], list(names)


def _check_cameras(transaction: Transaction, filters: Filters) -> None:
    known = [row[0] for row in transaction.rows("SELECT DISTINCT camera FROM tracklets ORDER BY camera")]
    if unknown := sorted(set(filters.cameras or ()) - set(known)):
        raise GalleryError(f"no tracklet of camera {unknown[0]}: the cameras are {', '.join(known) or 'none'}")
