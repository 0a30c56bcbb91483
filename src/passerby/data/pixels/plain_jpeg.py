"""JPEG files of the plain kind, decoded by OpenCV: the same pixels as Pillow's in a third of the time.

Plain is what cameras and data sets hold: 8 bits, grey or YCbCr, baseline or progressive, whole, and without notes that
change how it is seen (a rotation in EXIF, a colour space of Adobe's). Everything else is left to Pillow.
"""

import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

JPEG_START, _END = b"\xff\xd8", b"\xff\xd9"
_PLAIN = {0xC0, 0xC1, 0xC2}  # baseline, extended and progressive
_BITS = 8
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_STRAY = re.compile(rb"\xff[^\x00\xff\xc4\xd0-\xdb\xdd\xfe]")  # a marker that no scan holds: the file is damaged
_NOTES = {0xE1, 0xE2, 0xEE}  # EXIF and XMP, which can turn it; several pictures in one file; Adobe's colour spaces
_PROFILE = b"ICC_PROFILE"  # which nobody applies
_FILL = 128  # of rows that a JPEG lacks
_COMPONENTS = {b"\x01", b"\x01\x02\x03"}  # numbers of grey, and of YCbCr as JFIF has them


def plain_size(data: bytes) -> tuple[int, int] | None:
    """Height and width of a plain JPEG, from its header; None for all other data."""
    if not data.startswith(JPEG_START) or not data.endswith(_END):
        return None
    size = scan = None
    for marker, place, content in _segments(data):
        if marker == _SCAN:
            scan = place
        if marker in _NOTES and not content.startswith(_PROFILE):
            return None
        if marker not in _FRAMES:
            continue
        if size is not None or marker not in _PLAIN or len(content) < 6 or content[0] != _BITS:
            return None
        if content[6::3][: content[5]] not in _COMPONENTS:
            return None
        size = int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
    if size is None or not all(size) or scan is None or _STRAY.search(data, scan):
        return None
    return size


def decode_plain(data: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a plain JPEG, uint8 RGB [H, W, 3]; None where OpenCV cannot decode it, or not as Pillow does.

    None too where the last row is grey, as those are that a damaged file lacks.
    """
    if not decoders_agree():
        return None
    import cv2

    try:
        pixels: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # larger than its own bound
        return None
    return None if pixels is None or (pixels[-1] == _FILL).all() else np.asarray(pixels, np.uint8)


@cache
def decoders_agree() -> bool:
    """Whether the installed OpenCV decodes JPEGs to the very pixels of the installed Pillow, tried on drawn ones."""
    import cv2

    generator = np.random.default_rng(0)
    smooth = generator.integers(0, 256, (7, 5, 3), np.uint8)
    noise = generator.integers(0, 256, (37, 23, 3), np.uint8)
    for pixels in (np.asarray(Image.fromarray(smooth).resize((61, 95))), noise):
        for settings in ({"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"progressive": True}):
            stream = BytesIO()
            Image.fromarray(pixels).save(stream, "JPEG", quality=80, **settings)
            found = cv2.imdecode(np.frombuffer(stream.getvalue(), np.uint8), cv2.IMREAD_COLOR_RGB)
            if found is None or not np.array_equal(found, np.asarray(Image.open(stream))):
                return False
    return True


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Markers of the header, where they end and what they hold, to the first scan; fewer where it is no JPEG's."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, place + 2 + length, data[place + 4 : place + 2 + length]
        if marker == _SCAN:
            return
        place += 2 + length
