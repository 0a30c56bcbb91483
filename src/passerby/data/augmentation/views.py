"""Several random views of every image, as self-distillation compares them.

The numbers are CION's: two large views of most of the image, which the teacher sees too, and some small ones of parts.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.data.augmentation import colour
from passerby.data.augmentation.batch import normalise
from passerby.data.augmentation.transforms import Channels
from passerby.data.augmentation.view_parameters import ORDERS, Colours, View, ViewParameters, sample_view
from passerby.data.cache.pixel_cache import Pixels
from passerby.data.pixels.cropping import crop_and_resize
from passerby.data.pixels.decoding import Size
from passerby.data.pixels.reading import thread_count
from passerby.errors import RecipeError

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)


class Views(NamedTuple):
    """Views of the images of a batch, before they are normalised.

    Attributes:
        images: uint8 [B, 3, H, W] on the CPU, for each view.
    """

    images: tuple[Tensor, ...]

    def pinned(self) -> "Views":
        """The same in page-locked memory, from which copies to a GPU need not be waited for."""
        return Views(tuple(images.pin_memory() for images in self.images))


@dataclass(frozen=True)
class ViewsTransform:
    """Crop, resize, mirror, change colours, blur, solarise and normalise, once for every view.

    Pixels are made on the CPU, in threads, and only normalised on the device, so that they do not depend on it.

    Attributes:
        views: the kinds of views, in their order.
        ratio: smallest and largest width / height of what is cut out.
        flip: probability of mirroring.
        colours: how colours change.
        mean: per channel (RGB), on the scale 0..1.
        std: per channel (RGB), on the scale 0..1.
    """

    views: tuple[View, ...]
    ratio: tuple[float, float] = (0.4, 0.6)
    flip: float = 0.5
    colours: Colours = field(default_factory=Colours)
    mean: Channels = IMAGENET_MEAN
    std: Channels = IMAGENET_STD

    def __post_init__(self) -> None:
        if not self.views:
            raise RecipeError("views: at least one is needed")
        for name, (low, high) in (("ratio", self.ratio), *(("area", view.area) for view in self.views)):
            if not 0 < low <= high:
                raise RecipeError(f"{name}: must be a smaller and a larger value above 0, not {low} and {high}")

    def sample(
        self, native: NDArray[np.int64], *, seed: int, epoch: int, positions: NDArray[np.int64]
    ) -> tuple[ViewParameters, ...]:
        """The random parameters of every view; a sample's depend on (seed, epoch, position) and its size alone.

        Args:
            native: int64 [B, 2], heights and widths of the images.
            seed: of the run.
            epoch: its number.
            positions: int64 [B], global within the epoch.
        """
        return tuple(
            sample_view(
                view,
                self.colours,
                native,
                number=number,
                positions=positions,
                seed=seed,
                epoch=epoch,
                ratio=self.ratio,
                flip=self.flip,
            )
            for number, view in enumerate(self.views)
        )

    def apply(self, pixels: Pixels, parameters: tuple[ViewParameters, ...]) -> Views:
        """The views of a batch of uint8 images of any sizes."""
        count = sum(len(images) for _, images in pixels.groups)
        made = [np.empty((count, *view.size, 3), np.uint8) for view in self.views]

        def make(place: int, image: Tensor) -> None:
            for view, sampled, target in zip(self.views, parameters, made, strict=True):
                target[place] = make_view(image, sampled, place, view.size)

        places = [place for of_group, _ in pixels.groups for place in of_group.tolist()]
        with ThreadPoolExecutor(thread_count()) as pool:
            list(pool.map(make, places, (image for _, images in pixels.groups for image in images)))
        return Views(tuple(torch.from_numpy(images).permute(0, 3, 1, 2) for images in made))

    def normalise(self, views: Views, device: torch.device | str) -> tuple[Tensor, ...]:
        """The views on a device, float32 [B, 3, H, W] each."""
        return tuple(normalise(images.to(device, non_blocking=True), self.mean, self.std) for images in views.images)


def make_view(image: Tensor, parameters: ViewParameters, place: int, size: Size) -> NDArray[np.uint8]:
    """One view of an image: uint8 [3, h, w] to uint8 [H, W, 3], with the parameters at this place in the batch."""
    top, left, height, width = parameters.boxes[place].tolist()
    view = crop_and_resize(image, (top, left, height, width), size, mirrored=bool(parameters.flipped[place]))
    if parameters.changed[place]:
        factors = parameters.factors[place].tolist()
        for number in ORDERS[parameters.orders[place]]:
            view = colour.CHANGES[number](view, factors[number])
    if parameters.grey[place]:
        view = colour.grey(view)
    if parameters.deviations[place] > 0:
        view = colour.blur(view, float(parameters.deviations[place]))
    return colour.solarise(view) if parameters.solarised[place] else view
