"""Several random views of every image: what self-distillation compares.

The numbers are CION's: two large views of most of the image, which the teacher sees too, and some small ones of parts.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.data.augmentation import colour
from passerby.data.augmentation import colour_uint8 as colour_levels
from passerby.data.augmentation.batch import normalise
from passerby.data.augmentation.transforms import Channels
from passerby.data.augmentation.view_parameters import ORDERS, Colours, View, ViewDraws, draw_view
from passerby.data.cache.pixel_cache import Pixels
from passerby.data.pixels.cropping import cut_out, cut_out_one
from passerby.data.pixels.decoding import Size
from passerby.errors import RecipeError

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)

_CHANGES = (colour.change_brightness, colour.change_contrast, colour.change_saturation, colour.change_hue)


@dataclass(frozen=True)
class ViewsTransform:
    """Cut out, resize, mirror, change colours, blur, solarise, normalise: once for every view.

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

    def draw(
        self, native: NDArray[np.int64], *, seed: int, epoch: int, positions: NDArray[np.int64]
    ) -> tuple[ViewDraws, ...]:
        """The random half, of every view; a sample's depends on (seed, epoch, position) and its size alone.

        Args:
            native: int64 [B, 2], heights and widths of the images.
            seed: of the run.
            epoch: its number.
            positions: int64 [B], global within the epoch.
        """
        return tuple(
            draw_view(
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

    def perform(self, pixels: Pixels, draws: tuple[ViewDraws, ...], device: torch.device | str) -> list[Tensor]:
        """The other half: do what was drawn to uint8 images of any sizes, on a device.

        Returns:
            a tensor float32 [B, 3, H, W] for each view.
        """
        groups = [(places.numpy(), images.to(device, non_blocking=True)) for places, images in pixels.groups]
        count = sum(len(images) for _, images in groups)
        return [
            self._view(view, groups, drawn, count, torch.device(device))
            for view, drawn in zip(self.views, draws, strict=True)
        ]

    def _view(
        self,
        view: View,
        groups: list[tuple[NDArray[np.int64], Tensor]],
        drawn: ViewDraws,
        count: int,
        device: torch.device,
    ) -> Tensor:
        """One view of all images: on a CPU image by image in whole grey levels, elsewhere batch by batch."""
        result = torch.empty((count, 3, *view.size), device=device)
        for places, images in groups:
            if device.type == "cpu":
                for place, image in zip(places.tolist(), images, strict=True):
                    result[place] = torch.from_numpy(seen_one(image, drawn, place, view.size)).permute(2, 0, 1)
            else:
                part = drawn.take(places)
                seen = recoloured(cut_out(images, part.boxes, part.flipped, view.size), part)
                result[torch.from_numpy(places).to(device)] = seen
        return normalise(result, self.mean, self.std)


def seen_one(image: Tensor, drawn: ViewDraws, place: int, size: Size) -> NDArray[np.uint8]:
    """One view of one image on the CPU: uint8 [3, h, w] to uint8 [H, W, 3], as drawn for this place in the batch."""
    top, left, height, width = drawn.boxes[place].tolist()
    seen = cut_out_one(image, (top, left, height, width), size, mirrored=bool(drawn.flipped[place]))
    if drawn.changed[place]:
        factors = drawn.factors[place].tolist()
        for number in ORDERS[drawn.orders[place]]:
            seen = colour_levels.CHANGES[number](seen, factors[number])
    if drawn.grey[place]:
        seen = colour_levels.grey(seen)
    if drawn.deviations[place] > 0:
        seen = colour_levels.blur(seen, float(drawn.deviations[place]))
    return colour_levels.solarise(seen) if drawn.solarised[place] else seen


def recoloured(images: Tensor, drawn: ViewDraws) -> Tensor:
    """Colour changes in the order drawn for each image, grey, blur and solarisation; float32 [B, 3, H, W], 0 to 255.

    On any device; see `seen_one` for CPUs.
    """
    orders = np.array(ORDERS)[drawn.orders]
    for turn in range(len(_CHANGES)):
        for number, change in enumerate(_CHANGES):
            chosen = drawn.changed & (orders[:, turn] == number)
            images = _where(chosen, images, change, drawn.factors[:, number])
    images = _where(drawn.grey, images, lambda each, _: colour.grey_levels(each).repeat(1, 3, 1, 1), drawn.deviations)
    images = _where(drawn.deviations > 0, images, colour.blur, drawn.deviations)
    return _where(drawn.solarised, images, lambda each, _: colour.solarise(each), drawn.deviations)


def _where(chosen: NDArray[np.bool_], images: Tensor, change: colour.Change, amounts: NDArray[np.float32]) -> Tensor:
    """The images, the chosen ones of them changed by their amounts."""
    if not chosen.any():
        return images
    given = torch.from_numpy(amounts[chosen]).to(images.device)
    if chosen.all():
        return change(images, given)
    places = torch.from_numpy(np.flatnonzero(chosen)).to(images.device)
    return images.index_copy(0, places, change(images[places], given).contiguous())
