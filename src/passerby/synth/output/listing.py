"""The list of crops of a synthetic data set, before any is drawn."""

from dataclasses import dataclass

from passerby.synth.places.world import STRANGERS
from passerby.synth.randomness import keyed_generator

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
"""Where the images of each split go."""

NOBODY = -1
"""In place of the number of a person, for a box around nobody."""

DISTRACTOR_SHARE, JUNK_SHARE = 0.1, 0.05
"""Distractors and junk in the gallery, as shares of its other images (at most ten junk boxes per person)."""


@dataclass(frozen=True)
class Planned:
    """One image to be drawn.

    Attributes:
        identity: number of the person; 0 for a distractor, -1 for junk.
        person: number of the person who passes, or `NOBODY`.
        camera: number of the camera.
        step: which crop of the pass.
        frame: frame number.
        split: `train`, `query` or `gallery`.
    """

    identity: int
    person: int
    camera: int
    step: int
    frame: int
    split: str

    @property
    def name(self) -> str:
        """Path relative to the world's folder, as Market-1501 names its files; a sequence has a million frames."""
        number = f"{self.identity:04d}" if self.identity >= 0 else str(self.identity)
        sequence, frame = divmod(self.frame, 1_000_000)
        return f"{FOLDERS[self.split]}/{number}_c{self.camera}s{1 + sequence}_{frame:06d}_00.jpg"


def list_crops(seed: int, identities: int, trained: int, cameras: int, images: int) -> list[Planned]:
    """Every image of a world, those of the gallery's strangers and bad boxes last."""
    crops: list[Planned] = []
    for identity in range(1, identities + 1):
        for camera in range(1, cameras + 1):
            query = int(keyed_generator(seed, "query", identity, camera).integers(images))
            for step in range(images):
                split = "train" if identity <= trained else "query" if step == query else "gallery"
                crops.append(Planned(identity, identity, camera, step, _frame(identity, step, images), split))
    tested = identities - trained
    gallery = tested * cameras * (images - 1)
    for number in range(round(gallery * DISTRACTOR_SHARE)):
        frame = _frame(identities + 1 + number, 0, images)
        # Every second distractor is a stranger, the others are empty boxes.
        person = NOBODY if number % 2 else STRANGERS + number
        crops.append(Planned(0, person, 1 + number // 2 % cameras, 0, frame, "gallery"))
    for number in range(min(round(gallery * JUNK_SHARE), 10 * tested)):
        turn, person = divmod(number, tested)
        camera, step = 1 + (person + turn) % cameras, turn // cameras % images
        # The frames after a crop of the pass, of which there are eleven before the next one: no two are equal.
        frame = _frame(trained + 1 + person, step, images) + 1 + turn
        crops.append(Planned(-1, trained + 1 + person, camera, step, frame, "gallery"))
    return crops


def _frame(person: int, step: int, images: int) -> int:
    """Frame number of a crop: people pass one after the other, and a crop counts for half a second at 25 per second."""
    return 1 + 12 * (person * images + step)
