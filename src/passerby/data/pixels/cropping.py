"""A box of an image, resized."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from passerby.data.pixels.decoding import Size


def crop_and_resize(image: Tensor, box: tuple[int, int, int, int], size: Size, *, mirrored: bool) -> NDArray[np.uint8]:
    """Crop a box of an image and resize it bicubically with antialiasing; Pillow's pixels up to two grey levels.

    The filter sees nothing outside of the box, as if the box had been cut out first.

    Args:
        image: uint8 [3, h, w].
        box: top, left, height and width.
        size: of the result.
        mirrored: left to right.

    Returns:
        uint8 RGB [H, W, 3].
    """
    top, left, height, width = box
    part = image[None, :, top : top + height, left : left + width].contiguous(memory_format=torch.channels_last)
    resized = interpolate(part, size, mode="bicubic", antialias=True)
    pixels: NDArray[np.uint8] = np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())
    return cv2.flip(pixels, 1).astype(np.uint8, copy=False) if mirrored else pixels
