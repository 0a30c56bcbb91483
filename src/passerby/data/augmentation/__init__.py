"""Random augmentation of training images, keyed by seed, epoch and position."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.data.augmentation.batch import AugmentationParameters
    from passerby.data.augmentation.transforms import Channels, TestTransform, TrainTransform
    from passerby.data.augmentation.view_parameters import Colours, View, ViewParameters
    from passerby.data.augmentation.views import IMAGENET_MEAN, IMAGENET_STD, Views, ViewsTransform

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "AugmentationParameters",
    "Channels",
    "Colours",
    "TestTransform",
    "TrainTransform",
    "View",
    "ViewParameters",
    "Views",
    "ViewsTransform",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "batch": ["AugmentationParameters"],
        "transforms": ["Channels", "TestTransform", "TrainTransform"],
        "view_parameters": ["Colours", "View", "ViewParameters"],
        "views": ["IMAGENET_MEAN", "IMAGENET_STD", "Views", "ViewsTransform"],
    },
)
