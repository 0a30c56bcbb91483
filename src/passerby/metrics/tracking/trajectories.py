"""Boxes with identities over the frames of a video, and the frames of truth and result side by side."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import as_array, as_labels
from passerby.metrics.tracking.overlap import pairwise_iou

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Trajectories(NamedTuple):
    """N boxes of people or tracks; rows may be in any order.

    Attributes:
        frames: integer [N].
        identities: integer [N], of people or of tracks; each at most once in a frame.
        boxes: float [N, 4], left, top, right, bottom.
    """

    frames: Any
    identities: Any
    boxes: Any

    def checked(self, name: str) -> "Trajectories":
        """The same as int64, int64 and float64, by frame and identity.

        Raises:
            EvaluationError: other shapes or types, NaN or infinity, or an identity twice in a frame.
        """
        boxes = as_array(self.boxes).astype(np.float64)
        if boxes.shape == (0,):
            boxes = boxes.reshape(0, 4)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise EvaluationError(f"boxes of the {name} must have shape [N, 4], not {list(boxes.shape)}")
        if not np.isfinite(boxes).all():
            raise EvaluationError(f"boxes of the {name} hold NaN or infinity")
        frames, identities = (
            as_labels(np.empty(0, np.int64) if np.size(column) == 0 else column, len(boxes), f"{what} of the {name}")
            for column, what in ((self.frames, "frames"), (self.identities, "identities"))
        )
        order = np.lexsort((identities, frames))
        frames, identities, boxes = frames[order], identities[order], boxes[order]
        twice = np.flatnonzero((frames[1:] == frames[:-1]) & (identities[1:] == identities[:-1]))
        if len(twice):
            row = twice[0]
            raise EvaluationError(f"identity {identities[row]} of the {name} is twice in frame {frames[row]}")
        return Trajectories(frames, identities, boxes)

    def kept(self, keep: NDArray[np.bool_]) -> "Trajectories":
        """Those of some rows."""
        return Trajectories(*(column[keep] for column in self))


class FramePair(NamedTuple):
    """A frame of the truth and of the result.

    Attributes:
        people: int64 [P], numbers from 0, one for each person of the video.
        tracks: int64 [T], numbers from 0, one for each track of the video.
        overlap: float64 [P, T], intersection over union.
    """

    people: Integers
    tracks: Integers
    overlap: Floats


class Comparison(NamedTuple):
    """Truth and result of a video, frame by frame.

    Attributes:
        frames: those in which the truth or the result has somebody, in order.
        people, tracks: float64, boxes of each person and of each track.
    """

    frames: list[FramePair]
    people: Floats
    tracks: Floats


def compare_frames(truth: Trajectories, result: Trajectories) -> Comparison:
    """Lay checked truth and result side by side."""
    people, persons = np.unique(truth.identities, return_inverse=True)
    tracks, numbers = np.unique(result.identities, return_inverse=True)
    frames = [
        FramePair(persons[own], numbers[others], pairwise_iou(truth.boxes[own], result.boxes[others]))
        for _, own, others in same_frames(truth.frames, result.frames)
    ]
    return Comparison(
        frames,
        np.bincount(persons, minlength=len(people)).astype(np.float64),
        np.bincount(numbers, minlength=len(tracks)).astype(np.float64),
    )


def same_frames(first: Integers, second: Integers) -> Iterator[tuple[int, slice, slice]]:
    """Frames that are in either of two rising columns, with the rows of each."""
    for frame in np.union1d(first, second):
        ends = (np.searchsorted(column, (frame, frame + 1)) for column in (first, second))
        own, others = (slice(int(start), int(end)) for start, end in ends)
        yield int(frame), own, others
