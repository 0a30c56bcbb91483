"""From pictures to what a model takes, and from its boxes back to the pictures; NumPy and OpenCV alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.errors import DataError
from passerby.models.zoo.card import InputSection

Pixels = NDArray[np.uint8]
InputArray = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]

_SAMPLED = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}
_AVERAGED = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in a model's input: x · scale_x + left, y · scale_y + top.

    Attributes:
        width, height: of the picture, in pixels.
        scale_x, scale_y: pixels of the input for one of the picture.
        left, top: of the picture in the input.
    """

    width: int
    height: int
    scale_x: float
    scale_y: float
    left: int = 0
    top: int = 0

    def restore(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes in pixels of the picture and inside it, of boxes in pixels of the input.

        Args:
            boxes: float32 [N, 4], left, top, right, bottom.
        """
        offset = np.array([self.left, self.top] * 2, np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        restored: NDArray[np.float32] = np.clip(
            (boxes - offset) / scale, 0, np.array([self.width, self.height] * 2, np.float32)
        ).astype(np.float32)
        return restored


def place(section: InputSection, height: int, width: int) -> Placement:
    """Where a picture of this height and width lies in the model's input."""
    rows, columns = section.size
    if section.resize == "squash":
        return Placement(width, height, columns / width, rows / height)
    scale = min(rows / height, columns / width)
    if section.resize == "letterbox-top-left":
        return Placement(width, height, scale, scale)
    inner_rows, inner_columns = _inner_size(section, height, width)
    return Placement(width, height, scale, scale, (columns - inner_columns) // 2, (rows - inner_rows) // 2)


def fit(section: InputSection, picture: Pixels) -> Pixels:
    """The picture resized, and letterboxed where the card says so: uint8 RGB [H, W, 3] of the model's size.

    Args:
        section: the input of a card.
        picture: uint8 RGB [height, width, 3].

    Raises:
        DataError: it is something else, or has no pixels.
    """
    _check_picture(picture)
    height, width = picture.shape[:2]
    if section.resize == "squash":
        return _resized(section, picture, section.size)
    inner = _inner_size(section, height, width)
    where = place(section, height, width)
    canvas: Pixels = np.full((*section.size, 3), section.pad, np.uint8)
    canvas[where.top : where.top + inner[0], where.left : where.left + inner[1]] = _resized(section, picture, inner)
    return canvas


def normalise(section: InputSection, pixels: Pixels) -> InputArray:
    """Pictures of the model's size as its input: channel order, scale, mean, std, layout and dtype of the card.

    Args:
        section: the input of a card.
        pixels: uint8 RGB [N, H, W, 3].

    Returns:
        [N, 3, H, W] or [N, H, W, 3], contiguous.
    """
    ordered: NDArray[Any] = pixels if section.channels == "rgb" else pixels[..., ::-1]
    if section.dtype != "uint8":
        values = ordered.astype(np.float32)
        if section.scale != 1:
            values /= np.float32(section.scale)
        if any(section.mean):
            values -= np.array(section.mean, np.float32)
        if section.std != (1.0, 1.0, 1.0):
            values /= np.array(section.std, np.float32)
        ordered = values.astype(np.float16) if section.dtype == "float16" else values
    arranged: InputArray = np.ascontiguousarray(ordered.transpose(0, 3, 1, 2) if section.layout == "NCHW" else ordered)
    return arranged


def prepare(section: InputSection, pictures: Sequence[Pixels]) -> InputArray:
    """Pictures of any sizes as a model's input.

    Args:
        section: the input of a card.
        pictures: uint8 RGB [height, width, 3] each.

    Returns:
        [N, 3, H, W] or [N, H, W, 3], as the card says.

    Raises:
        DataError: one is no such array, or has no pixels.
    """
    fitted = np.empty((len(pictures), *section.size, 3), np.uint8)
    for row, picture in enumerate(pictures):
        fitted[row] = fit(section, picture)
    return normalise(section, fitted)


def _resized(section: InputSection, picture: Pixels, size: tuple[int, int]) -> Pixels:
    if picture.shape[:2] == size:
        return picture
    if section.antialias:
        averaged = Image.fromarray(picture).resize((size[1], size[0]), _AVERAGED[section.interpolation])
        return np.asarray(averaged)
    sampled = cv2.resize(picture, (size[1], size[0]), interpolation=_SAMPLED[section.interpolation])
    return np.asarray(sampled, np.uint8)


def _inner_size(section: InputSection, height: int, width: int) -> tuple[int, int]:
    """Rows and columns that a letterboxed picture takes."""
    scale = min(section.size[0] / height, section.size[1] / width)
    return max(int(height * scale), 1), max(int(width * scale), 1)


def _check_picture(picture: Pixels) -> None:
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        shown = f"{picture.dtype} {list(picture.shape)}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise DataError(f"a picture must be uint8 RGB [height, width, 3], not {shown}")
    if 0 in picture.shape:
        raise DataError(f"a picture of {picture.shape[0]}×{picture.shape[1]} pixels has none to look at")
