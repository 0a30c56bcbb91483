"""Coloured boxes on noise that walk as they are told, and a detector that reads where they are from the picture."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.video.collection import Collector, DroppedTrack, Tracklet, follow
from passerby.video.detection.detector import Detections
from passerby.video.frame import Frame
from passerby.video.tracking import make_tracker

HEIGHT, WIDTH = 160, 240


def picture(boxes: Sequence[tuple[int, int, int, int]], seed: int = 0) -> NDArray[np.uint8]:
    """A frame of noise with a box of another noise for each person, and where they are in its first row."""
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 60, (HEIGHT, WIDTH, 3), np.uint8)
    for number, (left, top, right, bottom) in enumerate(boxes):
        image[top:bottom, left:right] = generator.integers(60, 255, (bottom - top, right - left, 3), np.uint8)
        image[0, 2 * number] = (left, top, right)
        image[0, 2 * number + 1] = (bottom, 255, 7)
    image[0, 2 * len(boxes) : 2 * len(boxes) + 2] = 0
    return image


class ReadsBoxes:
    """Finds the boxes that `picture` drew; counts how often it was asked."""

    remembers = False

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        self.asked += len(images)
        return [self._read(image) for image in images]

    @staticmethod
    def _read(image: NDArray[np.uint8]) -> Detections:
        boxes = []
        for place in range(0, WIDTH - 1, 2):
            if image[0, place + 1, 1] != 255 or image[0, place + 1, 2] != 7:
                break
            boxes.append([*image[0, place], image[0, place + 1, 0]])
        scores = np.linspace(0.95, 0.9, len(boxes), dtype=np.float32)
        return Detections(np.array(boxes, np.float32).reshape(-1, 4), scores)


def walk(count: int, *, gap_at: int | None = None, fps: float = 25.0) -> Iterator[Frame]:
    """Two people who walk past each other; after `gap_at` frames something is missing."""
    for number in range(count):
        step = 2 * number % 150
        boxes = [(10 + step, 20, 40 + step, 110), (190 - step, 40, 225 - step, 140)]
        yield Frame(picture(boxes, number), number, number / fps, None, number == gap_at)


def ended_tracks(
    frames: Iterator[Frame], collector: Collector, settings: Mapping[str, float] | None = None
) -> list[Tracklet | DroppedTrack]:
    """The tracks of a whole source."""
    tracker = make_tracker("bytetrack", settings)
    found = [ended for each in follow(frames, ReadsBoxes(), tracker, collector) for ended in each.ended]
    return found + collector.break_off(tracker.break_off())
