"""Colour changes and blur of whole batches, each image by its own amount, on the device they are on.

Images are float32 [B, 3, H, W] with values 0 to 255, and results are clamped to that range. The changes are those of
torchvision's `adjust_*` functions; where published programs work on whole grey levels (Pillow), these do not round.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

Change = Callable[[Tensor, Tensor], Tensor]
"""Images [B, 3, H, W] and an amount for each [B] to changed images."""

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
"""Shares of the channels in brightness (ITU-R 601)."""

_REACH = 3
"""A Gaussian is cut off at so many standard deviations."""


def grey_levels(images: Tensor) -> Tensor:
    """Brightness of every pixel, [B, 1, H, W]."""
    red, green, blue = images.unbind(1)
    return (red * _RED).add_(green, alpha=_GREEN).add_(blue, alpha=_BLUE).unsqueeze(1)


def change_brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply by factors [B]."""
    return (images * _each(factors)).clamp_(0, 255)


def change_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Move away from the mean brightness of the image by factors [B]; below 1 towards it."""
    return _blended(images, grey_levels(images).mean((1, 2, 3), keepdim=True), factors)


def change_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Move away from the grey image by factors [B]; below 1 towards it."""
    return _blended(images, grey_levels(images), factors)


def change_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn the hue by [B], where 1 is the whole circle; brightest channel and chroma of every pixel stay.

    With the hue h counted in sixths of the circle, a channel is V - C · clamp(min(k, 4 - k), 0, 1) for
    k = (n + h) mod 6 and n = 5, 3, 1 for red, green and blue.
    """
    red, green, blue = images.unbind(1)
    value = images.amax(1)
    chroma = value - images.amin(1)
    divisor = chroma.clamp(min=1e-6)
    hue = torch.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4)
    hue = torch.where(value == red, (green - blue) / divisor, hue).add_(6 * turns[:, None, None])
    turned = torch.empty_like(images)
    for channel, n in enumerate((5, 3, 1)):
        k = hue + n
        k -= (k / 6).floor_().mul_(6)
        turned[:, channel] = value - chroma * torch.minimum(k, 4 - k).clamp_(0, 1)
    return turned


def blur(images: Tensor, deviations: Tensor) -> Tensor:
    """Gaussian blur by standard deviations [B] in pixels; beyond the border the image goes on as it is there."""
    places = torch.arange(_reach(images, deviations) + 1, device=images.device, dtype=torch.float32)
    weights = torch.exp(-0.5 * (places / deviations[:, None].clamp(min=1e-3)).square())
    weights = weights / (2 * weights.sum(1, keepdim=True) - 1)  # the middle counts once, the others on both sides
    return _weighted_neighbours(_weighted_neighbours(images, weights, 2), weights, 3)


def _reach(images: Tensor, deviations: Tensor) -> int:
    return min(math.ceil(_REACH * float(deviations.max())), min(images.shape[2:]) - 1)


def _weighted_neighbours(images: Tensor, weights: Tensor, dimension: int) -> Tensor:
    """Sums of the neighbours on both sides in one direction; weights [B, 1 + reach], the image's own first.

    A sum of shifted images: convolution by groups, one for each image, takes several times as long on a CPU.
    """
    reach, length = weights.shape[1] - 1, images.shape[dimension]
    border = (0, 0, reach, reach) if dimension == 2 else (reach, reach, 0, 0)
    padded = pad(images, border, mode="replicate")
    each = weights[:, :, None, None, None]
    total = images * each[:, 0]
    for distance in range(1, reach + 1):
        before = padded.narrow(dimension, reach - distance, length)
        total.addcmul_(before + padded.narrow(dimension, reach + distance, length), each[:, distance])
    return total


def solarise(images: Tensor, threshold: float = 128) -> Tensor:
    """Invert the values from the threshold on."""
    return torch.where(images >= threshold, 255 - images, images)


def _blended(images: Tensor, other: Tensor, factors: Tensor) -> Tensor:
    return torch.lerp(other.expand_as(images), images, _each(factors)).clamp_(0, 255)


def _each(values: Tensor) -> Tensor:
    return values[:, None, None, None]
