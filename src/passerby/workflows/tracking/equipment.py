"""What finds, follows and describes people in a source."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.video.collection.follow import Describe
from passerby.video.detection.camera_detector import CameraDetector, CameraSettings
from passerby.video.detection.detector import Detector
from passerby.video.detection.opening import WITHOUT_FILE, open_detector
from passerby.video.detection.region import Region, read_region, region_of_polygons
from passerby.video.tracking import Tracker, make_tracker
from passerby.workflows.tracking.settings import TrackingSettings
from passerby.workflows.tracking.sources import TrackedSource


@dataclass(frozen=True)
class Equipment:
    """Names of what is used for every source; each process opens its own.

    Attributes:
        detector: a detector's name, or a file with its card.
        tracker: a tracker's name.
        model: an embedder, or what `passerby.load` takes; None to go by motion alone.
        device: where models compute; None for a GPU where there is one.
        threads: that each process computes with.
    """

    detector: str
    tracker: str
    model: Any = None
    device: str | None = None
    threads: int = 1


def new_detector(equipment: Equipment, source: TrackedSource, settings: TrackingSettings) -> Detector:
    """A detector for a source, which remembers nothing of others.

    Raises:
        CheckpointError: there is no such detector, it cannot be fetched, or has no card.
        DataError: the source's region cannot be read, or a setting does not fit the detector.
    """
    asked = CameraSettings(
        threshold=settings.detector.threshold if source.threshold is None else source.threshold,
        least_height=settings.detector.least_height,
        region=_region(source),
        tile=settings.detector.tile,
    )
    return CameraDetector(_opened(equipment.detector, equipment.threads), asked)


def _region(source: TrackedSource) -> Region | None:
    if source.region is None:
        return None
    if isinstance(source.region, str):
        return read_region(Path(source.region))
    try:
        return region_of_polygons([source.region])
    except DataError as error:
        raise DataError(f"{source.shown}: {error}") from error


def _opened(name: str, threads: int) -> Detector:
    return open_detector(name) if name in WITHOUT_FILE else _opened_once(name, threads)


@lru_cache(maxsize=1)
def _opened_once(name: str, threads: int) -> Detector:
    return open_detector(name, threads=threads)


def new_tracker(equipment: Equipment, settings: TrackingSettings) -> Tracker:
    """A fresh tracker for a source."""
    return make_tracker(equipment.tracker, settings.tracker)


def described_pictures(equipment: Equipment) -> Describe:
    """The appearance model as trackers use it: pictures to features."""
    model = _loaded(equipment.model, equipment.device)

    def describe(pictures: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        features: NDArray[np.float32] = model.embed(pictures)
        return features

    return describe


@lru_cache(maxsize=1)
def _loaded(model: Any, device: str | None) -> Any:
    from passerby.inference.loading import as_embedder

    return as_embedder(model, device=device)
