"""Controlled occlusion: hide a known share of an image, the same way on every machine.

Everything random about an image is drawn from one seed, the crc32 of (data set, file, condition, run), which does not
depend on the level: what a level hides, every higher level hides too, so that curves over levels compare like with
like. Source of the protocol: saga.md §5.
"""

import zlib
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError

Condition = Literal["rectangle", "bottom", "patches", "people"]
"""A rectangle anywhere, rows from the bottom, cells of a 16 × 8 grid, or a strip of another person from one side."""

Fill = Literal["grey", "noise", "mean"]
"""What hides: mid-grey, uniform noise, or the image's own mean colour."""

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Shares of the image that are hidden, as usually evaluated."""

_GREY = 128
_GRID = (16, 8)
_PLACE, _FILLING, _DONOR = range(3)  # separate streams of random numbers of one image

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Occlusion:
    """How one image is hidden, at one level.

    Attributes:
        condition: what hides.
        level: share of the image, 0 to 1.
        seed: of everything random about the image; the same for all levels.
        fill: what a hidden pixel becomes; people are pasted, whatever it says.
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
        if not 0 <= self.level <= 1:
            raise DataError(f"a level of occlusion lies between 0 and 1, not at {self.level}")


@dataclass(frozen=True)
class Occluded:
    """A hidden image.

    Attributes:
        image: uint8 [H, W, 3].
        hidden: which pixels are not the image's own any more, bool [H, W].
    """

    image: Pixels
    hidden: NDArray[np.bool_]

    @property
    def covered(self) -> float:
        """The share of pixels that are hidden."""
        return float(self.hidden.mean())


def image_seed(data: str, file: str, condition: str, run: int) -> int:
    """The seed of an image, crc32 of `data|file|condition|run`: the same for all levels."""
    return zlib.crc32(f"{data}|{file}|{condition}|{run}".encode())


def occlude(image: Pixels, occlusion: Occlusion, donor: Pixels | None = None, mask: Pixels | None = None) -> Occluded:
    """Hide a part of an image.

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
    hidden = _region(occlusion, (image.shape[0], image.shape[1]))
    filled = image.copy()
    filled[hidden] = _filling(image, occlusion)[hidden]
    return Occluded(filled, hidden)


def donor_choice(seed: int, candidates: int) -> int:
    """Which of so many candidates is the donor of an image of this seed."""
    return int(_generator(seed, _DONOR).integers(candidates))


def _region(occlusion: Occlusion, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels that are hidden, bool [H, W]."""
    height, width = size
    hidden = np.zeros(size, dtype=np.bool_)
    if occlusion.condition == "bottom":
        hidden[height - round(occlusion.level * height) :] = True
    elif occlusion.condition == "patches":
        cells = _GRID[0] * _GRID[1]
        order = _generator(occlusion.seed, _PLACE).permutation(cells)[: round(occlusion.level * cells)]
        chosen = np.zeros(cells, dtype=np.bool_)
        chosen[order] = True
        rows, columns = (np.arange(length) * count // length for length, count in zip(size, _GRID, strict=True))
        hidden = chosen.reshape(_GRID)[rows[:, None], columns[None, :]]
    else:
        top, bottom, left, right = _rectangle(occlusion, height, width)
        hidden[top:bottom, left:right] = True
    return hidden


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
    """A whole image of what hides, uint8 [H, W, 3]."""
    if occlusion.fill == "noise":
        return _generator(occlusion.seed, _FILLING).integers(0, 256, image.shape, dtype=np.uint8)
    if occlusion.fill == "mean":
        return np.broadcast_to(image.mean((0, 1)).round().astype(np.uint8), image.shape)
    return np.full_like(image, _GREY)


def _paste(image: Pixels, occlusion: Occlusion, donor: Pixels | None, mask: Pixels | None) -> Occluded:
    """The donor's central strip at the left or right edge, as a coin says."""
    if donor is None:
        raise DataError("people hide people: give an image of another person (--donor)")
    height, width = image.shape[:2]
    if donor.shape != image.shape or (mask is not None and mask.shape != (height, width)):
        raise DataError(f"donor and mask must be of the image's size {height}×{width}: resize them")
    strip = round(occlusion.level * width)
    begin = (width - strip) // 2
    from_left = bool(_generator(occlusion.seed, _PLACE).integers(2))
    target = slice(0, strip) if from_left else slice(width - strip, width)
    source = slice(begin, begin + strip)
    share = np.ones((height, strip)) if mask is None else mask[:, source] / 255.0
    pasted, hidden = image.copy(), np.zeros((height, width), dtype=np.bool_)
    mixed = share[..., None] * donor[:, source] + (1 - share[..., None]) * image[:, target]
    pasted[:, target] = mixed.round().astype(np.uint8)
    hidden[:, target] = share > 0.5
    return Occluded(pasted, hidden)


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, stream])))
