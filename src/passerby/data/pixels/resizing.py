"""Resize whole batches of uint8 images as Pillow does, on the device they are on.

Pillow resizes one direction after the other. An output pixel is a sum of neighbouring pixels times weights that are
rounded to 22 binary digits, and is rounded to a whole grey level after each direction. Done in integers, that gives the
same pixels on every device.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from passerby.data.pixels.decoding import Interpolation, Size, resize_image

_DIGITS = 22  # binary digits of a weight after the point; with 8 of a pixel and 1 of overshoot a sum fits into int32
_REACH = {"bilinear": 1.0, "bicubic": 2.0}  # of the filter to either side, in pixels of the smaller image
_BICUBIC_SLOPE = -0.5
_KINDS_REMEMBERED = 4096
_PIXELS_ASKED = 1 << 22


def resize(images: Tensor, size: Size, interpolation: Interpolation) -> Tensor:
    """Antialiased resize of uint8 [B, 3, h, w] to a new or the same contiguous tensor, uint8 [B, 3, H, W].

    The pixels are Pillow's, with one exception: on the CPU images are doubled (128x64 to 256x128, as those of
    Market-1501 are) by torchvision's integer kernel, four times as fast. There the outer three rows and columns, where
    weights have no exact binary form, may be off by one grey level; at other factors the kernel can be off by two.
    """
    native = (images.shape[2], images.shape[3])
    if native == size:
        return images.contiguous()
    if images.device.type != "cpu":
        return resize_in_integers(images, size, interpolation)
    if all(new in (old, 2 * old) for old, new in zip(native, size, strict=True)):
        return _double(images, size, interpolation)
    resized = torch.empty((len(images), 3, *size), dtype=torch.uint8)
    for image, target in zip(images.permute(0, 2, 3, 1).contiguous().numpy(), resized.numpy(), strict=True):
        target[:] = resize_image(Image.fromarray(image), size, interpolation).transpose(2, 0, 1)
    return resized


def resize_in_integers(images: Tensor, size: Size, interpolation: Interpolation) -> Tensor:
    """Exactly Pillow's pixels on any device; uint8 [B, C, h, w] to a new uint8 [B, C, H, W]."""
    native = (images.shape[2], images.shape[3])
    rows_first = _pillow_resizes_rows_first(native, size, interpolation)
    return _by_directions(images, size, interpolation, rows_first=rows_first).contiguous()


def _double(images: Tensor, size: Size, interpolation: Interpolation) -> Tensor:
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional

    images = images.contiguous(memory_format=torch.channels_last)  # the fast kernel's order
    resized: Tensor = functional.resize(images, list(size), InterpolationMode(interpolation), antialias=True)
    return resized.contiguous()


@lru_cache(_KINDS_REMEMBERED)
def _pillow_resizes_rows_first(native: Size, size: Size, interpolation: Interpolation) -> bool:
    """Whether the installed Pillow changes the number of rows before that of columns.

    Before version 13 it never does, since then it does where that seems less work. Hard edges tell the orders apart,
    by up to 30 grey levels where bicubic overshoot is cut off in between, so Pillow is asked with pictures of them, as
    a rule one; only where hardly a pixel is left do both orders often give the same.
    """
    if native[0] == size[0] or native[1] == size[1]:
        return False
    generator = np.random.default_rng(0)
    for count in (1, max(1, min(1000, _PIXELS_ASKED // (native[0] * native[1])))):
        edges = generator.integers(0, 2, (count, 1, *native), dtype=np.uint8) * np.uint8(255)
        columns_first, rows_first = (
            _by_directions(torch.from_numpy(edges), size, interpolation, rows_first=order)[:, 0].numpy()
            for order in (False, True)
        )
        telling = np.flatnonzero((columns_first != rows_first).any((1, 2)))
        if len(telling):
            by_pillow = resize_image(Image.fromarray(edges[telling[0], 0]), size, interpolation)
            return np.array_equal(by_pillow, rows_first[telling[0]])
    return False


def _by_directions(images: Tensor, size: Size, interpolation: Interpolation, *, rows_first: bool) -> Tensor:
    for dimension in (2, 3) if rows_first else (3, 2):
        if images.shape[dimension] != size[dimension - 2]:
            images = _resize_direction(images, dimension, size[dimension - 2], interpolation)
    return images


def _resize_direction(images: Tensor, dimension: int, length: int, interpolation: Interpolation) -> Tensor:
    """One direction, for any number of dimensions: the weighted neighbours are added up one rank after the other."""
    places, weights = _neighbours(images.shape[dimension], length, interpolation)
    shape = [1] * images.ndim
    shape[dimension] = length
    total: Tensor | None = None
    for place, weight in zip(places, weights, strict=True):
        term = images.index_select(dimension, torch.from_numpy(place).to(images.device)).to(torch.int32)
        term *= torch.from_numpy(weight).to(images.device).reshape(shape)
        total = term if total is None else total.add_(term)
    assert total is not None
    total += 1 << (_DIGITS - 1)  # so that the shift rounds
    return (total >> _DIGITS).clamp_(0, 255).to(torch.uint8)


@lru_cache(_KINDS_REMEMBERED)
def _neighbours(extent: int, length: int, interpolation: Interpolation) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Which pixels make up each of `length` new ones out of `extent`, and their weights; both [neighbours, length].

    The filter is as wide as a pixel of the smaller image needs (antialiasing) and is cut off at the border, after which
    the weights add up to 1 again.
    """
    scale = extent / length
    width = max(scale, 1.0)
    reach = _REACH[interpolation] * width
    centres = (np.arange(length) + 0.5) * scale
    first = np.maximum((centres - reach + 0.5).astype(np.int64), 0)
    end = np.minimum((centres + reach + 0.5).astype(np.int64), extent)
    places = first + np.arange((end - first).max())[:, None]
    weights = _filter(np.abs(places - centres + 0.5) * (1 / width), interpolation)
    weights[places >= end] = 0
    weights /= weights.sum(axis=0)
    rounded = np.trunc(weights * 2**_DIGITS + np.copysign(0.5, weights)).astype(np.int32)
    return np.minimum(places, extent - 1), rounded


def _filter(distance: NDArray[np.float64], interpolation: Interpolation) -> NDArray[np.float64]:
    """Weight of a pixel by its distance: a triangle, or Keys' cubic convolution (1981)."""
    if interpolation == "bilinear":
        return np.maximum(1 - distance, 0)
    a, d = _BICUBIC_SLOPE, distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d < 1, near, np.where(d < 2, far, 0.0))
