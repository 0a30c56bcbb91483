"""The people who are searched for: a picture of each by a camera that filmed no video, and a sentence about it."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from passerby.atomic_files import write_atomically
from passerby.synth.places.world import World
from passerby.synth.randomness import keyed_generator
from passerby.synth.words.captions import describe
from passerby.synth.words.sight import seen_attributes

_SIZE = (256, 128)
"""Height and width of the pictures."""


@dataclass(frozen=True)
class Wanted:
    """Somebody who is searched for.

    Attributes:
        person: number in the drawn world.
        picture: a JPEG file that shows this person and little else.
        sentence: what the picture shows.
    """

    person: int
    picture: Path
    sentence: str


def draw_wanted(folder: Path, *, seed: int, people: int, camera: int) -> list[Wanted]:
    """Draw a picture of everybody, and describe it.

    Args:
        folder: receives `person-NN.jpg`; one that is there is written anew.
        seed: of the world.
        people: how many, numbered from 1.
        camera: whose place and colours the pictures have.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(exist_ok=True)
    world = World(seed=seed, steps=1, size=_SIZE, crowd=0.0)
    return [_draw(world, folder / f"person-{person:02d}.jpg", person, camera) for person in range(1, people + 1)]


def _draw(world: World, file: Path, person: int, camera: int) -> Wanted:
    crop, _ = world.crop(person, camera, 0)
    with write_atomically(file) as temporary:
        Image.fromarray(crop.image).save(temporary, format="JPEG", quality=92)
    seen = seen_attributes(world.person(person).wears, crop.shown, crop.turn)
    words = keyed_generator(world.seed, "demo captions", person)
    return Wanted(person, file, describe(seen, words, phrasing=0))
