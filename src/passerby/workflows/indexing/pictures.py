"""The pictures of tracklets: which one people are shown, and their pixels."""

import io
from collections.abc import Sequence

from PIL import Image

from passerby.errors import DataError
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


def opened_picture(crop: Crop, number: int) -> Image.Image:
    """A crop's pixels, RGB.

    Args:
        crop: of a gallery.
        number: of its tracklet, for messages.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with Image.open(io.BytesIO(crop.jpeg), formats=["JPEG"]) as picture:
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"tracklet {number}: its picture of frame {crop.frame} is no JPEG file that can be read: erase the "
            "tracklet, and add it again with its pictures"
        ) from error
