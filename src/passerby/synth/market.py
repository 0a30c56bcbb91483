"""Writes a synthetic world in the layout of Market-1501, which every toolkit reads.

Each person passes each camera once; the crops of a pass form a track. The first identities are for training; of the
others, one crop per camera is a query and the rest are the gallery, with strangers, empty boxes and badly cut ones
among them.
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import track

from passerby.errors import DataError
from passerby.synth.people import ATTRIBUTES, keyed_generator
from passerby.synth.world import STRANGERS, World

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
"""Where the images of each split go."""

DESCRIPTION = "synth.json"
"""The file by which a folder that `write_market` made is recognised; it holds the arguments."""

TABLE = "people.parquet"
"""What is known about every image, one row each."""

DISTRACTORS, JUNK = 0.1, 0.05
"""Distractors and junk in the gallery, as shares of its other images (at most ten junk boxes per person)."""


@dataclass(frozen=True)
class Crop:
    """One image to be written.

    Attributes:
        identity: number of the person; 0 for a distractor, -1 for junk.
        person: number of the person who passes.
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


def write_market(
    folder: str | Path,
    *,
    identities: int = 80,
    cameras: int = 4,
    images_per_camera: int = 4,
    size: tuple[int, int] = (128, 64),
    seed: int = 7,
    train_fraction: float = 0.5,
    show_progress: bool = True,
) -> Path:
    """Draw a synthetic world and write it as a Market-1501 folder with a table, `people.parquet`, beside the images.

    The same arguments give the same images. The folder appears complete or not at all.

    Args:
        folder: where to write; created with its parents, or replaced if this function made it before.
        identities: people with an identity, 2 to 9999.
        cameras: cameras, 2 to 9.
        images_per_camera: crops of every person in every camera, at least 2.
        size: height and width of the crops in pixels.
        seed: everything in the world follows from it.
        train_fraction: share of the identities that are for training.
        show_progress: whether to show a progress bar on stderr.

    Returns:
        The folder.

    Raises:
        DataError: an argument is out of range, or the folder holds something else.
    """
    folder = Path(folder)
    trained = round(identities * train_fraction)
    _check(identities, trained, cameras, images_per_camera, size)
    _check_replaceable(folder)
    world = World(seed=seed, cameras=cameras, steps=images_per_camera, size=size)
    crops = list_crops(seed, identities, trained, cameras, images_per_camera)
    description = {
        "made_by": "passerby.synth.write_market",
        "identities": identities,
        "cameras": cameras,
        "images_per_camera": images_per_camera,
        "size": list(size),
        "seed": seed,
        "train_fraction": train_fraction,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        made, old = Path(temporary) / "made", Path(temporary) / "old"
        for name in FOLDERS.values():
            (made / name).mkdir(parents=True)
        visible = _write_images(made, world, crops, show_progress)
        pq.write_table(_table(world, crops, visible), made / TABLE)
        (made / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
    return folder


def list_crops(seed: int, identities: int, trained: int, cameras: int, images: int) -> list[Crop]:
    """Every image of a world, those of the gallery's strangers and bad boxes last."""
    crops: list[Crop] = []
    for identity in range(1, identities + 1):
        for camera in range(1, cameras + 1):
            query = int(keyed_generator(seed, "query", identity, camera).integers(images))
            for step in range(images):
                split = "train" if identity <= trained else "query" if step == query else "gallery"
                crops.append(Crop(identity, identity, camera, step, _frame(identity, step, images), split))
    tested = identities - trained
    gallery = tested * cameras * (images - 1)
    for number in range(round(gallery * DISTRACTORS)):
        frame = _frame(identities + 1 + number, 0, images)
        crops.append(Crop(0, STRANGERS + number, 1 + number // 2 % cameras, 0, frame, "gallery"))
    for number in range(min(round(gallery * JUNK), 10 * tested)):
        turn, person = divmod(number, tested)
        camera, step = 1 + (person + turn) % cameras, turn // cameras % images
        # The frames after a crop of the pass, of which there are eleven before the next one: no two are equal.
        frame = _frame(trained + 1 + person, step, images) + 1 + turn
        crops.append(Crop(-1, trained + 1 + person, camera, step, frame, "gallery"))
    return crops


def _frame(person: int, step: int, images: int) -> int:
    """Frame number of a crop: people pass one after the other, a crop is taken every half second at 25 per second."""
    return 1 + 12 * (person * images + step)


def _write_images(folder: Path, world: World, crops: list[Crop], show_progress: bool) -> list[float]:
    """Draw and write every crop; returns how much of each person can be seen."""
    visible = []
    console = Console(stderr=True)
    for crop in track(crops, "drawing people", console=console, transient=True, disable=not show_progress):
        image, seen = world.shoot(crop.person, crop.camera, crop.step, badly_cut=crop.identity == -1)
        quality = world.camera(crop.camera).quality
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
        (folder / crop.name).write_bytes(encoded.tobytes())
        visible.append(seen)
    return visible


def _table(world: World, crops: list[Crop], visible: list[float]) -> pa.Table:
    """The truth about every image, in the columns that all tables of passerby share, and what the person wears."""
    wears = [world.person(crop.person).wears if world.is_someone(crop.person) else None for crop in crops]
    columns = {
        "path": [crop.name for crop in crops],
        "identity": [f"{crop.identity:04d}" if crop.identity > 0 else str(crop.identity) for crop in crops],
        "camera": [f"c{crop.camera}" for crop in crops],
        "track": [f"c{crop.camera}-{crop.person:04d}" for crop in crops],
        "frame": pa.array([crop.frame for crop in crops], pa.int64()),
        "split": [crop.split for crop in crops],
        "visible": pa.array(visible, pa.float32()),
    }
    for name in ATTRIBUTES:
        columns[name] = pa.array([None if worn is None else worn[name] for worn in wears], pa.string())
    return pa.table(columns)


def _check(identities: int, trained: int, cameras: int, images: int, size: tuple[int, int]) -> None:
    limits = (
        ("identities", identities, 2, 9999),
        ("train_fraction × identities", trained, 1, identities - 1),
        ("cameras", cameras, 2, 9),
        ("images_per_camera", images, 2, 99),
        ("the height in size", size[0], 32, 1024),
        ("the width in size", size[1], 16, 512),
    )
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise DataError(f"synthetic world: {name} must be from {low} to {high}, not {value}")


def _check_replaceable(folder: Path) -> None:
    """Refuse to touch a folder that holds anything this module did not write."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; name a folder for the synthetic world")
    found = {entry.name for entry in folder.iterdir()}
    ours = {DESCRIPTION, TABLE, *FOLDERS.values()}
    if found and (DESCRIPTION not in found or not found <= ours):
        foreign = sorted(found - ours)
        what = foreign[0] if foreign else f"data without {DESCRIPTION}"
        raise DataError(f"{folder} is not an earlier synthetic world: it holds {what}; name an empty or a new folder")
