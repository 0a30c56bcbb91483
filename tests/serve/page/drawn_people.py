"""A gallery of drawn people at three cameras, whom the packaged model tells apart, and a photo of a street."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import passerby
from passerby.gallery.gallery import open_gallery
from passerby.gallery.records import Crop, NewTracklet
from passerby.synth import World
from passerby.video.detection.detector import Detections
from passerby.workflows.indexing.tracked_people import model_key, tracklet_feature

PEOPLE, CAMERAS, VIEWS = 18, ("gate", "hall", "yard"), 4
MORNING = datetime(2026, 5, 1, 8, tzinfo=UTC)
STREET = (480, 270)
"""Width and height of the photo."""


def draw_people(folder: Path) -> Path:
    """A gallery in which each camera sees everybody once, several at once, and somebody has found out who is who.

    Args:
        folder: receives it.
    """
    model = passerby.load("tiny-clip")
    key = model_key(model, "tiny-clip")
    world = World(seed=7, steps=VIEWS, size=(160, 80), crowd=0.0)
    tracklets = []
    for place, camera in enumerate(CAMERAS):
        for person in range(PEOPLE):
            pictures = [world.crop(person, place + 1, step)[0].image for step in range(VIEWS)]
            begins = 4.0 * person + 1.5 * place
            starts = MORNING + timedelta(minutes=6 * place)
            tracklets.append(
                NewTracklet(
                    key=f"{camera}/{person}",
                    camera=camera,
                    video=f"{camera}.mp4@0123456789ab",
                    begins=begins,
                    ends=begins + 60,
                    taken_from=starts + timedelta(seconds=begins),
                    taken_to=starts + timedelta(seconds=begins + 60),
                    frames=250,
                    height=150.0 + 4 * person,
                    visible=0.8 if person % 3 else 1.0,
                    crops=[Crop(10 * view, jpeg(pixels)) for view, pixels in enumerate(pictures)],
                    features={key: tracklet_feature(model.embed(pictures))},
                )
            )
    with open_gallery(folder, create=True, actor="drawn") as gallery:
        gallery.add(tracklets)
        gallery.identify(threshold=0.945)
    return folder


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """A JPEG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def crop_of(person: int, camera: int, view: int = 1) -> NDArray[np.uint8]:
    """A picture of one of the people by a camera, which may be one that the gallery does not know."""
    return World(seed=7, steps=VIEWS, size=(160, 80), crowd=0.0).crop(person, camera, view)[0].image


def street(people: Sequence[int]) -> NDArray[np.uint8]:
    """A photo of people beside each other, who tell `ReadsStreet` where they are by the first row."""
    width, height = STREET
    image = np.full((height, width, 3), 150, np.uint8)
    image[height // 2 :] = 120
    for place, person in enumerate(people):
        left, top = 40 + 130 * place, 60 + 15 * (place % 2)
        image[top : top + 160, left : left + 80] = crop_of(person, 4)
        image[0, place] = (left // 2, top // 2, 7)
    image[0, len(people)] = 0
    return image


class ReadsStreet:
    """Finds whom `street` drew."""

    remembers = False

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Boxes as the first row tells."""
        return [self._read(image) for image in images]

    @staticmethod
    def _read(image: NDArray[np.uint8]) -> Detections:
        boxes = []
        for left, top, mark in image[0].astype(int):
            if mark != 7:
                break
            boxes.append([2 * left + 7, 2 * top + 13, 2 * left + 73, 2 * top + 147])  # the crop without its margin
        return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32))


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file, which changes no pixel."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
