"""Find the people in a whole photograph, so that one of them can be searched for."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.data.pixels.decoding import read_image
from passerby.errors import DataError
from passerby.output_paths import expanded
from passerby.printable import printable_line
from passerby.video.collection.options import CropOptions
from passerby.video.collection.quality import cut
from passerby.video.detection.camera_detector import CameraDetector, CameraSettings
from passerby.video.detection.opening import DEFAULT_DETECTOR, open_detector

_SURE = 0.4
"""Least score of somebody who counts: a photograph has no frames before and after to tell chance finds by."""

_NAMED = 6


@dataclass(frozen=True)
class FoundPerson:
    """Somebody in a photograph.

    Attributes:
        number: from 1, from left to right.
        box: left, top, right, bottom in pixels of the upright photograph.
        score: how sure the detector is, between 0 and 1.
        picture: cut out with the same margin as crops of videos, RGB.
    """

    number: int
    box: tuple[float, float, float, float]
    score: float
    picture: Image.Image


class PeopleFinder:
    """Finds the people in photographs, with the detector in memory; several threads may ask.

    Args:
        detector: a detector's name, or a file with its card, as of `passerby.index`; none that needs moving pictures.
        min_score: people of whom the detector is less sure are left out, between 0 and 1.

    Raises:
        DataError: the detector needs a video, or min_score is no share.
        CheckpointError: there is no such detector, it cannot be fetched, or has no card.
    """

    def __init__(self, detector: str | Path = DEFAULT_DETECTOR, *, min_score: float = _SURE) -> None:
        self._detector = CameraDetector(open_detector(detector), CameraSettings(threshold=min_score))
        self._lock = threading.Lock()
        if self._detector.remembers:
            raise DataError(f"{detector} finds who moves in a video, not people in a photograph: name another detector")

    def find(self, photo: Image.Image) -> list[FoundPerson]:
        """The people in a photograph, upright and RGB, from left to right."""
        image = np.array(photo, np.uint8)
        with self._lock:
            found = self._detector.detect([image])[0]
        order = np.lexsort((found.boxes[:, 1], found.boxes[:, 0]))
        margin = CropOptions().margin
        return [
            FoundPerson(
                number,
                _box(found.boxes[place]),
                round(float(found.scores[place]), 4),
                Image.fromarray(cut(image, found.boxes[place], margin=margin)),
            )
            for number, place in enumerate(order.tolist(), start=1)
        ]


def find_people(
    photo: str | Path, *, detector: str | Path = DEFAULT_DETECTOR, min_score: float = _SURE
) -> list[FoundPerson]:
    """Find the people in a photograph, from left to right.

    Args:
        photo: a file.
        detector: a detector's name, or a file with its card, as of `passerby.index`; none that needs moving pictures.
        min_score: people of whom the detector is less sure are left out, between 0 and 1.

    Raises:
        DataError: the photograph cannot be read, the detector needs a video, or min_score is no share.
        CheckpointError: there is no such detector, it cannot be fetched, or has no card.
    """
    file = expanded(photo)
    finder = PeopleFinder(detector, min_score=min_score)
    return finder.find(read_image(file))


def _box(edges: NDArray[np.float32]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(float(edge), 1) for edge in edges)
    return left, top, right, bottom


def chosen_person(people: Sequence[FoundPerson], person: int | None, photo: str | Path) -> FoundPerson:
    """The one of the people in a photograph who is meant.

    Args:
        people: all of them.
        person: the number; may be None where there is only one.
        photo: for messages.

    Raises:
        DataError: there is nobody, no such number, or several and no number.
    """
    name = printable_line(str(photo))
    if not people:
        raise DataError(f"{name}: nobody was found: cut the person out and search with that, or try another detector")
    if person is None and len(people) > 1:
        places = ", ".join(f"{each.number} at {each.box[0]:.0f},{each.box[1]:.0f}" for each in people[:_NAMED])
        more = f" and {len(people) - _NAMED} more" if len(people) > _NAMED else ""
        raise DataError(f"{name}: shows {len(people)} people ({places}{more}): say which by `person`")
    if person is not None and not 1 <= person <= len(people):
        raise DataError(f"{name}: has no person {person}: they are numbered from 1 to {len(people)}, left to right")
    return people[0 if person is None else person - 1]
