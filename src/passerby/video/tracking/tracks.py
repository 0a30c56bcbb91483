"""The tracks of a stream as columns, one row each."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from passerby.video.tracking.motion import Motion
from passerby.video.tracking.pairing import Floats

TENTATIVE, TRACKED, LOST = 0, 1, 2
"""States of a track: not yet believed in; seen in the last frame; believed in but not seen in the last frame."""


@dataclass
class Tracks:
    """T tracks, in the order in which they began.

    Attributes:
        serial: int64 [T], grows from track to track, those that nobody came to believe in included.
        counter: int64 [T], by which the track is reported; 0 while it is tentative.
        state: int8 [T].
        sights: int64 [T], how many detections it has.
        first_seen, last_seen: float64 [T], seconds.
        boxes: float64 [T, 4], of the last detection.
        mean, covariance: what is believed of its motion; float64 [T, 8] and [T, 3, 4].
    """

    serial: NDArray[np.int64]
    counter: NDArray[np.int64]
    state: NDArray[np.int8]
    sights: NDArray[np.int64]
    first_seen: Floats
    last_seen: Floats
    boxes: Floats
    mean: Floats
    covariance: Floats

    @classmethod
    def none(cls) -> Self:
        """No tracks."""
        return cls.begin(0, 0.0, np.empty((0, 4)), Motion(np.empty((0, 8)), np.empty((0, 3, 4))))

    @classmethod
    def begin(cls, serial: int, time: float, boxes: Floats, motion: Motion) -> Self:
        """Tentative tracks that begin with these boxes, numbered from `serial`."""
        count = len(boxes)
        return cls(
            serial=np.arange(serial, serial + count, dtype=np.int64),
            counter=np.zeros(count, np.int64),
            state=np.full(count, TENTATIVE, np.int8),
            sights=np.ones(count, np.int64),
            first_seen=np.full(count, time),
            last_seen=np.full(count, time),
            boxes=boxes,
            mean=motion.mean,
            covariance=motion.covariance,
        )

    def __len__(self) -> int:
        """How many tracks there are."""
        return len(self.serial)

    @property
    def motion(self) -> Motion:
        """What is believed of their motion."""
        return Motion(self.mean, self.covariance)

    @motion.setter
    def motion(self, motion: Motion) -> None:
        self.mean, self.covariance = motion

    def kept(self, keep: NDArray[np.bool_]) -> Self:
        """The tracks of these rows."""
        if keep.all():
            return self
        return type(self)(*(getattr(self, field.name)[keep] for field in fields(self)))

    def followed_by(self, more: Self) -> Self:
        """These tracks and then others."""
        if not len(more):
            return self
        pairs = ((getattr(self, field.name), getattr(more, field.name)) for field in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in pairs))
