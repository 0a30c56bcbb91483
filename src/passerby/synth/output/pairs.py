"""Image-text pairs that are drawn when asked for, so that training data needs no disk.

A pair depends on (seed, index) alone, so any number of workers can draw any share of them in any order, and there are
as many as anyone asks for. Every index is another person; neighbouring indices are look-alikes now and then, as
everywhere in the world.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from passerby.errors import DataError
from passerby.synth.cameras.camera import Picture
from passerby.synth.look import Look
from passerby.synth.output.output_folder import check_look, check_range, check_size
from passerby.synth.places.crops import Crop, Size
from passerby.synth.places.world import STRANGERS, World
from passerby.synth.randomness import keyed_generator
from passerby.synth.words.captions import PHRASINGS, describe
from passerby.synth.words.sight import seen_attributes

_TRIES = 4


class Pair(NamedTuple):
    """An image and a caption.

    Attributes:
        image: as a camera delivers it, uint8 RGB [height, width, 3].
        caption: a sentence about what the image shows.
        seen: the attributes that it shows, by name; the caption tells most of them.
        visible: share of the person that is seen, 0 to 1.
    """

    image: Picture
    caption: str
    seen: dict[str, str]
    visible: float


@dataclass(frozen=True)
class Pairs:
    """An endless collection of pairs; `pairs[index]` draws one. Can be sent to other processes.

    Attributes:
        seed: everything follows from it; other seeds are other people, places and sentences.
        size: height and width of the images in pixels.
        places: how many cameras there are; each costs a quarter of a second once, and seven megabytes, in every
            process. At most 12, which is how many are kept.
        crowd: how many strangers are near a person, on average.
        least_visible: less than this share of a person is shown only where several tries gave no more.
        look: of people, cameras and places.

    Raises:
        DataError: a value is out of range.
    """

    seed: int
    size: Size = (128, 64)
    places: int = 12
    crowd: float = 0.7
    least_visible: float = 0.35
    look: Look = "plain"

    def __post_init__(self) -> None:
        check_range(
            "synthetic pairs",
            ("seed", self.seed, 0, 2**63),
            ("places", self.places, 1, 12),
            ("crowd", self.crowd, 0, 6),
            ("least_visible", self.least_visible, 0, 1),
        )
        check_size("synthetic pairs", self.size)
        check_look("synthetic pairs", self.look)

    def __getitem__(self, index: int) -> Pair:
        """Draw one pair.

        Raises:
            DataError: the index is negative or beyond the people there are.
        """
        if not 0 <= index < STRANGERS:
            raise DataError(f"synthetic pairs: index must be from 0 to {STRANGERS - 1}, not {index}; use another seed")
        world = _world(self.seed, self.size, self.crowd, self.look)
        crop = self._crop(world, index)
        seen = seen_attributes(world.person(index).wears, crop.shown, crop.turn)
        words = keyed_generator(self.seed, "pair caption", index)
        caption = describe(seen, words, phrasing=int(words.integers(PHRASINGS)))
        return Pair(crop.image, caption, seen, crop.visible)

    def _crop(self, world: World, index: int) -> Crop:
        """The first of a few views of a person that shows enough of them, or the one that shows most."""
        cameras = keyed_generator(self.seed, "pair cameras", index).integers(1, self.places + 1, _TRIES)
        best: Crop | None = None
        for camera in dict.fromkeys(cameras.tolist()):
            crop, _ = world.crop(index, camera, 0)
            if best is None or crop.visible > best.visible:
                best = crop
            if best.visible >= self.least_visible:
                break
        if best is None:
            raise AssertionError("there is at least one view")
        return best


@lru_cache(maxsize=2)
def _world(seed: int, size: Size, crowd: float, look: Look) -> World:
    """The world of this process: places and strangers are made once."""
    return World(seed=seed, steps=1, size=size, crowd=crowd, look=look)
