"""Which picture of a tracklet people are shown."""

import io
from collections.abc import Sequence

from PIL import Image

from passerby.gallery.records import Crop


def largest_picture(crops: Sequence[Crop]) -> bytes:
    """The JPEG file of the crop with most pixels; of one at least. One that cannot be read counts as empty."""
    return max(crops, key=lambda crop: _pixels(crop.jpeg)).jpeg


def _pixels(jpeg: bytes) -> int:
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            return picture.width * picture.height
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 0
