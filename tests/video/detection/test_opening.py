"""Detectors by name and file; the published one in `$PASSERBY_MODELS` or beside the repository, else skipped."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from passerby.errors import CheckpointError, DataError
from passerby.video.detection import open_detector
from passerby.video.detection.hog import HogDetector
from passerby.video.detection.motion import MotionDetector
from passerby.video.reading import open_source

ROOT = Path(__file__).parents[3]
MODELS = Path(os.environ.get("PASSERBY_MODELS") or ROOT.parent / "shared" / "models")
SEQUENCE = Path(os.environ.get("PASSERBY_DATA") or ROOT / ".data") / "mot-dev" / "TUD-Stadtmitte"


def published() -> Path:
    file = MODELS / "yolox-nano-416.onnx"
    if not file.is_file():
        pytest.skip(f"{file} is missing: name its folder in PASSERBY_MODELS")
    return file


def test_detectors_that_need_no_file() -> None:
    assert isinstance(open_detector("motion"), MotionDetector)
    assert isinstance(open_detector("hog"), HogDetector)


def test_a_default_that_cannot_be_fetched_names_the_alternatives(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    monkeypatch.setenv("PASSERBY_OFFLINE", "1")
    with pytest.raises(CheckpointError, match=r"yolox-nano.*--detector FILE, --detector motion .*hog") as caught:
        open_detector()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("yolox-nanoo", "is no detector: give a file, yolox-nano or another"),
        ("missing.onnx", "missing.onnx: no such file"),
        ("person-reidentification-retail-0288-onnx", "is no detector: give a file, yolox-nano"),
    ],
)
def test_names_that_are_no_detector(name: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    monkeypatch.setenv("PASSERBY_OFFLINE", "1")
    with pytest.raises(CheckpointError, match=message):
        open_detector(name)


def test_an_overlap_is_for_models_and_a_share() -> None:
    with pytest.raises(DataError, match="leave it out"):
        open_detector("hog", most_iou=0.5)
    with pytest.raises(DataError, match="above 0 and at most 1"):
        open_detector(most_iou=1.5)


def test_a_model_that_embeds_is_no_detector() -> None:
    published()
    with pytest.raises(CheckpointError, match="gives features, not boxes: name a detector"):
        open_detector(MODELS / "person-reidentification-retail-0288.onnx")


def test_yolox_nano_finds_the_people_of_a_real_street() -> None:
    """At score 0.5 and IoU 0.5 another implementation of the same steps reached recall 0.83 and precision 0.96."""
    file = published()
    if not SEQUENCE.is_dir():
        pytest.skip(f"{SEQUENCE} is missing: see docs/how-to/own-data.md")
    detector = open_detector(file, threads=1)
    truth = np.loadtxt(SEQUENCE / "gt" / "gt.txt", delimiter=",")
    hits = found = people = 0
    with open_source(SEQUENCE, fps=5) as source:
        for frame in source:
            rows = truth[truth[:, 0] == frame.number + 1]
            [detections] = detector.detect([frame.image])
            sure = detections.boxes[detections.scores >= 0.5]
            hits += _matches(np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1), sure)
            found += len(sure)
            people += len(rows)
    assert hits / people == pytest.approx(0.83, abs=0.04)
    assert hits / found == pytest.approx(0.96, abs=0.03)


def _matches(truth: NDArray[np.float64], found: NDArray[np.float32]) -> int:
    left_top = np.maximum(truth[:, None, :2], found[None, :, :2])
    right_bottom = np.minimum(truth[:, None, 2:], found[None, :, 2:])
    common = np.prod(np.clip(right_bottom - left_top, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (truth, found)]
    overlaps = common / (areas[0][:, None] + areas[1][None] - common)
    rows, columns = linear_sum_assignment(-(overlaps * (overlaps >= 0.5)))
    return int((overlaps[rows, columns] >= 0.5).sum())
