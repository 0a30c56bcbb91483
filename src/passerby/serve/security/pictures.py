"""Pictures that somebody sends: nothing is trusted, neither their name nor what they say they are."""

import tempfile
from pathlib import Path

from PIL import Image

from passerby.data.pixels.decoding import read_image, read_size
from passerby.errors import DataError
from passerby.printable import printable_line
from passerby.serve.settings import ServiceSettings

_LONGEST_NAME = 80


def shown_name(name: str | None) -> str:
    """What to call a picture in answers: the last part of its name, without what could command a terminal."""
    text = printable_line((name or "").replace("\\", "/").rpartition("/")[2].strip())
    return text[:_LONGEST_NAME] or "picture"


def read_picture(content: bytes, name: str, settings: ServiceSettings) -> Image.Image:
    """The picture, upright and RGB.

    How many pixels it has is read from its header, before any of them is decoded.

    Args:
        content: the file.
        name: as answers call it.
        settings: how large a picture may be.

    Raises:
        DataError: it is no picture, damaged, or too large.
    """
    with tempfile.TemporaryDirectory(prefix="passerby-picture-") as folder:
        file = Path(folder) / "picture"
        file.write_bytes(content)
        try:
            height, width = read_size(file)
            if height * width > settings.picture_pixels:
                raise DataError(
                    f"image {file} has {height:,}×{width:,} pixels: send one of at most {settings.picture_pixels:,}"
                )
            return read_image(file)
        except DataError as error:
            raise DataError(str(error).replace(str(file), name)) from None
