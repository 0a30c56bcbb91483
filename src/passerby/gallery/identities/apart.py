"""Which tracklets cannot be one person: seen at once, too far apart for the time between, or decided by people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.database import Row, Transaction
from passerby.gallery.identities.cameras import Camera, read_cameras
from passerby.gallery.identities.decisions import Decision
from passerby.gallery.times import seconds_to_microseconds

Integers = NDArray[np.int64]
Marks = NDArray[np.bool_]

_ROWS = 256
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Circumstances:
    """When and where T tracklets were seen, and what is known of whose they are.

    Attributes:
        videos: int64 [T], numbers of videos.
        begins, ends: int64 [T], microseconds in the video.
        cameras: int64 [T], places in `travel_times`.
        taken_from, taken_to: int64 [T], microseconds by a true clock; meaningless where not `dated`.
        dated: bool [T], whether that is known.
        travel_times: int64 [C, C], least microseconds between two cameras; the smallest number where nothing is known.
        confirmed: int64 [T], identities that are confirmed; 0 for others.
        different: pairs of places that were decided to be two people, both ways: int64 [2, P].
    """

    videos: Integers
    begins: Integers
    ends: Integers
    cameras: Integers
    taken_from: Integers
    taken_to: Integers
    dated: Marks
    travel_times: Integers
    confirmed: Integers
    different: Integers

    def apart(self, members: Integers) -> Marks:
        """Which of some tracklets, by their places [n], are two people: bool [n, n], symmetric."""
        result = np.zeros((members.size, members.size), np.bool_)
        for begin in range(0, members.size, _ROWS):
            some = slice(begin, begin + _ROWS)
            result[some] = self._pairs(members[some, None], members[None])
        place = np.full(self.videos.size, -1)
        place[members] = np.arange(members.size)
        first, second = place[self.different]
        inside = (first >= 0) & (second >= 0)
        result[first[inside], second[inside]] = True
        np.fill_diagonal(result, False)
        return result

    def _pairs(self, one: Integers, other: Integers) -> Marks:
        gap = np.maximum(self.begins[one], self.begins[other]) - np.minimum(self.ends[one], self.ends[other])
        at_once = (self.videos[one] == self.videos[other]) & (gap <= 0)
        late = np.maximum(self.taken_from[one], self.taken_from[other])
        pause = late - np.minimum(self.taken_to[one], self.taken_to[other])
        needed = self.travel_times[self.cameras[one], self.cameras[other]]
        too_soon = self.dated[one] & self.dated[other] & (needed != _NEVER) & (pause < needed)
        sure = (self.confirmed[one] > 0) & (self.confirmed[other] > 0)
        marks: Marks = at_once | too_soon | (sure & (self.confirmed[one] != self.confirmed[other]))
        return marks


def read_circumstances(
    transaction: Transaction, numbers: Integers, confirmed: Mapping[int, int], decisions: Sequence[Decision]
) -> Circumstances:
    """The circumstances of tracklets.

    Args:
        transaction: reads the gallery.
        numbers: int64 [T], of the tracklets, ascending.
        confirmed: identities of tracklets that are confirmed.
        decisions: what people said.
    """
    statement = "SELECT id, video, begins, ends, camera, taken_from, taken_to FROM tracklets ORDER BY id"
    wanted = set(numbers.tolist())
    rows = [row for row in transaction.rows(statement) if row[0] in wanted]
    cameras = read_cameras(transaction)
    offsets = {each.name: seconds_to_microseconds(each.clock_offset) for each in cameras}
    names = {each.name: place for place, each in enumerate(cameras)}
    places = {number: place for place, number in enumerate(numbers.tolist())}
    pairs = [
        (places[each.first], places[each.second])
        for each in decisions
        if not each.same and each.first in places and each.second in places
    ]
    return Circumstances(
        videos=np.unique([row[1] for row in rows], return_inverse=True)[1].astype(np.int64),
        begins=_whole([seconds_to_microseconds(row[2]) for row in rows]),
        ends=_whole([seconds_to_microseconds(row[3]) for row in rows]),
        cameras=_whole([names[row[4]] for row in rows]),
        taken_from=_whole([_true_time(row, 5, offsets) for row in rows]),
        taken_to=_whole([_true_time(row, 6, offsets) for row in rows]),
        dated=np.array([row[5] is not None for row in rows], np.bool_),
        travel_times=_travel_times(cameras, names),
        confirmed=_whole([confirmed.get(number, 0) for number in numbers.tolist()]),
        different=_whole([*pairs, *(pair[::-1] for pair in pairs)]).reshape(-1, 2).T,
    )


def _whole(values: Sequence[object]) -> Integers:
    return np.array(values, np.int64)


def _true_time(row: Row, column: int, offsets: Mapping[str, int]) -> int:
    time: int = row[column] or 0
    return time - offsets[row[4]]


def _travel_times(cameras: Sequence[Camera], names: Mapping[str, int]) -> Integers:
    times = np.full((len(cameras), len(cameras)), _NEVER)
    for camera in cameras:
        for other, seconds in camera.travel_times.items():
            times[names[camera.name], names[other]] = seconds_to_microseconds(seconds)
    return times
