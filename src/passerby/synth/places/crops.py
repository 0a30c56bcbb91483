"""Crops of a camera's picture, as a detector would make them, with ground truth."""

from dataclasses import dataclass
from math import atan2
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.cameras.camera import Picture
from passerby.synth.look import Look
from passerby.synth.places.scene import Place, Somebody, Window, shoot
from passerby.synth.places.walks import put

Size = tuple[int, int]
"""Height and width of crops, pixels."""


class Box(NamedTuple):
    """A box in a camera's picture, pixels; it may reach beyond the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Crop:
    """One image and the truth about it.

    Attributes:
        image: as the camera delivers it, uint8 RGB [height, width, 3].
        mask: how much of a pixel shows the person, 0 to 255, uint8 [height, width].
        visible: how much of the whole person is seen in the crop, 0 to 1; 0 where nobody was meant.
        shown: pixels of the person that are seen by region of `cones.REGIONS`, as shares of the whole person; float64.
        turn: the person's heading relative to the line of sight, radians; 0 towards the camera.
    """

    image: Picture
    mask: NDArray[np.uint8]
    visible: float
    shown: NDArray[np.float64]
    turn: float


def outline(place: Place, somebody: Somebody) -> Box:
    """The box around a whole person, whoever stands before them."""
    left, top, right, bottom = put(*somebody, place.camera, 0.0, 0.0, 1.0).outline()
    return Box(left, top, right - left, bottom - top)


def detect(person: Box, generator: np.random.Generator, look: Look = "plain") -> Box:
    """The box that an imperfect detector draws around a person; never very slim, nor as wide as a wide stride."""
    if look == "street":
        return _loosely(person, generator)
    height = person.height * 1.05 * (1 + 0.03 * float(generator.standard_normal()))
    width = min(max(1.1 * person.width, 0.4 * height), 0.56 * height) * (1 + 0.04 * float(generator.standard_normal()))
    x = person.x + person.width / 2 + 0.04 * width * float(generator.standard_normal())
    y = person.y + person.height / 2 + 0.02 * height * float(generator.standard_normal())
    return Box(x - width / 2, y - height / 2, width, height)


def _loosely(person: Box, generator: np.random.Generator) -> Box:
    """A box as real detectors draw them: tight or loose, shifted, now and then without the feet or the head."""
    loose = float(np.exp(generator.normal(0.02, 0.07)))
    height = person.height * loose
    wide = max(1.05 * person.width, 0.36 * height) * float(np.exp(generator.normal(-0.02, 0.1)))
    width = min(wide, 0.6 * height)
    top = person.y + (person.height - height) * float(generator.uniform(0.2, 0.8))
    top += 0.025 * height * float(generator.standard_normal())
    cut = generator.random()
    if cut < 0.1:
        height *= float(generator.uniform(0.65, 0.95))  # the feet are missing
    elif cut < 0.13:
        lost = float(generator.uniform(0.03, 0.12)) * height
        top, height = top + lost, height - lost
    x = person.x + person.width / 2 + 0.07 * width * float(generator.standard_normal())
    return Box(x - width / 2, top, width, height)


def take_crop(
    place: Place,
    people: list[Somebody],
    box: Box,
    size: Size,
    generator: np.random.Generator,
    *,
    target: int | None = 0,
) -> Crop:
    """Cut a box out of what a camera sees.

    Args:
        place: what the camera looks at.
        people: everybody there at that moment.
        box: what to cut out; stretched to the size.
        size: height and width of the crop in pixels.
        generator: gives noise and changes of light.
        target: whom the crop is meant to show; None where it is nobody.
    """
    # Drawn finer than delivered, but no finer than the camera's own pixels allow to tell.
    rows = round(size[0] * (2 if size[0] <= 160 else 1.5))
    zoom = rows / box.height
    window = Window(box.x, box.y, zoom, rows, max(8, round(box.width * zoom)))
    shot = shoot(place, people, window)
    image = cv2.resize(shot.image, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    sensor = place.camera.sensor
    developed = sensor.develop(image, sensor.blur * size[0] / box.height, generator)
    if target is None or not shot.whole[target].any():
        return Crop(developed, np.zeros(size, np.uint8), 0.0, np.zeros(shot.whole.shape[1]), 0.0)
    mask = (shot.owner == target).astype(np.uint8) * np.uint8(255)
    small = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    shown = shot.visible[target] / shot.whole[target].sum()
    standing = people[target][1]
    turn = standing.heading + atan2(standing.x, standing.z)
    return Crop(developed, small, shot.visible_fraction(target), shown, turn)


def encode(image: Picture, quality: int) -> bytes:
    """A JPEG of an RGB image."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()
