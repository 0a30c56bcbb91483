"""Detections kept on disk while a source is worked on, so that after an interruption nothing dear is done again."""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.errors import DataError
from passerby.progress import log_line
from passerby.video.detection.detector import Detections

FRAMES_PER_FILE = 128


class DetectedFrame(NamedTuple):
    """What was found in a frame.

    Attributes:
        number: of the frame.
        detections: the people in it.
        features: float32 [N, D] of them; None where nobody asked for any.
    """

    number: int
    detections: Detections
    features: NDArray[np.float32] | None


class DetectionStore:
    """The frames of a source in the order in which they were analysed, in files of some hundred frames each.

    Args:
        folder: for this source alone; it is made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun: list[DetectedFrame] = []
        self._file = -1
        self._read: list[DetectedFrame] = []

    def get(self, index: int, number: int) -> DetectedFrame | None:
        """The frame that was analysed as the index-th, from 0 on; None if it is not on disk.

        Args:
            index: grows by one from call to call.
            number: of the frame.

        Raises:
            DataError: it was another frame.
        """
        file, place = divmod(index, FRAMES_PER_FILE)
        if file != self._file:
            self._file, self._read = file, self._load(self._name(file))
        if place >= len(self._read):
            return None
        found = self._read[place]
        if found.number != number:
            raise DataError(
                f"{self._folder}: holds detections of frame {found.number} in place of {number}: the source has "
                "changed, begin anew with --replace"
            )
        return found

    def add(self, index: int, frame: DetectedFrame) -> None:
        """Keep the frame that was analysed as the index-th; it is on disk when its file is full."""
        self._begun.append(frame)
        if (index + 1) % FRAMES_PER_FILE == 0:
            self._save(self._name(index // FRAMES_PER_FILE))

    def _name(self, file: int) -> Path:
        return self._folder / f"detections-{file:06d}.npz"

    def _save(self, file: Path) -> None:
        frames, self._begun = self._begun, []
        arrays = {
            "numbers": np.array([each.number for each in frames], np.int64),
            "counts": np.array([len(each.detections) for each in frames], np.int64),
            "boxes": np.concatenate([each.detections.boxes for each in frames]),
            "scores": np.concatenate([each.detections.scores for each in frames]),
        }
        features = [each.features for each in frames if each.features is not None]
        if features:
            arrays["features"] = np.concatenate(features)
        with write_atomically(file) as temporary, temporary.open("wb") as opened:
            np.savez(opened, **arrays)  # type: ignore[arg-type]  # numpy's stub takes its own keyword for one of ours

    def _load(self, file: Path) -> list[DetectedFrame]:
        if not file.is_file():
            return []
        try:
            with np.load(file, allow_pickle=False) as opened:
                arrays = {name: opened[name] for name in opened.files}
            return _frames_of(arrays)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log_line(f"{file} is damaged ({error}): its frames are analysed again", show=True)
            return []


def _frames_of(arrays: dict[str, NDArray[np.generic]]) -> list[DetectedFrame]:
    counts = arrays["counts"].astype(np.int64)
    ends = np.cumsum(counts).tolist()
    features = arrays.get("features")
    if len(arrays["boxes"]) != counts.sum() or len(arrays["numbers"]) != counts.size:
        raise ValueError("its parts do not fit")
    frames = []
    for number, count, end in zip(arrays["numbers"].tolist(), counts.tolist(), ends, strict=True):
        rows = slice(end - count, end)
        found = Detections(arrays["boxes"][rows].astype(np.float32), arrays["scores"][rows].astype(np.float32))
        own = None
        if features is not None:
            own = features[rows].astype(np.float32) if count else np.empty((0, features.shape[1]), np.float32)
        frames.append(DetectedFrame(number, found, own))
    return frames
