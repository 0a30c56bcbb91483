"""Small pictures for pages and figures."""

import base64
import io
from pathlib import Path

from PIL import Image, ImageOps

from passerby.data.pixels.opening import open_image
from passerby.errors import PasserbyError

_LIMIT = (96, 192)
"""Pixels; pages show them at about half of that, which is sharp on dense screens."""


def thumbnail(file: Path, limit: tuple[int, int] = _LIMIT) -> Image.Image | None:
    """The picture, RGB, upright and shrunk to fit `limit`; None if it is missing or cannot be decoded.

    A report must show what could be ranked even if a file has gone since: the caller draws a placeholder.
    """
    try:
        with open_image(file) as opened:
            return _shrunk(opened, limit)
    except (PasserbyError, OSError, ValueError, SyntaxError):  # what Pillow raises for broken files
        return None


def thumbnail_of(jpeg: bytes, limit: tuple[int, int] = _LIMIT) -> Image.Image | None:
    """The same of the content of a JPEG file."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as opened:
            return _shrunk(opened, limit)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _shrunk(opened: Image.Image, limit: tuple[int, int]) -> Image.Image:
    opened.draft("RGB", limit)
    picture = ImageOps.exif_transpose(opened).convert("RGB")
    picture.thumbnail(limit, Image.Resampling.LANCZOS)
    return picture


def data_uri(picture: Image.Image) -> str:
    """The picture as a JPEG inside a `data:` address, for pages that stand alone."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
