"""Colour changes and blur of one image, the same pixels whatever device the network trains on.

Images are uint8 RGB [H, W, 3], and every change rounds to uint8, as Pillow does in published programs. The changes are
those of torchvision's `adjust_*` functions.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_LEVELS = np.arange(256, dtype=np.float32)
_SOLARISED = np.where(np.arange(256) >= 128, 255 - np.arange(256), np.arange(256)).astype(np.uint8)
_REACH = 3
"""A Gaussian is cut off at so many standard deviations."""


def change_brightness(image: Image, factor: float) -> Image:
    """Multiply by a factor."""
    return _looked_up(image, _LEVELS * factor)


def change_contrast(image: Image, factor: float) -> Image:
    """Move away from the mean brightness of the image by a factor; below 1 towards it."""
    mean = cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]
    return _looked_up(image, mean + factor * (_LEVELS - mean))


def change_saturation(image: Image, factor: float) -> Image:
    """Move away from the grey image by a factor; below 1 towards it."""
    return _array(cv2.addWeighted(image, factor, grey(image), 1 - factor, 0))


def change_hue(image: Image, turn: float) -> Image:
    """Turn the hue, where 1 is the whole circle; in 256 steps."""
    turned = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    turned[:, :, 0] += np.uint8(round(turn * 256) % 256)
    return _array(cv2.cvtColor(turned, cv2.COLOR_HSV2RGB_FULL))


def grey(image: Image) -> Image:
    """The brightness of every pixel in all three channels."""
    return _array(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def blur(image: Image, deviation: float) -> Image:
    """Gaussian blur by a standard deviation in pixels; beyond the border the image goes on as it is there."""
    size = 2 * max(1, math.ceil(_REACH * deviation)) + 1
    return _array(cv2.GaussianBlur(image, (size, size), deviation, borderType=cv2.BORDER_REPLICATE))


def solarise(image: Image) -> Image:
    """Invert the values from 128 on."""
    return _array(cv2.LUT(image, _SOLARISED))


def _looked_up(image: Image, table: NDArray[np.float32]) -> Image:
    return _array(cv2.LUT(image, np.rint(table).clip(0, 255).astype(np.uint8)))


def _array(image: object) -> Image:
    return np.asarray(image, dtype=np.uint8)


CHANGES: tuple[Callable[[Image, float], Image], ...] = (
    change_brightness,
    change_contrast,
    change_saturation,
    change_hue,
)
"""In the order in which `ViewParameters` numbers them."""
