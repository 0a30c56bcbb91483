"""Opening of image files: which formats are read, within which bounds, and whether an image holds all of its pixels."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from passerby.data.image_files import SUFFIXES_OF_FORMATS
from passerby.data.limits import MAX_PIXELS, limit, open_image_file, pixels_remedy
from passerby.data.pixels.gif_stream import gif_pixels
from passerby.errors import DataError

_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_BLOCK = 1 << 16
_FILL = 128  # of what a JPEG lacks


@cache
def readable_formats() -> tuple[str, ...]:
    """Those of the formats that the installed Pillow reads."""
    Image.init()
    return tuple(name for name in SUFFIXES_OF_FORMATS if name in Image.OPEN)


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """An image whose pixels are not decoded yet.

    Raises:
        DataError: it is not a regular file, or larger than the bounds of `passerby.data.limits`.
        OSError, SyntaxError, ValueError, ...: whatever Pillow raises for missing and damaged files.
    """
    with open_image_file(path) as stream:
        _lift_bound_of_pillow()
        try:
            image = Image.open(stream, formats=readable_formats())
        except Image.DecompressionBombError as error:
            raise DataError(f"image {path} has too many pixels; {pixels_remedy()}") from error
        with image:
            if image.width * image.height > limit(MAX_PIXELS):
                raise DataError(f"image {path} has {image.height:,}×{image.width:,} pixels; {pixels_remedy()}")
            yield image


def check_complete(path: Path, image: Image.Image) -> None:
    """Check that a decoded PNG, JPEG or GIF holds all of its pixels; what a short stream lacks is of one colour.

    Raises:
        DataError: it does not.
    """
    if image.format == "JPEG" and _is_short_jpeg(path, image):
        raise DataError(f"image {path} cannot be read: it ends early, and its lower rows are not in it")
    if image.format == "GIF" and _may_be_short_gif(image):
        with open_image_file(path) as stream:
            expected, present = gif_pixels(stream)
        if present < expected:
            raise DataError(f"image {path} cannot be read: it ends early, {present:,} of {expected:,} pixels")
    if image.format != "PNG":
        return
    last = np.asarray(image.crop((0, max(image.height - 2, 0), image.width, image.height)))
    if last.reshape(len(last), -1).any(axis=1).all():
        return  # both last rows have something in them
    with open_image_file(path) as stream:
        expected, present = _png_bytes(stream)
    if present < expected:
        raise DataError(f"image {path} cannot be read: it ends early, {present:,} of {expected:,} bytes of pixels")


def _may_be_short_gif(image: Image.Image) -> bool:
    """Whether the last pixel of a GIF's stream has a colour of missing ones; counting them all takes longer."""
    if image.mode not in ("P", "L"):
        return True
    last = [image.getpixel((image.width - 1, row)) for row in range(max(image.height - 2, 0), image.height)]
    return any(colour in (0, image.info.get("transparency"), image.info.get("background")) for colour in last)


def _is_short_jpeg(path: Path, image: Image.Image) -> bool:
    """Whether more data before the end of a JPEG whose last row is mid-grey, as missing ones are, would change it."""
    row = (0, image.height - 1, image.width, image.height)
    last = np.asarray(image.crop(row))
    if (last != _FILL).any():
        return False
    with open_image_file(path) as stream:
        data = stream.read()
    end = data.rfind(b"\xff\xd9")
    with Image.open(BytesIO(data[:end] + bytes(_BLOCK) + data[end:]), formats=("JPEG",)) as longer:
        return bool((np.asarray(longer.crop(row)) != _FILL).any())


def _png_bytes(stream: BinaryIO) -> tuple[int, int]:
    """Bytes of the pixels and filter types of a PNG: how many there should be, and how many there are, if fewer."""
    stream.seek(8)
    expected = present = 0
    inflate = zlib.decompressobj()
    while len(header := stream.read(8)) == 8 and header[4:] != b"IEND":
        length = int.from_bytes(header[:4], "big")
        if header[4:] == b"IHDR":
            start = stream.read(length)
            width, height = int.from_bytes(start[:4], "big"), int.from_bytes(start[4:8], "big")
            bits = start[8] * _CHANNELS.get(start[9], 1)
            passes = _ADAM7 if start[12] else ((0, 0, 1, 1),)
            sizes = [(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in passes]
            expected = sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 and rows > 0)
        elif header[4:] == b"IDAT":
            data = stream.read(length)
            while data and present < expected:
                present += len(inflate.decompress(data, _BLOCK))
                data = inflate.unconsumed_tail
        else:
            stream.seek(length, 1)
        if present >= expected > 0:
            break
        stream.seek(4, 1)  # its checksum
    return expected, present


def _lift_bound_of_pillow() -> None:
    """Let Pillow read what a user's own, larger bound allows."""
    if Image.MAX_IMAGE_PIXELS is not None and limit(MAX_PIXELS) > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limit(MAX_PIXELS)
