"""What a recipe says of the way from pixels to the network's input."""

from typing import ClassVar, Literal

from pydantic import Field

from passerby.config import Finite, Positive, Probability, Section
from passerby.data.augmentation.transforms import TestTransform, TrainTransform

Interpolation = Literal["bicubic", "bilinear"]


class AugmentationSection(Section):
    """From pixels to the network's input."""

    mean: tuple[Finite, Finite, Finite] = (0.5, 0.5, 0.5)
    """Subtracted from each channel (of values 0–1)."""
    std: tuple[Positive, Positive, Positive] = (0.5, 0.5, 0.5)
    """Divides each channel."""
    flip: Probability = 0.5
    """Probability of mirroring."""
    padding: int = Field(default=10, ge=0)
    """Zeros around the image before cropping back, in pixels."""
    erasing: Probability = 0.5
    """Probability of replacing a rectangle by noise."""

    TRAIN_INTERPOLATION: ClassVar[Interpolation] = "bicubic"
    """Resizing in training."""
    TEST_INTERPOLATION: ClassVar[Interpolation] = "bilinear"
    """Resizing elsewhere; CLIP-ReID's code differs between the two."""

    def transforms(self, size: tuple[int, int]) -> tuple[TrainTransform, TestTransform]:
        """For training, and for everything else.

        Args:
            size: height and width in pixels.
        """
        train = TrainTransform(
            size=size,
            mean=self.mean,
            std=self.std,
            interpolation=self.TRAIN_INTERPOLATION,
            flip=self.flip,
            padding=self.padding,
            erasing=self.erasing,
        )
        return train, TestTransform(size=size, mean=self.mean, std=self.std, interpolation=self.TEST_INTERPOLATION)
