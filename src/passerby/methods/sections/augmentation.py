"""What a recipe says of the way from pixels to the network's input."""

from typing import Literal

from pydantic import Field

from passerby.config import Finite, Positive, Probability, Section
from passerby.data.augmentation.transforms import TestTransform, TrainTransform


class AugmentationSection(Section):
    """From pixels to the network's input."""

    mean: tuple[Finite, Finite, Finite] = (0.5, 0.5, 0.5)
    """Subtracted from each channel (of values 0–1)."""
    std: tuple[Positive, Positive, Positive] = (0.5, 0.5, 0.5)
    """Divides each channel."""
    train_interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    """Resizing in training."""
    test_interpolation: Literal["bicubic", "bilinear"] = "bilinear"
    """Resizing elsewhere; the published code differs between the two."""
    flip: Probability = 0.5
    """Probability of mirroring."""
    padding: int = Field(default=10, ge=0)
    """Zeros around the image before cropping back, in pixels."""
    erasing: Probability = 0.5
    """Probability of replacing a rectangle by noise."""

    def transforms(self, size: tuple[int, int]) -> tuple[TrainTransform, TestTransform]:
        """For training, and for everything else.

        Args:
            size: height and width in pixels.
        """
        train = TrainTransform(
            size=size,
            mean=self.mean,
            std=self.std,
            interpolation=self.train_interpolation,
            flip=self.flip,
            padding=self.padding,
            erasing=self.erasing,
        )
        return train, TestTransform(size=size, mean=self.mean, std=self.std, interpolation=self.test_interpolation)
