"""The tracks of a stream as columns, one row each."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from passerby.video.tracking.motion import Floats, Motion

TENTATIVE, TRACKED, LOST, MISSING = 0, 1, 2, 3
"""States of a track: not yet believed in; seen in the last frame; looked for by motion; looked for by looks alone."""

_KEPT = 8
"""Detections of a track that are kept, to look back."""


@dataclass
class Tracks:
    """T tracks, in the order in which they began.

    Attributes:
        serial: int64 [T], grows from track to track, those that nobody came to believe in included.
        counter: int64 [T], by which the track is reported; 0 while nobody knows who it is.
        state: int8 [T].
        sights: int64 [T], how many detections it has.
        first_seen: float64 [T], seconds.
        first_boxes: float64 [T, 4], of the first detection.
        times: float64 [T, 8], seconds, of the last detections, the newest last; -inf where there were not so many.
        boxes: float64 [T, 8, 4], of the last detections.
        headings: float64 [T, 2], unit vectors in which they move; zero before the second detection.
        numbers, velocity, variance, covariance, velocity_variance: float64 [T, 4], what is believed of its motion.
        looks: float32 [T, D], L2-normalised mean of what it looks like; zero before a look at it alone.
        first_looks: float32 [T, D], what `looks` was when it was new; zero before.
    """

    serial: NDArray[np.int64]
    counter: NDArray[np.int64]
    state: NDArray[np.int8]
    sights: NDArray[np.int64]
    first_seen: Floats
    first_boxes: Floats
    times: Floats
    boxes: Floats
    headings: Floats
    numbers: Floats
    velocity: Floats
    variance: Floats
    covariance: Floats
    velocity_variance: Floats
    looks: NDArray[np.float32]
    first_looks: NDArray[np.float32]

    @classmethod
    def none(cls, width: int = 0) -> Self:
        """No tracks; looks are of so many numbers."""
        return cls.begin(0, 0.0, np.empty((0, 4)), Motion.none(), width)

    @classmethod
    def begin(cls, serial: int, time: float, boxes: Floats, motion: Motion, width: int) -> Self:
        """Tentative tracks that begin with these boxes, numbered from `serial`."""
        count = len(boxes)
        times = np.full((count, _KEPT), -np.inf)
        times[:, -1] = time
        return cls(
            serial=np.arange(serial, serial + count, dtype=np.int64),
            counter=np.zeros(count, np.int64),
            state=np.full(count, TENTATIVE, np.int8),
            sights=np.ones(count, np.int64),
            first_seen=np.full(count, time),
            first_boxes=boxes,
            times=times,
            boxes=np.repeat(boxes[:, None], _KEPT, axis=1),
            headings=np.zeros((count, 2)),
            **motion._asdict(),
            looks=np.zeros((count, width), np.float32),
            first_looks=np.zeros((count, width), np.float32),
        )

    def __len__(self) -> int:
        """How many tracks there are."""
        return len(self.serial)

    @property
    def motion(self) -> Motion:
        """What is believed of their motion."""
        return Motion(self.numbers, self.velocity, self.variance, self.covariance, self.velocity_variance)

    @motion.setter
    def motion(self, motion: Motion) -> None:
        self.numbers, self.velocity, self.variance, self.covariance, self.velocity_variance = motion

    @property
    def last_seen(self) -> Floats:
        """When each was last detected, seconds, float64 [T]."""
        return self.times[:, -1]

    @property
    def last_boxes(self) -> Floats:
        """The box of each one's last detection, float64 [T, 4]."""
        return self.boxes[:, -1]

    def looked_back(self, since: float) -> Floats:
        """Of each track the earliest kept box since then, or else the last: float64 [T, 4]."""
        recent = self.times >= since
        recent[:, -1] = True
        place = recent.argmax(axis=1) + np.arange(0, recent.size, _KEPT)
        boxes: Floats = self.boxes.reshape(-1, 4).take(place, axis=0)
        return boxes

    def remember(self, rows: NDArray[np.intp], time: float, boxes: Floats) -> None:
        """Add a detection to tracks."""
        self.times[rows, :-1] = self.times[rows, 1:]
        self.times[rows, -1] = time
        self.boxes[rows, :-1] = self.boxes[rows, 1:]
        self.boxes[rows, -1] = boxes
        self.sights[rows] += 1

    def kept(self, keep: NDArray[np.bool_]) -> Self:
        """The tracks of these rows."""
        if keep.all():
            return self
        return type(self)(*(getattr(self, field.name)[keep] for field in fields(self)))

    def followed_by(self, more: Self) -> Self:
        """These tracks and then others."""
        pairs = ((getattr(self, field.name), getattr(more, field.name)) for field in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in pairs))
