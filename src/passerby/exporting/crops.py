"""The crops on which an exported file is proven: the user's own, else drawn people."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.data.augmentation.transforms import TestTransform
from passerby.data.formats.open_data import open_data
from passerby.data.pixels.decoding import read_image
from passerby.data.split import JUNK, Benchmark, Split
from passerby.errors import DataError
from passerby.exporting.settings import ExportSettings
from passerby.progress import Progress
from passerby.synth import write_market
from passerby.synth.output.pairs import Pairs

Pixels = NDArray[np.uint8]

_CAMERAS = 4
_PEOPLE, _IMAGES_PER_CAMERA = 48, 3
"""Of the drawn world on which int8 is evaluated; half of the people are for calibration."""


@dataclass(frozen=True)
class Crops:
    """Images as a model sees them.

    Attributes:
        images: uint8 RGB [N, H, W, 3].
        source: where they come from, for the card.
    """

    images: Pixels
    source: str


@dataclass(frozen=True)
class Evaluated:
    """What int8 is calibrated and judged on.

    Attributes:
        calibration: crops of the training split, spread over cameras.
        query, gallery: images; labels are in the splits.
        query_split, gallery_split: rows of them.
        source: where they come from.
    """

    calibration: Crops
    query: Pixels
    gallery: Pixels
    query_split: Split
    gallery_split: Split
    source: str


def parity_crops(transform: TestTransform, data: Benchmark | None, settings: ExportSettings) -> Crops:
    """Crops to compare features on: of query and gallery where there are any, else of the training split, else drawn.

    Raises:
        DataError: the data has too few images, or one cannot be read.
    """
    if data is None:
        pairs = Pairs(settings.seed, places=_CAMERAS)
        drawn = [transform.resize(pairs[number].image) for number in range(settings.crops)]
        return Crops(np.stack(drawn), f"{settings.crops} drawn crops, seed {settings.seed}")
    searched = [part for part in (data.query, data.gallery) if part is not None]
    parts = searched or [part for part in (data.train,) if part is not None]
    total = sum(map(len, parts))
    if total < settings.crops:
        raise DataError(
            f"{data.name}: has {total} images, and an export is compared on {settings.crops}: name data with more, or "
            "leave it out for drawn people"
        )
    shares = [round(settings.crops * len(part) / total) for part in parts[:-1]]
    shares.append(settings.crops - sum(shares))
    images = [
        read_crops(part, _evenly(np.arange(len(part)), share), transform)
        for part, share in zip(parts, shares, strict=True)
    ]
    return Crops(np.concatenate(images), f"{settings.crops} crops of {data.name}")


def evaluation_crops(transform: TestTransform, data: Benchmark | None, settings: ExportSettings) -> Evaluated:
    """Crops to calibrate int8 on and to evaluate it on; drawn where there is no data.

    Raises:
        DataError: the data has no query and gallery, or no training split, or an image cannot be read.
    """
    if data is None:
        with tempfile.TemporaryDirectory() as folder:
            world = write_market(
                Path(folder) / "world",
                identities=_PEOPLE,
                cameras=_CAMERAS,
                images_per_camera=_IMAGES_PER_CAMERA,
                seed=settings.seed,
            )
            drawn = open_data("market-layout", world)
            return _read(transform, drawn, settings, f"drawn people, seed {settings.seed}")
    return _read(transform, data, settings, data.name)


def stratified_rows(split: Split, count: int) -> NDArray[np.int64]:
    """At most so many rows of a split, int64 in ascending order: as many of each camera, evenly spaced within it."""
    rows = np.flatnonzero(split.identities != JUNK)
    if len(rows) < min(count, len(split)):  # of unlabelled images all are junk
        rows = np.arange(len(split))
    if split.cameras is None:
        return _evenly(rows, count)
    groups = sorted((rows[split.cameras[rows] == camera] for camera in np.unique(split.cameras[rows])), key=len)
    chosen: list[NDArray[np.int64]] = []
    for number, group in enumerate(groups):  # small cameras first: what they lack goes to the others
        left = count - sum(map(len, chosen))
        chosen.append(_evenly(group, -(-left // (len(groups) - number))))
    return np.sort(np.concatenate(chosen))[:count]


def read_crops(split: Split, rows: NDArray[np.int64], transform: TestTransform, title: str = "") -> Pixels:
    """These rows of a split at the model's size, uint8 RGB [N, H, W, 3].

    Raises:
        DataError: an image cannot be read.
    """
    images = np.empty((len(rows), *transform.size, 3), np.uint8)
    with Progress(title, len(rows), quiet=not title) as progress:
        for place, row in enumerate(rows.tolist()):
            images[place] = transform.resize(read_image(split.path(row)))
            progress.advance(1)
    return images


def _read(transform: TestTransform, data: Benchmark, settings: ExportSettings, source: str) -> Evaluated:
    if data.train is None:
        raise DataError(f"{data.name}: has no training split, on whose images int8 is calibrated: name data that has")
    query, gallery = data.query_and_gallery()
    if not data.same_camera_rule:
        query, gallery = (_without_cameras(part) for part in (query, gallery))
    query = query.take(_evenly(np.flatnonzero(query.identities != JUNK), settings.queries))
    matches = np.isin(gallery.identities, query.identities)
    first = _evenly(np.flatnonzero(matches), settings.gallery)
    others = np.flatnonzero(~matches & (gallery.identities != JUNK))
    gallery = gallery.take(np.sort(np.concatenate([first, _evenly(others, settings.gallery - len(first))])))
    rows = stratified_rows(data.train, settings.calibration)
    calibration = read_crops(data.train, rows, transform, "reading crops to calibrate on")
    pictures = [read_crops(part, np.arange(len(part)), transform, "reading crops") for part in (query, gallery)]
    told = f"{len(query)} queries and {len(gallery)} gallery images of {source}"
    cameras = 0 if data.train.cameras is None else np.unique(data.train.cameras[rows]).size
    over = f" over {cameras} cameras" if cameras else ""
    made_on = Crops(calibration, f"{len(rows)} crops{over} of {source}")
    return Evaluated(made_on, pictures[0], pictures[1], query, gallery, told)


def _without_cameras(split: Split) -> Split:
    return replace(split, cameras=None, camera_names=())


def _evenly(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """At most `count` of these rows, evenly spaced."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)] if count > 0 else rows[:0]
