"""Flip, pad, crop, normalise and erase whole batches of uint8 images, on the device they are on.

The parameters of a sample come from a generator keyed by (seed, epoch, position) alone: neither the batch it comes in,
nor the process, nor the device changes them. All random numbers, the erasing noise included, are drawn with NumPy on
the CPU, so that a sample is the same on every device.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.data.augmentation.keyed_generator import KeyedGenerator
from passerby.data.pixels.decoding import Size

ERASED_AREA = (0.02, 1 / 3)
ERASED_ASPECT = (0.3, 1 / 0.3)
ERASING_TRIES = 10

# The uniform numbers of a sample, by what they decide; two more for each try at a box follow.
_FLIP, _TOP, _LEFT, _ERASE, _BOX_TOP, _BOX_LEFT, _TRIES = range(7)
_UNIFORMS = _TRIES + 2 * ERASING_TRIES
_DECISIONS, _NOISE = 0, 1  # separate streams of random numbers of one sample


@dataclass(frozen=True)
class AugmentationParameters:
    """The random augmentation of each of B images.

    Attributes:
        flipped: bool [B], mirrored left to right.
        shifts: int64 [B, 2], rows and columns by which the crop lies lower and further right than the image,
            `-padding .. padding`.
        boxes: int64 [B, 4], top, left, height and width of the erased box; height 0 where nothing is erased.
        noise: float32, the new values of all boxes one after the other, each in the order channel, row, column.
    """

    flipped: NDArray[np.bool_]
    shifts: NDArray[np.int64]
    boxes: NDArray[np.int64]
    noise: NDArray[np.float32]


def sample_parameters(
    positions: NDArray[np.int64],
    size: Size,
    *,
    flip: float,
    padding: int,
    erasing: float,
    seed: int,
    epoch: int,
    fill: Sequence[float] | None = None,
) -> AugmentationParameters:
    """Sample the augmentation of the samples at `positions` (int64 [B], global within the epoch) for images of `size`.

    Erased boxes get normal noise, or the normalised values `fill`, one for each channel.
    """
    generator = KeyedGenerator(seed, epoch)
    uniforms = np.empty((len(positions), _UNIFORMS))
    for sample, position in enumerate(positions.tolist()):
        generator.at(position, _DECISIONS).random(out=uniforms[sample])
    boxes = _boxes(uniforms, size, erasing)
    values = 3 * boxes[:, 2] * boxes[:, 3]
    noise = np.empty(int(values.sum()), dtype=np.float32)
    end = 0
    for sample in np.flatnonzero(values).tolist():
        begin, end = end, end + int(values[sample])
        if fill is not None:
            noise[begin:end] = np.repeat(fill, (end - begin) // 3)
            continue
        generator.at(int(positions[sample]), _NOISE).standard_normal(dtype=np.float32, out=noise[begin:end])
    return AugmentationParameters(
        flipped=uniforms[:, _FLIP] < flip,
        shifts=(uniforms[:, [_TOP, _LEFT]] * (2 * padding + 1)).astype(np.int64) - padding,
        boxes=boxes,
        noise=noise,
    )


def shift(images: Tensor, parameters: AugmentationParameters) -> Tensor:
    """Flip, pad with zeros and crop back to the same size; uint8 [B, 3, H, W] to a new tensor of the same shape.

    On the CPU each image is one or two strided copies; elsewhere the batch is one gather. Both give the same pixels.
    """
    by = _shift_by_copying if images.device.type == "cpu" else _shift_by_gathering
    return by(images, parameters)


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """`(images / 255 - mean) / std` per channel, as one multiplication and one addition.

    uint8 [B, 3, H, W] to a new float32 tensor of the same shape.
    """
    scale = 1 / (255 * torch.tensor(std, dtype=torch.float64))
    offset = -torch.tensor(mean, dtype=torch.float64) / torch.tensor(std, dtype=torch.float64)
    scale, offset = (values.float().to(images.device)[:, None, None] for values in (scale, offset))
    return images.to(torch.float32, memory_format=torch.contiguous_format).mul_(scale).add_(offset)


def erase_(images: Tensor, parameters: AugmentationParameters) -> Tensor:
    """Fill the drawn boxes with the drawn noise, in place; normalised float32 [B, 3, H, W].

    On the CPU each box is one copy; elsewhere the batch is one masked copy. Both give the same pixels.
    """
    if not parameters.noise.size:
        return images
    return _erase_by_boxes(images, parameters) if images.device.type == "cpu" else _erase_by_mask(images, parameters)


def _boxes(uniforms: NDArray[np.float64], size: Size, erasing: float) -> NDArray[np.int64]:
    """Boxes [B, 4], chosen as timm's and torchvision's RandomErasing do.

    Up to ten tries of a uniform area and a log-uniform aspect ratio until the box is smaller than the image in both
    directions, then a uniform place; where all tries fail the image is left whole.
    """
    height, width = size
    tries = uniforms[:, _TRIES:].reshape(-1, ERASING_TRIES, 2)
    area = (ERASED_AREA[0] + tries[:, :, 0] * (ERASED_AREA[1] - ERASED_AREA[0])) * height * width
    low, high = np.log(ERASED_ASPECT)
    aspect = np.exp(low + tries[:, :, 1] * (high - low))
    heights, widths = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
    fits = (heights < height) & (widths < width)
    first = fits.argmax(axis=1)[:, None]
    box_height = np.take_along_axis(heights, first, axis=1)[:, 0]
    box_width = np.take_along_axis(widths, first, axis=1)[:, 0]
    top = np.floor(uniforms[:, _BOX_TOP] * (height - box_height + 1))
    left = np.floor(uniforms[:, _BOX_LEFT] * (width - box_width + 1))
    boxes = np.stack([top, left, box_height, box_width], axis=1).astype(np.int64)
    boxes[~(fits.any(axis=1) & (uniforms[:, _ERASE] < erasing))] = 0
    return boxes


def _shift_by_copying(images: Tensor, parameters: AugmentationParameters) -> Tensor:
    height, width = images.shape[2:]
    source = images.numpy()
    target = np.zeros(source.shape, dtype=np.uint8)
    for sample, (down, right) in enumerate(parameters.shifts.tolist()):
        image = source[sample, :, :, ::-1] if parameters.flipped[sample] else source[sample]
        rows, columns = _overlap(down, height), _overlap(right, width)
        target[sample, :, rows[0], columns[0]] = image[:, rows[1], columns[1]]
    return torch.from_numpy(target)


def _overlap(shift: int, extent: int) -> tuple[slice, slice]:
    """The overlap of an image and a crop displaced by `shift`, as a slice of the crop and a slice of the image."""
    length = max(extent - abs(shift), 0)
    return slice(max(-shift, 0), max(-shift, 0) + length), slice(max(shift, 0), max(shift, 0) + length)


def _shift_by_gathering(images: Tensor, parameters: AugmentationParameters) -> Tensor:
    device = images.device
    height, width = images.shape[2:]
    shifts = torch.from_numpy(parameters.shifts).to(device)
    flipped = torch.from_numpy(parameters.flipped).to(device)[:, None]
    rows = torch.arange(height, device=device) + shifts[:, :1]
    columns = torch.arange(width, device=device) + shifts[:, 1:]
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    columns = torch.where(flipped, width - 1 - columns, columns).clamp_(0, width - 1)
    samples = torch.arange(len(images), device=device)[:, None, None, None]
    channels = torch.arange(images.shape[1], device=device)[:, None, None]
    gathered = images[samples, channels, rows.clamp_(0, height - 1)[:, None, :, None], columns[:, None, None, :]]
    return gathered * inside[:, None]


def _erase_by_boxes(images: Tensor, parameters: AugmentationParameters) -> Tensor:
    pixels = images.numpy()
    end = 0
    for sample in np.flatnonzero(parameters.boxes[:, 2] * parameters.boxes[:, 3]).tolist():
        top, left, height, width = parameters.boxes[sample].tolist()
        begin, end = end, end + 3 * height * width
        box = parameters.noise[begin:end].reshape(3, height, width)
        pixels[sample, :, top : top + height, left : left + width] = box
    return images


def _erase_by_mask(images: Tensor, parameters: AugmentationParameters) -> Tensor:
    tops, lefts, heights, widths = torch.from_numpy(parameters.boxes).to(images.device)[:, :, None].unbind(1)
    rows, columns = (torch.arange(extent, device=images.device) for extent in images.shape[2:])
    inside_rows = (rows >= tops) & (rows < tops + heights)
    inside_columns = (columns >= lefts) & (columns < lefts + widths)
    inside = (inside_rows[:, :, None] & inside_columns[:, None, :])[:, None].expand_as(images)
    return images.masked_scatter_(inside, torch.from_numpy(parameters.noise).to(images.device))
