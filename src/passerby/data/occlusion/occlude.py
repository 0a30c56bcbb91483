"""Controlled occlusion: occlude a known share of an image, the same way on every machine.

Everything random about an image is drawn from one seed, the crc32 of (data set, file, condition, run), which does not
depend on the level: pixels that are occluded at one level are occluded at every higher one, so that curves over levels
compare like with like. The protocol is that of SAGA's occlusion experiments.
"""

import zlib
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from passerby.data.arguments import check_share
from passerby.errors import DataError

Condition = Literal["rectangle", "bottom", "patches", "people"]
"""A rectangle anywhere, rows from the bottom, cells of a 16 × 8 grid, or a strip of another person from one side."""

Fill = Literal["grey", "noise", "mean"]
"""The values of occluded pixels: mid-grey, uniform noise, or the image's own mean colour."""

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Occluded shares of the image, as usually evaluated."""

_GREY = 128
_GRID = (16, 8)
_PLACE, _FILLING, _DONOR = range(3)  # separate streams of random numbers of one image

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Occlusion:
    """How one image is occluded, at one level.

    Attributes:
        condition: what occludes.
        level: share of the image, 0 to 1.
        seed: of everything random about the image; the same for all levels.
        fill: values of occluded pixels; of no meaning for people, who are pasted.
    """

    condition: Condition
    level: float
    seed: int
    fill: Fill = "grey"

    def __post_init__(self) -> None:
        if self.condition not in get_args(Condition):
            raise DataError(f"occlusion {self.condition!r} is not known: choose {', '.join(get_args(Condition))}")
        if self.fill not in get_args(Fill):
            raise DataError(f"fill {self.fill!r} is not known: choose {', '.join(get_args(Fill))}")
        check_share("level", self.level)


@dataclass(frozen=True)
class Occluded:
    """An occluded image.

    Attributes:
        image: uint8 [H, W, 3].
        mask: bool [H, W], True where a pixel is no longer the image's own.
    """

    image: Pixels
    mask: NDArray[np.bool_]

    @property
    def covered(self) -> float:
        """Share of the pixels that are occluded."""
        return float(self.mask.mean())


def image_seed(data: str, file: str, condition: str, run: int) -> int:
    """The seed of an image, crc32 of `data|file|condition|run`: the same for all levels."""
    return zlib.crc32(f"{data}|{file}|{condition}|{run}".encode())


def occlude(image: Pixels, occlusion: Occlusion, donor: Pixels | None = None, mask: Pixels | None = None) -> Occluded:
    """Occlude a part of an image.

    Args:
        image: uint8 RGB [H, W, 3], at the size that the network sees.
        occlusion: how.
        donor: for people, the image of another person at the same size; its central strip is pasted.
        mask: uint8 [H, W], how much of each pixel of the donor shows the person (0 to 255); None: all of it.

    Returns:
        A new image; at level 0 an equal one.

    Raises:
        DataError: people without a donor, or a donor or mask of another size.
    """
    if occlusion.condition == "people":
        return _paste(image, occlusion, donor, mask)
    region = _region(occlusion, (image.shape[0], image.shape[1]))
    filled = image.copy()
    filled[region] = _filling(image, occlusion)[region]
    return Occluded(filled, region)


def donor_choice(seed: int, candidates: int) -> int:
    """The index of the donor of an image with this seed, out of so many candidates."""
    return int(_generator(seed, _DONOR).integers(candidates))


def _region(occlusion: Occlusion, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels that are occluded, bool [H, W]."""
    height, width = size
    region = np.zeros(size, dtype=np.bool_)
    if occlusion.condition == "bottom":
        region[height - round(occlusion.level * height) :] = True
    elif occlusion.condition == "patches":
        cells = _GRID[0] * _GRID[1]
        order = _generator(occlusion.seed, _PLACE).permutation(cells)[: round(occlusion.level * cells)]
        chosen = np.zeros(cells, dtype=np.bool_)
        chosen[order] = True
        rows, columns = (np.arange(length) * count // length for length, count in zip(size, _GRID, strict=True))
        region = chosen.reshape(_GRID)[rows[:, None], columns[None, :]]
    else:
        top, bottom, left, right = _rectangle(occlusion, height, width)
        region[top:bottom, left:right] = True
    return region


def _rectangle(occlusion: Occlusion, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, bottom, left and right; it grows about a centre and is shifted to stay inside the image.

    The aspect (height to width) is log-uniform from 0.5 to 2; where a side would not fit, it takes all of the image's.
    """
    generator = _generator(occlusion.seed, _PLACE)
    centre = generator.random(2) * (height, width)
    aspect = float(np.exp(generator.uniform(np.log(0.5), np.log(2.0))))
    area = occlusion.level * height * width
    tall, wide = (area * aspect) ** 0.5, (area / aspect) ** 0.5
    if wide > width:
        tall, wide = area / width, float(width)
    if tall > height:
        tall, wide = float(height), area / height
    top = min(max(centre[0] - tall / 2, 0.0), height - tall)
    left = min(max(centre[1] - wide / 2, 0.0), width - wide)
    return round(top), round(top + tall), round(left), round(left + wide)


def _filling(image: Pixels, occlusion: Occlusion) -> Pixels:
    """A whole image of the values of occluded pixels, uint8 [H, W, 3]."""
    if occlusion.fill == "noise":
        return _generator(occlusion.seed, _FILLING).integers(0, 256, image.shape, dtype=np.uint8)
    if occlusion.fill == "mean":
        return np.broadcast_to(image.mean((0, 1)).round().astype(np.uint8), image.shape)
    return np.full_like(image, _GREY)


def _paste(image: Pixels, occlusion: Occlusion, donor: Pixels | None, mask: Pixels | None) -> Occluded:
    """Paste the donor's central strip at the left or right edge, chosen at random."""
    if donor is None:
        raise DataError("people are occluded by people: give an image of another person (--donor)")
    height, width = image.shape[:2]
    if donor.shape != image.shape or (mask is not None and mask.shape != (height, width)):
        raise DataError(f"donor and mask must be of the image's size {height}×{width}: resize them")
    strip = round(occlusion.level * width)
    begin = (width - strip) // 2
    from_left = bool(_generator(occlusion.seed, _PLACE).integers(2))
    target = slice(0, strip) if from_left else slice(width - strip, width)
    source = slice(begin, begin + strip)
    share = np.ones((height, strip)) if mask is None else mask[:, source] / 255.0
    pasted, region = image.copy(), np.zeros((height, width), dtype=np.bool_)
    mixed = share[..., None] * donor[:, source] + (1 - share[..., None]) * image[:, target]
    pasted[:, target] = mixed.round().astype(np.uint8)
    region[:, target] = share > 0.5
    return Occluded(pasted, region)


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, stream])))
