"""Thresholds, heights, regions and tiles around a detector that finds white rectangles."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.video.detection.camera_detector import CameraDetector, CameraSettings, tile_corners
from passerby.video.detection.detector import Detections
from passerby.video.detection.motion import MotionDetector
from passerby.video.detection.region import read_region, region_of_polygons


class WhiteDetector:
    """Finds white rectangles at least a twentieth of the picture high; brighter ones are surer."""

    remembers = False

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        return [self._detect(image) for image in images]

    def _detect(self, image: NDArray[np.uint8]) -> Detections:
        _, labels, found, _ = cv2.connectedComponentsWithStats((image[..., 0] > 0).astype(np.uint8))
        boxes, scores = [], []
        for label in range(1, len(found)):
            left, top, width, height, _ = found[label]
            if height >= image.shape[0] / 20:
                boxes.append([left, top, left + width, top + height])
                scores.append(image[labels == label, 0].max() / 255)
        order = np.argsort(-np.array(scores), kind="stable")
        return Detections(
            np.array(boxes, np.float32).reshape(-1, 4)[order], np.array(scores, np.float32).reshape(-1)[order]
        )


def picture(*boxes: tuple[int, int, int, int, int], shape: tuple[int, int] = (400, 600)) -> NDArray[np.uint8]:
    image = np.zeros((*shape, 3), np.uint8)
    for left, top, right, bottom, value in boxes:
        image[top:bottom, left:right] = value
    return image


def found(image: NDArray[np.uint8], **settings: Any) -> list[list[float]]:
    [detections] = CameraDetector(WhiteDetector(), CameraSettings(**settings)).detect([image])
    return sorted(detections.boxes.tolist())


def test_threshold_and_least_height() -> None:
    image = picture((10, 10, 30, 60, 255), (100, 10, 130, 60, 100), (200, 10, 230, 200, 200))
    assert len(found(image)) == 3
    assert found(image, threshold=0.5) == [[10, 10, 30, 60], [200, 10, 230, 200]]
    assert found(image, least_height=51) == [[200, 10, 230, 200]]


def test_people_count_where_their_feet_are_in_the_region() -> None:
    image = picture((10, 10, 30, 190, 255), (10, 220, 30, 300, 255), (500, 150, 530, 250, 255))
    lower_left = region_of_polygons([[(0, 0.5), (0.5, 0.5), (0.5, 1), (0, 1)]])
    assert found(image, region=lower_left) == [[10, 220, 30, 300]]


def test_regions_are_read_from_polygons_and_masks(tmp_path: Path) -> None:
    (tmp_path / "region.json").write_text(json.dumps([[[0, 0.5], [0.5, 0.5], [0.5, 1], [0, 1]]]))
    mask = np.zeros((10, 10), np.uint8)
    mask[5:, :5] = 255
    cv2.imwrite(str(tmp_path / "region.png"), mask)
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 300, (200, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(5, 100, (200, 2))], axis=1).astype(np.float32)
    middle, feet = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]
    clear = (abs(middle - 300) > 2) & (abs(feet - 200) > 2)
    for name in ("region.json", "region.png"):
        held = read_region(tmp_path / name).holds(boxes, 400, 600)
        assert np.array_equal(held[clear], ((middle < 300) & (feet > 200))[clear])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "[[[0, 0], [1, 1]]]", "three corners"),
        ("a.json", "[[[0, 0], [1, 1], [3, 0]]]", "0 to 1"),
        ("a.json", '[[[0, 0], [1, 1], ["x", 0]]]', "three corners"),
        ("a.json", "[]", "at least one polygon"),
        ("a.json", "{}", "must be a list"),
        ("a.json", "no json", "neither a picture nor JSON"),
        ("a.png", "no picture", "cannot be read"),
    ],
)
def test_regions_that_are_none_are_refused_by_name(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_region(tmp_path / name)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("height", "width", "tile"), [(400, 600, 200), (2160, 3840, 1280), (100, 700, 300), (64, 64, 64)]
)
def test_tiles_cover_the_picture_and_overlap(height: int, width: int, tile: int) -> None:
    seen = np.zeros((height, width), np.uint8)
    for top, left in tile_corners(height, width, tile):
        assert 0 <= top <= max(0, height - tile)
        assert 0 <= left <= max(0, width - tile)
        seen[top : top + tile, left : left + tile] = 1
    assert seen.all()
    lefts = sorted({left for _, left in tile_corners(height, width, tile)})
    assert all(second - first <= 0.75 * tile + 1 for first, second in pairwise(lefts))


def test_tiles_find_small_people_and_nobody_twice() -> None:
    """Nobody lower than a twentieth of the picture is found in the whole; each quarter is a picture of its own."""
    generator = np.random.default_rng(5)
    boxes = []
    for row in range(6):
        for column in range(10):
            left, top = 20 + 60 * column + int(generator.integers(20)), 10 + 60 * row + int(generator.integers(20))
            boxes.append((left, top, left + 8, top + 15, 255))
    boxes.append((250, 375, 270, 400, 255))
    image = picture(*boxes)
    assert len(found(image)) == 1
    assert found(image, tile=160) == sorted([float(value) for value in box[:4]] for box in boxes)


def test_who_is_larger_than_a_tile_is_found_once_in_the_whole() -> None:
    image = picture((100, 50, 250, 390, 255))
    assert found(image, tile=128) == [[100, 50, 250, 390]]


@pytest.mark.parametrize(
    "settings", [{"threshold": 1.5}, {"threshold": float("nan")}, {"least_height": -1}, {"tile": 10}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        CameraSettings(**settings)


def test_tiles_are_not_for_motion() -> None:
    with pytest.raises(DataError, match="leave out tile for motion"):
        CameraDetector(MotionDetector(), CameraSettings(tile=128))
    assert CameraDetector(MotionDetector(), CameraSettings()).remembers
