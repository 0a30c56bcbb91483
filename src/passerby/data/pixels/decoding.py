"""Image files and PIL images to uint8 RGB: the one place that decides how a file becomes pixels.

Colours: every mode becomes RGB (grey repeated, palettes looked up, CMYK converted, 16-bit grey scaled down, an alpha
channel dropped as the field's own loaders do). Orientation: a rotation noted in EXIF is applied, because a person
stands upright. Published loaders ignore it; crops cut from video, as in Market-1501, carry no such note.
"""

import struct
import zlib
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from passerby.data.limits import MAX_PIXELS, limit, open_image_file
from passerby.data.pixels.opening import check_complete, open_image
from passerby.data.pixels.plain_jpeg import JPEG_START, decode_plain, plain_size
from passerby.errors import DataError

Interpolation = Literal["bilinear", "bicubic"]
INTERPOLATIONS: tuple[str, ...] = get_args(Interpolation)
Size = tuple[int, int]
"""Height and width in pixels."""

_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_EXIF_ORIENTATION = 0x0112
# What Pillow raises on files that are missing, truncated, of no known format or damaged inside.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


def read_image(path: Path) -> Image.Image:
    """The image in a file, upright and RGB, decoded completely.

    Raises:
        DataError: the file is missing, cannot be decoded to its end, or exceeds the bounds of `passerby.data.limits`;
            the message names it.
    """
    try:
        plain = read_plain_jpeg(path)
        if plain is not None:
            return Image.fromarray(plain)
        with open_image(path) as image:
            image.load()
            check_complete(path, image)
            return to_rgb(image)
    except _UNREADABLE as error:
        raise DataError(_complaint(path, error)) from error


def read_plain_jpeg(path: Path) -> NDArray[np.uint8] | None:
    """The pixels of a file that is a plain JPEG within the bounds; None for all others, which Pillow looks at.

    Raises:
        OSError: the file cannot be opened.
        DataError: it is not a regular file, or too large.
    """
    with open_image_file(path) as stream:
        data = stream.read(len(JPEG_START))
        if data != JPEG_START:
            return None
        data += stream.read()
    size = plain_size(data)
    return decode_plain(data) if size is not None and size[0] * size[1] <= limit(MAX_PIXELS) else None


def read_size(path: Path) -> Size:
    """Height and width that `read_image` will give, from the file's header alone.

    Raises:
        DataError: the file is missing or its header cannot be read; the message names it.
    """
    try:
        with open_image(path) as image:
            turned = image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8)
            return image.size if turned else (image.height, image.width)
    except _UNREADABLE as error:
        raise DataError(_complaint(path, error)) from error


def to_rgb(image: Image.Image) -> Image.Image:
    """The image upright and RGB; see the rules at the top of this file."""
    if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # Pillow's own conversion would clip 16 bits to white
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    return image.convert("RGB")


def resize_image(image: Image.Image, size: Size, interpolation: Interpolation) -> NDArray[np.uint8]:
    """The RGB image as uint8 [H, W, 3] at `size`, resized with Pillow (antialiased; what torchvision does with PIL)."""
    return np.asarray(image.resize((size[1], size[0]), _RESAMPLING[interpolation]))


def _complaint(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"image {path} is missing"
    if isinstance(error, UnidentifiedImageError):
        return f"image {path} cannot be read: it is empty, damaged, or of no known format"
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    reason = reason.splitlines()[0]
    return f"image {path} cannot be read: {reason}"
