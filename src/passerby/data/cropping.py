"""Cut boxes out of uint8 images and resize them bicubically, each its own box, on the device they are on."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from passerby.data.pixels import Size

_SLOPE = -0.5
"""Of Keys' cubic convolution, as in Pillow."""


def cut_out(images: Tensor, boxes: NDArray[np.int64], flipped: NDArray[np.bool_], size: Size) -> Tensor:
    """Boxes of images of one size, resized with antialiasing and mirrored where told.

    The filter sees nothing outside of the box, as if the box had been cut out first. On the CPU torch's kernel for
    uint8 resizes one box after the other, which gives Pillow's pixels up to two grey levels; elsewhere all boxes of a
    batch are resized by two products of matrices, to values that are not rounded in between.

    Args:
        images: uint8 [B, 3, h, w].
        boxes: int64 [B, 4], top, left, height and width.
        flipped: bool [B].
        size: of the result.

    Returns:
        float32 [B, 3, H, W], whole values 0 to 255.
    """
    if images.device.type == "cpu":
        return _one_by_one(images, boxes, flipped, size)
    return by_products(images, boxes, flipped, size)


def _one_by_one(images: Tensor, boxes: NDArray[np.int64], flipped: NDArray[np.bool_], size: Size) -> Tensor:
    result = torch.empty((len(images), 3, *size))
    for image, (top, left, height, width), mirror, target in zip(images, boxes.tolist(), flipped, result, strict=True):
        box = image[None, :, top : top + height, left : left + width]
        resized = interpolate(box, size, mode="bicubic", antialias=True)[0]
        target.copy_(resized.flip(2) if mirror else resized)
    return result


def by_products(images: Tensor, boxes: NDArray[np.int64], flipped: NDArray[np.bool_], size: Size) -> Tensor:
    """The same as two products of matrices for the whole batch, on any device."""
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
