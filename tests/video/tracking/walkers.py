"""People who walk through a picture, and what a tracker makes of them."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.video.detection.detector import Detections
from passerby.video.tracking import Tracker

Told = dict[tuple[int, int], int]
"""Frame and place of a detection → the track that it was said to belong to."""


def detections(boxes: Iterable[Sequence[float]], scores: Sequence[float] | float = 0.9) -> Detections:
    """Detections with these boxes."""
    array = np.array(list(boxes), np.float32).reshape(-1, 4)
    return Detections(array, np.broadcast_to(np.asarray(scores, np.float32), len(array)).copy())


def walker(x: float, speed: float, frame: int, *, y: float = 100.0, height: float = 100.0) -> tuple[float, ...]:
    """The box of somebody who began at `x` and walks so many pixels per frame."""
    left = x + speed * frame
    return left, y, left + 0.4 * height, y + height


def follow(
    tracker: Tracker,
    frames: Iterable[Detections],
    *,
    rate: float = 25.0,
    features: Sequence[NDArray[np.float32]] | None = None,
    step: int = 1,
) -> Told:
    """Everything that a tracker tells of these frames."""
    told: Told = {}
    for number, each in enumerate(frames):
        given = None if features is None else features[number]
        result = tracker.update(each, frame=number * step, time=number * step / rate, features=given)
        for track, frame, place in zip(result.tracks, result.frames, result.detections, strict=True):
            key = (int(frame), int(place))
            assert key not in told, "a detection is told of once"
            told[key] = int(track)
    return told
