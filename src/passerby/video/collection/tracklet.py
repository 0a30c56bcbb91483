"""Tracklets: somebody followed without interruption through one video."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TrackletId(NamedTuple):
    """Names a tracklet, the same whenever the same source is tracked again.

    Attributes:
        source: name of the video or stream.
        start: when the source began, with a time zone; None where nobody said.
        counter: 1, 2, … in the order in which the tracks of the source began.
        part: 1, 2, … of a track that was cut.
    """

    source: str
    start: datetime | None
    counter: int
    part: int = 1

    def __str__(self) -> str:
        """Such as `yard-20260501T060000.000Z-000017`, `yard-000017` where the start is unknown, `yard-000017.2`."""
        number = f"{self.counter:06d}" if self.part == 1 else f"{self.counter:06d}.{self.part}"
        if self.start is None:
            return f"{self.source}-{number}"
        moment = self.start.astimezone(UTC)
        return f"{self.source}-{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z-{number}"


def whole_track(name: str) -> str:
    """The name of the track of which a tracklet is a part, from the tracklet's name: of its first part."""
    return _LATER_PART.sub(r"\1", name)


_LATER_PART = re.compile(r"(-\d{6,})\.\d+$")


@dataclass(frozen=True)
class Crop:
    """A picture of somebody.

    Attributes:
        row: which of the tracklet's observed boxes it shows.
        jpeg: a JPEG file: the box and a margin around it.
        quality: by which it was chosen, between 0 and 1; see `passerby.video.collection.quality`.
    """

    row: int
    jpeg: bytes
    quality: float


@dataclass(frozen=True)
class Tracklet:
    """Somebody followed through a video: N observed boxes in the order of frames, none of them predicted.

    Attributes:
        id: its name.
        frames: int64 [N], numbers of frames.
        times: float64 [N], seconds since the source's first frame.
        wall_times: int64 [N], microseconds since 1970 in UTC; None where the source's start is unknown.
        boxes: float32 [N, 4], left, top, right, bottom in pixels.
        scores: float32 [N], the detector's.
        visible: float32 [N], the share of each box that no nearer person hides, from 0 to 1.
        crops: the best pictures, in the order of frames.
    """

    id: TrackletId
    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    wall_times: NDArray[np.int64] | None
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    visible: NDArray[np.float32]
    crops: tuple[Crop, ...]

    def __len__(self) -> int:
        """How many observed boxes it has."""
        return len(self.frames)


@dataclass(frozen=True)
class DroppedTrack:
    """A track that was not kept.

    Attributes:
        tracklet: what it would have been, with at most one crop.
        reason: such as `seen in 2 frames, fewer than 3`.
    """

    tracklet: Tracklet
    reason: str
