"""Transforms of images for training and testing, batched and keyed, with published numbers as defaults.

The numbers are those of CLIP-ReID (`datasets/make_dataloader_clipreid.py`, `configs/person/*.yml`); note that its
training images are resized bicubically and its test images bilinearly. ViT towers use mean = std = 0.5, ResNets
ImageNet's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from passerby.data.augmentation.batch import (
    ERASED_AREA,
    ERASED_ASPECT,
    AugmentationParameters,
    erase_,
    normalise,
    sample_parameters,
    shift,
)
from passerby.data.pixels.decoding import INTERPOLATIONS, Interpolation, Size, resize_image, to_rgb
from passerby.errors import DataError, RecipeError

if TYPE_CHECKING:
    from torchvision.transforms import v2

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class TrainTransform:
    """Resize, flip, pad with zeros, crop, normalise, erase.

    Attributes:
        size: height and width that the network sees.
        mean: per channel (RGB), on the scale 0..1.
        std: per channel (RGB), on the scale 0..1.
        interpolation: "bicubic" or "bilinear".
        flip: probability of mirroring left to right.
        padding: pixels of black added on each side before cropping back to `size`.
        erasing: probability of filling a box (random erasing).
        fill: with normal "noise", or with "black".
    """

    size: Size = (256, 128)
    mean: Channels = (0.5, 0.5, 0.5)
    std: Channels = (0.5, 0.5, 0.5)
    interpolation: Interpolation = "bicubic"
    flip: float = 0.5
    padding: int = 10
    erasing: float = 0.5
    fill: Literal["noise", "black"] = "noise"

    def __post_init__(self) -> None:
        _check(self.size, self.mean, self.std, self.interpolation)
        for name in ("flip", "erasing"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"{name} is a probability, between 0 and 1, not {getattr(self, name)}")
        if not 0 <= self.padding <= min(self.size) // 2:
            raise RecipeError(
                f"padding must be 0 to {min(self.size) // 2} pixels for images of {self.size[0]}×{self.size[1]}, "
                f"not {self.padding}: with more, crops could be black altogether"
            )

    def chain(self) -> "v2.Compose":
        """The same as torchvision's per-image chain, from a PIL RGB image to float32 [3, H, W].

        Samples from torch's global generator. passerby trains with `augment`, which gives samples of the same
        distribution; this is for comparing with it, and for use in loaders of one's own.
        """
        from torchvision.transforms import InterpolationMode, v2

        return v2.Compose(
            [
                v2.Resize(list(self.size), InterpolationMode(self.interpolation), antialias=True),
                v2.RandomHorizontalFlip(self.flip),
                v2.Pad(self.padding, fill=0),
                v2.RandomCrop(list(self.size)),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(list(self.mean), list(self.std)),
                v2.RandomErasing(
                    self.erasing,
                    scale=ERASED_AREA,
                    ratio=ERASED_ASPECT,
                    value="random" if self.fill == "noise" else list(self._black),
                ),
            ]
        )

    def augment(self, images: Tensor, *, seed: int, epoch: int, positions: NDArray[np.int64] | Tensor) -> Tensor:
        """Augment and normalise a batch on the device it is on.

        Args:
            images: uint8 [B, 3, H, W], already at `size`.
            seed: of the run.
            epoch: number of the epoch.
            positions: int64 [B], global position of each sample in the epoch. A sample's randomness depends on
                (seed, epoch, position) alone.

        Returns:
            float32 [B, 3, H, W].

        Raises:
            DataError: images of another type or size, or as many positions as there are no images.
        """
        return self.apply(images, self.sample(seed=seed, epoch=epoch, positions=positions))

    def sample(self, *, seed: int, epoch: int, positions: NDArray[np.int64] | Tensor) -> AugmentationParameters:
        """The random half of `augment`, drawn on the CPU without the images."""
        if seed < 0 or epoch < 0:
            raise DataError(f"seed and epoch must not be negative, but are {seed} and {epoch}")
        return sample_parameters(
            np.asarray(positions, dtype=np.int64),
            self.size,
            flip=self.flip,
            padding=self.padding,
            erasing=self.erasing,
            seed=seed,
            epoch=epoch,
            fill=self._black if self.fill == "black" else None,
        )

    @property
    def _black(self) -> Channels:
        red, green, blue = (-mean / std for mean, std in zip(self.mean, self.std, strict=True))
        return red, green, blue

    def apply(self, images: Tensor, parameters: AugmentationParameters) -> Tensor:
        """The other half of `augment`, on the images' device: uint8 [B, 3, H, W] to float32 [B, 3, H, W]."""
        _check_batch(images, self.size)
        if len(images) != len(parameters.flipped):
            raise DataError(f"{len(images)} images, but {len(parameters.flipped)} positions")
        return erase_(normalise(shift(images, parameters), self.mean, self.std), parameters)


@dataclass(frozen=True)
class TestTransform:
    """Resize and normalise; no randomness.

    Attributes:
        size: height and width that the network sees.
        mean: per channel (RGB), on the scale 0..1.
        std: per channel (RGB), on the scale 0..1.
        interpolation: "bilinear" or "bicubic".
    """

    __test__ = False  # not a test case, whatever its name suggests to pytest

    size: Size = (256, 128)
    mean: Channels = (0.5, 0.5, 0.5)
    std: Channels = (0.5, 0.5, 0.5)
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        _check(self.size, self.mean, self.std, self.interpolation)

    def __call__(self, image: Image.Image | NDArray[np.uint8]) -> Tensor:
        """One image as the network sees it.

        Args:
            image: PIL image of any mode, or uint8 RGB [h, w, 3], of any size.

        Returns:
            float32 [3, H, W].
        """
        pixels = torch.from_numpy(self.resize(image).transpose(2, 0, 1)[None].copy())
        return self.normalise(pixels)[0]

    def resize(self, image: Image.Image | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image as uint8 RGB [H, W, 3] at `size`, as Pillow resizes (antialiased).

        Raises:
            DataError: an array that is not uint8 [h, w, 3].
        """
        if isinstance(image, np.ndarray):
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise DataError(f"an image array must be uint8 RGB [height, width, 3], not {image.dtype} {image.shape}")
            image = Image.fromarray(image)
        return resize_image(to_rgb(image), self.size, self.interpolation)

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 [B, 3, H, W] at `size`, on any device, to float32 of the same shape."""
        _check_batch(images, self.size)
        return normalise(images, self.mean, self.std)


def _check(size: Size, mean: Channels, std: Channels, interpolation: str) -> None:
    if not _are_numbers(size, 2) or not all(isinstance(side, Integral) for side in size) or min(size) < 1:
        raise RecipeError(f"size must be height and width in pixels, at least 1 each, not {size}")
    if not _are_numbers(mean, 3) or not _are_numbers(std, 3) or min(std) <= 0:
        raise RecipeError(f"mean and std need a value for each of R, G, B, and std more than 0, not {mean} and {std}")
    if interpolation not in INTERPOLATIONS:
        raise RecipeError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, not {interpolation!r}")


def _are_numbers(values: object, count: int) -> bool:
    """Whether values are so many finite numbers."""
    return (
        isinstance(values, Sequence)
        and len(values) == count
        and all(isinstance(each, Real) and not isinstance(each, bool) and math.isfinite(each) for each in values)
    )


def _check_batch(images: Tensor, size: Size) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4 or tuple(images.shape[1:]) != (3, *size):
        raise DataError(f"images must be uint8 [B, 3, {size[0]}, {size[1]}], not {images.dtype} {list(images.shape)}")
