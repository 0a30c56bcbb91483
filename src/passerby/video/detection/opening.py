"""Detectors by name or file."""

from pathlib import Path

from passerby.errors import CheckpointError, DataError
from passerby.inference.runtimes.opening import Runtime, open_session
from passerby.models.zoo.card_files import MODEL_SUFFIXES
from passerby.models.zoo.fetching import fetch_model
from passerby.models.zoo.published import published_model, published_names
from passerby.printable import printable
from passerby.video.detection.detector import Detector
from passerby.video.detection.hog import HogDetector
from passerby.video.detection.model_detector import ModelDetector
from passerby.video.detection.motion import MotionDetector

DEFAULT_DETECTOR = "yolox-nano"
WITHOUT_FILE = ("motion", "hog")
"""Detectors that need no file."""


def open_detector(
    name: str | Path = DEFAULT_DETECTOR,
    *,
    most_iou: float | None = None,
    runtime: Runtime = "auto",
    threads: int | None = None,
) -> Detector:
    """Open a detector of people.

    Args:
        name: a file, `.onnx` or `.xml`, of which a card is known; a detector of the zoo, which is fetched if it is not
            on this machine; `motion` for static cameras; or `hog`.
        most_iou: boxes that overlap a better one by more are dropped; None: as the model's card says.
        runtime: of a model, see `passerby.inference.runtimes.open_session`.
        threads: of a model, likewise.

    Raises:
        CheckpointError: there is no such file or name, it has no card, is no detector, or cannot be fetched.
        DataError: most_iou is no share, or given for a detector without it.
    """
    if most_iou is not None and not 0 < most_iou <= 1:
        raise DataError(f"most_iou must be above 0 and at most 1, not {most_iou:g}")
    if name in WITHOUT_FILE:
        if most_iou is not None:
            raise DataError(f"most_iou is for detectors in files, not for {name}: leave it out")
        return MotionDetector() if name == "motion" else HogDetector()
    return ModelDetector(open_session(_file(name), runtime=runtime, threads=threads), most_iou)


def _file(name: str | Path) -> Path:
    file = Path(name).expanduser()
    if not file.exists() and str(name) in published_names():
        if published_model(str(name)).kind != "detector":
            raise _no_detector(name)
        return _fetched(str(name))
    if not file.exists() and file.suffix not in MODEL_SUFFIXES:
        raise _no_detector(name)
    return file


def _no_detector(name: str | Path) -> CheckpointError:
    others = " or ".join(WITHOUT_FILE)
    return CheckpointError(
        f"{printable(str(name))} is no detector: give a file, {DEFAULT_DETECTOR} or another detector of `passerby zoo "
        f"list`, or {others}"
    )


def _fetched(name: str) -> Path:
    try:
        return fetch_model(name)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error}; or name another detector: --detector FILE, --detector motion (cameras that stand still) or "
            "--detector hog"
        ) from error
