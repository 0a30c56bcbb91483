"""A page of samples: a row for each person, a group of crops for each camera; the first three are look-alikes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from passerby.atomic_files import write_atomically
from passerby.errors import DataError
from passerby.synth.cameras.camera import Picture
from passerby.synth.look import Look
from passerby.synth.people.wardrobe import FAMILY
from passerby.synth.places.crops import Crop
from passerby.synth.places.world import World

_GAP, _PAPER = 4, 255
_SUFFIXES = (".png", ".jpg", ".jpeg")
_KEY = "passerby"


def contact_sheet(
    *,
    seed: int = 7,
    people: int = 10,
    cameras: int = 5,
    images_per_camera: int = 4,
    crowd: float = 1.0,
    look: Look = "plain",
) -> Picture:
    """Crops of some people of a world, 128 by 64 pixels each, uint8 RGB: a whole family, then one of each family.

    Args:
        seed: of the world.
        people: rows.
        cameras: groups in a row.
        images_per_camera: crops in a group.
        crowd: how many strangers are near a person, on average.
        look: of people, cameras and places.
    """
    world = World(seed=seed, steps=images_per_camera, size=(128, 64), crowd=crowd, look=look)

    def group(person: int, camera: int) -> Picture:
        crops: list[Crop] = [world.crop(person, camera, step)[0] for step in range(images_per_camera)]
        return np.hstack([crop.image for crop in crops])

    rows = [_joined([group(p, c) for c in range(1, cameras + 1)], axis=1) for p in shown_people(people)]
    return _joined(rows, axis=0)


def shown_people(count: int) -> list[int]:
    """Numbers of the people that a page shows."""
    family = list(range(FAMILY, 2 * FAMILY))
    return [*family, *range(2 * FAMILY, (count + 2) * FAMILY, FAMILY)][:count]


def write_contact_sheet(
    file: str | Path,
    *,
    seed: int = 7,
    cameras: int = 5,
    crowd: float = 1.0,
    look: Look = "plain",
    replace: bool = False,
) -> Path:
    """Write a page of samples as PNG or JPEG; what drew it is kept inside the file, as a comment.

    Args:
        file: where to write; its folder is made, a page that the same arguments made is replaced.
        seed: of the world.
        cameras: groups in a row.
        crowd: how many strangers are near a person, on average.
        look: of people, cameras and places.
        replace: whether a page of another world is replaced; files that are not ours never are.

    Raises:
        DataError: the file cannot be written, holds something else, or its ending is neither .png nor .jpg.
    """
    file = Path(file)
    check_contact_sheet(file, seed=seed, cameras=cameras, crowd=crowd, look=look, replace=replace)
    images = 20 // min(cameras, 10)
    sheet = contact_sheet(seed=seed, cameras=cameras, images_per_camera=images, crowd=crowd, look=look)
    text, comment = json.dumps(_description(seed, cameras, crowd, look)), PngInfo()
    comment.add_text(_KEY, text)
    try:
        with write_atomically(file) as temporary:
            if file.suffix.lower() == ".png":
                Image.fromarray(sheet).save(temporary, format="PNG", pnginfo=comment)
            else:
                Image.fromarray(sheet).save(temporary, format="JPEG", quality=95, comment=text)
    except OSError as error:
        raise DataError(f"{file} cannot be written: {error.strerror}") from error
    return file


def check_contact_sheet(
    file: Path, *, seed: int, cameras: int, crowd: float, look: Look = "plain", replace: bool = False
) -> None:
    """Check that `write_contact_sheet`, given the same arguments, may write a file.

    Raises:
        DataError: its ending is neither .png nor .jpg, or it holds something else.
    """
    if file.suffix.lower() not in _SUFFIXES:
        raise DataError(f"{file}: a contact sheet must end in .png or .jpg")
    if not file.exists():
        return
    earlier = _described(file)
    if earlier is None:
        raise DataError(
            f"{file} is not an earlier contact sheet, and would be lost: move it away, or name another file"
        )
    if earlier != _description(seed, cameras, crowd, look) and not replace:
        raise DataError(
            f"{file} shows another synthetic world: name another file, or replace it with --replace (in Python "
            "replace=True)"
        )


def _description(seed: int, cameras: int, crowd: float, look: Look) -> dict[str, Any]:
    drawn = {"seed": seed, "cameras": cameras, "crowd": float(crowd), "look": look}
    return {"made_by": "passerby.synth.write_contact_sheet", **drawn}


def _described(file: Path) -> dict[str, Any] | None:
    """The arguments that drew a page; None of any other file."""
    try:
        with Image.open(file, formats=("PNG", "JPEG")) as page:
            text = page.info.get(_KEY, page.info.get("comment"))
        content = json.loads(text) if isinstance(text, str | bytes) else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what Pillow and JSON raise
        return None
    ours = isinstance(content, dict) and content.get("made_by") == "passerby.synth.write_contact_sheet"
    return content if ours else None


def _joined(images: list[Picture], axis: int) -> Picture:
    """Images side by side (axis 1) or below each other (axis 0), with white between them."""
    shape = list(images[0].shape)
    shape[axis] = _GAP
    between = np.full(shape, _PAPER, np.uint8)
    parts = [part for image in images for part in (between, image)][1:]
    return np.concatenate(parts, axis=axis)
