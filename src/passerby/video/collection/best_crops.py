"""Choose the best crops of a track while it lasts, spread over its time, in bounded memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from passerby.video.collection.tracklet import Crop

_FIRST_WIDTH = 0.25
"""Seconds for which only the best crop is kept, while a track is short."""

_LOOKS = 32
"""Crops judged in each interval."""


@dataclass(frozen=True)
class _Candidate:
    frame: int
    time: float
    quality: float
    jpeg: bytes


class BestCrops:
    """The best crops of a track so far: one per interval of time, and at most twice as many as are wanted.

    The intervals begin short and double in length whenever there are too many, so that a track of an hour is covered
    as evenly as one of a second.

    Args:
        count: how many are wanted in the end.
        min_quality: crops with less than this share of the best one's quality are left out.
    """

    def __init__(self, count: int, min_quality: float) -> None:
        self._count, self._min_quality = count, min_quality
        self._width, self._looked_at = _FIRST_WIDTH, float("-inf")
        self._by_interval: dict[int, _Candidate] = {}

    def looks_at(self, time: float) -> bool:
        """Whether a crop of this time is worth judging: some of each interval are, however long it is."""
        if abs(time - self._looked_at) < self._width / _LOOKS:
            return False
        self._looked_at = time
        return True

    def wants(self, time: float, quality: float) -> bool:
        """Whether a crop of this quality would be kept for now; time in seconds since the track began."""
        best = self._by_interval.get(int(time // self._width))
        return best is None or quality > best.quality

    def add(self, frame: int, time: float, quality: float, jpeg: bytes) -> None:
        """Keep a crop that is wanted."""
        self._by_interval[int(time // self._width)] = _Candidate(frame, time, quality, jpeg)
        while len(self._by_interval) > 2 * self._count:
            self._width *= 2
            found = sorted(self._by_interval.values(), key=lambda each: (each.quality, -each.time))
            self._by_interval = {int(each.time // self._width): each for each in found}  # the best comes last

    def chosen(self, row_of_frame: dict[int, int]) -> tuple[Crop, ...]:
        """The crops to keep, in the order of frames.

        Args:
            row_of_frame: the place of each frame's observation in the tracklet.
        """
        kept = sorted(self._by_interval.values(), key=lambda each: each.time)
        places = spread_choice(
            [each.time for each in kept],
            [each.quality for each in kept],
            count=self._count,
            min_quality=self._min_quality,
        )
        return tuple(Crop(row_of_frame[kept[p].frame], kept[p].jpeg, kept[p].quality) for p in places)


def spread_choice(times: Sequence[float], qualities: Sequence[float], *, count: int, min_quality: float) -> list[int]:
    """Which crops of one person to keep: the good ones, spread over time.

    Of the two that are nearest in time the worse is left out, until there are no more than wanted.

    Args:
        times: seconds, ascending.
        qualities: of the crops.
        count: how many are wanted.
        min_quality: crops with less than this share of the best one's quality are left out.

    Returns:
        The places of those kept, ascending.
    """
    enough = min_quality * max(qualities, default=0.0)
    kept = [place for place, quality in enumerate(qualities) if quality >= enough]
    while len(kept) > count:
        gaps = [times[after] - times[before] for before, after in pairwise(kept)]
        first = gaps.index(min(gaps))
        worse = first if qualities[kept[first]] < qualities[kept[first + 1]] else first + 1
        del kept[worse]
    return kept
