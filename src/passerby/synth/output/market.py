"""Synthetic data sets in the layout of Market-1501, which every toolkit reads.

Each person passes each camera once; the crops of a pass form a track. The first identities are for training; of the
others, one crop per camera is a query and the rest are the gallery, with strangers, empty boxes and badly cut ones
among them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import cv2
import pyarrow.parquet as pq

from passerby.progress import Progress
from passerby.synth.look import Look
from passerby.synth.output.listing import FOLDERS, NOBODY, Planned, list_crops
from passerby.synth.output.output_folder import (
    ArgumentError,
    check_look,
    check_range,
    check_size,
    describe_call,
    fresh_folder,
)
from passerby.synth.output.truth import Row, as_table, picture_row
from passerby.synth.places.crops import encode
from passerby.synth.places.world import STRANGERS, World
from passerby.synth.randomness import keyed_generator
from passerby.worker_processes import worker_pool

TABLE = "people.parquet"
"""What is known about every image, one row each."""

MASKS = "masks"
"""The folder of masks; each has the name of its image."""


def write_market(
    folder: str | Path,
    *,
    identities: int = 80,
    cameras: int = 4,
    images_per_camera: int = 4,
    size: tuple[int, int] = (128, 64),
    seed: int = 7,
    train_fraction: float = 0.5,
    crowd: float = 1.0,
    masks: bool = False,
    look: Look = "plain",
    people_per_city: int | None = None,
    processes: int = 1,
    replace: bool = False,
    show_progress: bool = True,
) -> Path:
    """Draw a synthetic world and write it as a Market-1501 folder with a table, `people.parquet`, beside the images.

    The same arguments give the same images, on any number of processes. All appear, or nothing.

    Args:
        folder: where to write; created with its parents, or replaced if the same call made it before.
        identities: people with an identity, 2 to 9999.
        cameras: cameras, 2 to 9.
        images_per_camera: crops of every person in every camera, at least 2.
        size: height and width of the crops in pixels.
        seed: everything in the world follows from it.
        train_fraction: share of the identities that are for training.
        crowd: how many strangers are near a person, on average, 0 to 6.
        masks: whether to write, for every image, which of its pixels show the person, as PNG from 0 to 255.
        look: of people, cameras and places.
        people_per_city: so many share a city's cameras, then another begins with camera 1; by default there is one.
        processes: how many draw at once; more than 1 starts new ones, so a script must guard its main module.
        replace: whether a world of other arguments that is there is replaced; files that are not ours never are.
        show_progress: whether to show progress on stderr.

    Raises:
        DataError: an argument is out of range, or the folder holds another world or something else.
    """
    description = describe_call(write_market, locals())
    _check(identities, cameras, images_per_camera, people_per_city)
    _check_drawing(size, crowd, look, processes)
    trained = trained_identities(identities, train_fraction)
    crops = list_crops(seed, identities, trained, cameras, images_per_camera)
    with fresh_folder(Path(folder), description, replace=replace) as made:
        work = Work(made, seed, images_per_camera, size, crowd, masks, look, people_per_city)
        pq.write_table(as_table(_draw_all(work, crops, processes, show_progress)), made / TABLE)
    return Path(folder)


@dataclass(frozen=True)
class Work:
    """The arguments of drawing, for every process."""

    folder: Path
    seed: int
    steps: int
    size: tuple[int, int]
    crowd: float
    masks: bool
    look: Look
    people_per_city: int | None

    def seed_of(self, person: int) -> int:
        """The seed of the city in which a person lives; strangers and boxes around nobody are in the first."""
        if self.people_per_city is None or not 0 < person < STRANGERS:
            return self.seed
        city = (person - 1) // self.people_per_city
        return int(keyed_generator(self.seed, "city", city).integers(2**53)) if city else self.seed


def _draw_all(work: Work, crops: list[Planned], processes: int, show_progress: bool) -> list[Row]:
    """Draw and write every crop, one person after the other; returns the truth about each, in order."""
    for name in FOLDERS.values():
        (work.folder / name).mkdir()
        if work.masks:
            (work.folder / MASKS / name).mkdir(parents=True)
    shares = [list(share) for _, share in groupby(crops, key=lambda crop: (crop.identity, crop.person))]
    rows: list[Row] = []
    with Progress("drawing people", len(crops), quiet=not show_progress) as progress:
        for done in _drawn(work, shares, processes):
            rows += done
            progress.advance(len(done))
    return rows


def _drawn(work: Work, shares: list[list[Planned]], processes: int) -> Iterator[list[Row]]:
    if processes == 1:
        yield from (_draw_share(work, share) for share in shares)
        _worlds.clear()
        return
    with worker_pool(processes, _prepare) as pool:
        chunk = max(1, min(16, len(shares) // (4 * processes)))
        yield from pool.map(partial(_draw_share, work), shares, chunksize=chunk)


_worlds: dict[tuple[Work, int], World] = {}
"""The city that a process has drawn from last: its places are painted once."""


def _prepare() -> None:
    cv2.setNumThreads(1)


def _world(work: Work, seed: int) -> World:
    if (work, seed) not in _worlds:
        _worlds.clear()
        _worlds[work, seed] = World(seed=seed, steps=work.steps, size=work.size, crowd=work.crowd, look=work.look)
    return _worlds[work, seed]


def _draw_share(work: Work, share: list[Planned]) -> list[Row]:
    return [_draw(_world(work, work.seed_of(crop.person)), work, crop) for crop in share]


def _draw(world: World, work: Work, crop: Planned) -> Row:
    """Draw and write one crop; returns the truth about it."""
    if crop.person == NOBODY:
        drawn, box = world.empty_crop(crop.frame, crop.camera)
    else:
        drawn, box = world.crop(crop.person, crop.camera, crop.step, badly_cut=crop.identity == -1)
    quality = world.place(crop.camera).camera.sensor.quality
    (work.folder / crop.name).write_bytes(encode(drawn.image, quality))
    if work.masks:
        _, encoded = cv2.imencode(".png", drawn.mask)
        (work.folder / MASKS / crop.name).with_suffix(".png").write_bytes(encoded.tobytes())
    somebody = crop.person != NOBODY
    words = keyed_generator(work.seed, "captions", max(crop.person, 0), crop.camera, crop.frame)
    return {
        "path": crop.name,
        "identity": f"{crop.identity:04d}" if crop.identity > 0 else str(crop.identity),
        "camera": f"c{crop.camera}",
        "track": f"c{crop.camera}-{crop.person:04d}" if somebody else f"c{crop.camera}-empty-{crop.frame}",
        "frame": crop.frame,
        "split": crop.split,
        **picture_row(drawn, box, world.person(crop.person).wears if somebody else None, words),
    }


def trained_identities(identities: int, train_fraction: float) -> int:
    """How many of the people are for training.

    Raises:
        ArgumentError: all or none, or the share is no share.
    """
    check_range("synthetic world", ("train_fraction", train_fraction, 0, 1))
    trained = round(identities * train_fraction)
    if not 1 <= trained < identities:
        raise ArgumentError(
            "synthetic world",
            "train_fraction",
            f"must leave people for training and for testing: {train_fraction:g} of {identities} is {trained} for "
            f"training, not from 1 to {identities - 1}",
        )
    return trained


def _check(identities: int, cameras: int, images: int, people_per_city: int | None) -> None:
    check_range(
        "synthetic world",
        ("identities", identities, 2, 9999),
        ("cameras", cameras, 2, 9),
        ("images_per_camera", images, 2, 99),
        ("people_per_city", 1 if people_per_city is None else people_per_city, 1, 9999),
    )


def _check_drawing(size: tuple[int, int], crowd: float, look: str, processes: int) -> None:
    check_range("synthetic world", ("crowd", crowd, 0, 6), ("processes", processes, 1, 256))
    check_size("synthetic world", size)
    check_look("synthetic world", look)
