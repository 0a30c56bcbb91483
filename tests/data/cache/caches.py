"""Pixel caches that tests make, and what they are held against."""

import numpy as np
import pytest

from passerby.data.cache.pixel_cache import PixelCache
from passerby.data.pixels.decoding import read_image, resize_image

SIZE = (32, 16)
RAGGED = [(40, 20), (31, 17), (40, 20), (64, 32), (32, 16), (31, 17), (90, 25)]


def opened(split, folder, size=SIZE, **changes) -> PixelCache:
    return PixelCache.open(split, size, "bicubic", folder, **{"show_progress": False} | changes)


def by_pillow(split, rows, size=SIZE, interpolation="bicubic") -> np.ndarray:
    images = [resize_image(read_image(split.path(row)), size, interpolation).transpose(2, 0, 1) for row in rows]
    return np.stack(images)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on stderr since the last call, on one line."""
    return capsys.readouterr().err.replace("\n", "")
