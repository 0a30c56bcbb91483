"""Detections of tracks that are not believed in yet: they are told of when they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.video.tracking.tracker import TrackedDetections
from passerby.video.tracking.tracks import Tracks

Integers = NDArray[np.int64]


class Waiting(NamedTuple):
    """Detections whose tracks were not reported so far, in the order in which they were made.

    Attributes:
        serials: int64 [N], of their tracks.
        frames, detections: int64 [N], as in `TrackedDetections`.
    """

    serials: Integers
    frames: Integers
    detections: Integers

    @classmethod
    def none(cls) -> "Waiting":
        """Nothing waits."""
        return cls(*(np.empty(0, np.int64) for _ in range(3)))

    def joined_by(self, serials: Integers, frame: int, detections: NDArray[np.intp]) -> "Waiting":
        """These and the detections of a frame."""
        frames = np.full(len(serials), frame, np.int64)
        return Waiting(*map(np.concatenate, zip(self, (serials, frames, detections), strict=True)))

    def told(self, tracks: Tracks) -> tuple[TrackedDetections, "Waiting"]:
        """What can be told now, and what goes on waiting; detections of tracks that are gone do neither."""
        if not self.serials.size or not len(tracks):
            return TrackedDetections(*Waiting.none()), Waiting.none()
        rows = np.searchsorted(tracks.serial, self.serials)
        rows[rows == len(tracks)] = 0
        alive = tracks.serial[rows] == self.serials
        counters = np.where(alive, tracks.counter[rows], 0)
        known, unknown = counters > 0, alive & (counters == 0)
        told = TrackedDetections(counters[known], self.frames[known], self.detections[known])
        return told, Waiting(*(column[unknown] for column in self))
