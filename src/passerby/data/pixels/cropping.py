"""Cut boxes out of uint8 images and resize them bicubically, each its own box, on the device they are on."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from passerby.data.pixels.decoding import Size

_SLOPE = -0.5
"""Of Keys' cubic convolution, as in Pillow."""


def cut_out_one(image: Tensor, box: tuple[int, int, int, int], size: Size, *, mirrored: bool) -> NDArray[np.uint8]:
    """A box of an image on the CPU, resized with antialiasing; Pillow's pixels up to two grey levels.

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


def cut_out(images: Tensor, boxes: NDArray[np.int64], flipped: NDArray[np.bool_], size: Size) -> Tensor:
    """The same for boxes of a batch of images of one size, as two products of matrices on any device.

    Args:
        images: uint8 [B, 3, h, w].
        boxes: int64 [B, 4], top, left, height and width.
        flipped: bool [B], which are mirrored left to right.
        size: of the result.

    Returns:
        float32 [B, 3, H, W], whole values 0 to 255, not rounded between the two directions.
    """
    device = images.device
    top, left, height, width = torch.from_numpy(boxes).to(device, torch.float32).unbind(1)
    rows = _weights(top, height, images.shape[2], size[0])
    columns = _weights(left, width, images.shape[3], size[1])
    mirrored = torch.from_numpy(flipped).to(device)[:, None, None]
    columns = torch.where(mirrored, columns.flip(1), columns)
    with torch.autocast(device.type, enabled=False):
        narrowed = images.float() @ columns.transpose(1, 2)[:, None]
        return (rows[:, None] @ narrowed).round_().clamp_(0, 255)


def _weights(start: Tensor, extent: Tensor, pixels: int, length: int) -> Tensor:
    """Weights [B, length, pixels] of the pixels of one direction in each new pixel of a box; see `resizing`."""
    scale = (extent / length)[:, None, None]
    width = scale.clamp(min=1)
    new = torch.arange(length, device=start.device)[None, :, None]
    places = torch.arange(pixels, device=start.device)[None, None, :] - start[:, None, None]
    inside = (places >= 0) & (places < extent[:, None, None])
    d = ((places + 0.5 - (new + 0.5) * scale) / width).abs()
    a = _SLOPE
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    weights = torch.where(d < 1, near, torch.where(d < 2, far, 0.0)) * inside
    return weights / weights.sum(2, keepdim=True)
