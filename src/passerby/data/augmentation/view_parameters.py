"""Random parameters of the views of an image, drawn with NumPy and keyed by sample, so alike on every device."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.data.augmentation.keyed_generator import KeyedGenerator
from passerby.data.pixels.decoding import Size

TRIES = 10
ORDERS = tuple(itertools.permutations(range(4)))
"""In which order brightness, contrast, saturation and hue (0 to 3) are changed."""

# The uniform numbers of a view, by what they decide; two more for each try at a box follow.
_FLIP, _TOP, _LEFT, _JITTER, _ORDER, _GREY, _BLUR, _DEVIATION, _SOLARISE = range(9)
_FACTORS = slice(9, 13)
_FIRST_TRY = 13
_UNIFORMS = _FIRST_TRY + 2 * TRIES


@dataclass(frozen=True)
class View:
    """One kind of view of an image.

    Attributes:
        size: height and width in pixels.
        area: smallest and largest share of the image that is cut out.
        blur: probability of blurring.
        solarise: probability of inverting bright values.
    """

    size: Size
    area: tuple[float, float]
    blur: float = 0.0
    solarise: float = 0.0


@dataclass(frozen=True)
class Colours:
    """Random changes of colours, for all views.

    Attributes:
        probability: of changing brightness, contrast, saturation and hue, in random order.
        strengths: of each of the four; a factor from 1 - s to 1 + s, for hue a part of the circle from -s to s.
        grey: probability of leaving brightness only.
        deviations: smallest and largest standard deviation of a blur, in pixels.
    """

    probability: float = 0.8
    strengths: tuple[float, float, float, float] = (0.4, 0.4, 0.2, 0.1)
    grey: float = 0.2
    deviations: tuple[float, float] = (0.1, 2.0)


@dataclass(frozen=True)
class ViewParameters:
    """One view of each of B images.

    Attributes:
        boxes: int64 [B, 4], top, left, height and width of what is cut out.
        flipped: bool [B], mirrored left to right.
        changed: bool [B], whether colours change.
        orders: int64 [B], rows of `ORDERS`.
        factors: float32 [B, 4], of brightness, contrast and saturation, and the turn of hue.
        grey: bool [B].
        deviations: float32 [B], standard deviations of blurs in pixels; 0: none.
        solarised: bool [B].
    """

    boxes: NDArray[np.int64]
    flipped: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    orders: NDArray[np.int64]
    factors: NDArray[np.float32]
    grey: NDArray[np.bool_]
    deviations: NDArray[np.float32]
    solarised: NDArray[np.bool_]


def sample_view(
    view: View,
    colours: Colours,
    native: NDArray[np.int64],
    *,
    number: int,
    positions: NDArray[np.int64],
    seed: int,
    epoch: int,
    ratio: tuple[float, float],
    flip: float,
) -> ViewParameters:
    """Sample one view of the samples at `positions`.

    Args:
        view: its kind.
        colours: what happens to colours.
        native: int64 [B, 2], heights and widths of the images.
        number: which of the sample's views this is; each has random numbers of its own.
        positions: int64 [B], global within the epoch.
        seed: of the run.
        epoch: its number.
        ratio: smallest and largest width / height of what is cut out.
        flip: probability of mirroring.
    """
    generator = KeyedGenerator(seed, epoch)
    uniforms = np.empty((len(positions), _UNIFORMS))
    for sample, position in enumerate(positions.tolist()):
        generator.at(position, number).random(out=uniforms[sample])
    strengths = np.array(colours.strengths)
    spread = (2 * uniforms[:, _FACTORS] - 1) * strengths
    low, high = colours.deviations
    deviations = low + (high - low) * uniforms[:, _DEVIATION]
    return ViewParameters(
        boxes=_boxes(uniforms, native, view.area, ratio),
        flipped=uniforms[:, _FLIP] < flip,
        changed=uniforms[:, _JITTER] < colours.probability,
        orders=(uniforms[:, _ORDER] * len(ORDERS)).astype(np.int64),
        factors=(spread + np.array([1, 1, 1, 0])).clip(min=[0, 0, 0, -0.5]).astype(np.float32),
        grey=uniforms[:, _GREY] < colours.grey,
        deviations=np.where(uniforms[:, _BLUR] < view.blur, deviations, 0).astype(np.float32),
        solarised=uniforms[:, _SOLARISE] < view.solarise,
    )


def _boxes(
    uniforms: NDArray[np.float64], native: NDArray[np.int64], area: tuple[float, float], ratio: tuple[float, float]
) -> NDArray[np.int64]:
    """Boxes [B, 4], chosen as torchvision's RandomResizedCrop does.

    Up to ten tries of a uniform area and a log-uniform ratio until the box fits into the image, then a uniform place;
    where all tries fail, the largest box of an allowed ratio in the middle.
    """
    tries = uniforms[:, _FIRST_TRY:].reshape(-1, TRIES, 2)
    height, width = native[:, :1], native[:, 1:]
    areas = (area[0] + tries[:, :, 0] * (area[1] - area[0])) * height * width
    low, high = np.log(ratio)
    ratios = np.exp(low + tries[:, :, 1] * (high - low))
    heights, widths = np.rint(np.sqrt(areas / ratios)), np.rint(np.sqrt(areas * ratios))
    fits = (heights > 0) & (heights <= height) & (widths > 0) & (widths <= width)
    first = fits.argmax(1)[:, None]
    box_height = np.take_along_axis(heights, first, 1)[:, 0]
    box_width = np.take_along_axis(widths, first, 1)[:, 0]
    top = np.floor(uniforms[:, _TOP] * (native[:, 0] - box_height + 1))
    left = np.floor(uniforms[:, _LEFT] * (native[:, 1] - box_width + 1))
    boxes = np.stack([top, left, box_height, box_width], 1)
    middle = _middle(native, ratio)
    return np.where(fits.any(1)[:, None], boxes, middle).astype(np.int64)


def _middle(native: NDArray[np.int64], ratio: tuple[float, float]) -> NDArray[np.int64]:
    """The largest box of an allowed ratio in the middle of each image, [B, 4]."""
    height, width = native[:, 0], native[:, 1]
    box_height = np.minimum(height, np.maximum(np.rint(width / ratio[0]), 1)).astype(np.int64)
    box_width = np.minimum(width, np.maximum(np.rint(height * ratio[1]), 1)).astype(np.int64)
    return np.stack([(height - box_height) // 2, (width - box_width) // 2, box_height, box_width], 1)
