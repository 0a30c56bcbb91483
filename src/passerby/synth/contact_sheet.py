"""A page of samples: a row for each person, a group of crops for each camera; the first three are look-alikes."""

from pathlib import Path

import cv2
import numpy as np

from passerby.errors import DataError
from passerby.synth.cameras import Picture
from passerby.synth.crops import Crop
from passerby.synth.wardrobe import FAMILY
from passerby.synth.world import World

_GAP, _PAPER = 4, 255


def contact_sheet(
    *, seed: int = 7, people: int = 10, cameras: int = 5, images_per_camera: int = 4, crowd: float = 1.0
) -> Picture:
    """Crops of some people of a world, 128 by 64 pixels each, uint8 RGB: a whole family, then one of each family.

    Args:
        seed: of the world.
        people: rows.
        cameras: groups in a row.
        images_per_camera: crops in a group.
        crowd: how many strangers are near a person, on average.
    """
    world = World(seed=seed, steps=images_per_camera, size=(128, 64), crowd=crowd)

    def group(person: int, camera: int) -> Picture:
        crops: list[Crop] = [world.crop(person, camera, step)[0] for step in range(images_per_camera)]
        return np.hstack([crop.image for crop in crops])

    rows = [_joined([group(p, c) for c in range(1, cameras + 1)], axis=1) for p in shown_people(people)]
    return _joined(rows, axis=0)


def shown_people(count: int) -> list[int]:
    """Numbers of the people that a page shows."""
    family = list(range(FAMILY, 2 * FAMILY))
    return [*family, *range(2 * FAMILY, (count + 2) * FAMILY, FAMILY)][:count]


def write_contact_sheet(file: str | Path, *, seed: int = 7, cameras: int = 5, crowd: float = 1.0) -> Path:
    """Write a page of samples as PNG or JPEG.

    Raises:
        DataError: the file cannot be written, or its ending is neither .png nor .jpg.
    """
    file = Path(file)
    if file.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise DataError(f"{file}: a contact sheet must end in .png or .jpg")
    sheet = contact_sheet(seed=seed, cameras=cameras, images_per_camera=20 // min(cameras, 10), crowd=crowd)
    _, encoded = cv2.imencode(file.suffix, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded.tobytes())
    except OSError as error:
        raise DataError(f"{file} cannot be written: {error.strerror}") from error
    return file


def _joined(images: list[Picture], axis: int) -> Picture:
    """Images side by side (axis 1) or below each other (axis 0), with white between them."""
    shape = list(images[0].shape)
    shape[axis] = _GAP
    between = np.full(shape, _PAPER, np.uint8)
    parts = [part for image in images for part in (between, image)][1:]
    return np.concatenate(parts, axis=axis)
