"""The detectors that need no file, on drawn scenes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.video.detection.hog import HogDetector
from passerby.video.detection.motion import MotionDetector


def scene(step: int) -> NDArray[np.uint8]:
    """A still background with grain, and from step 0 on somebody who walks to the right."""
    ground = np.random.default_rng(1).integers(60, 120, (30, 40, 3), dtype=np.uint8)
    image = cv2.resize(ground, (640, 480), interpolation=cv2.INTER_CUBIC)
    left = 50 + 6 * step
    if step >= 0:
        image[200:360, left : left + 50] = (200, 60, 40)
    grain = np.random.default_rng(step + 1000).normal(0, 2, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def test_motion_finds_who_moves() -> None:
    detector = MotionDetector()
    assert [len(each) for each in detector.detect([scene(step) for step in range(-20, 0)])] == [0] * 20
    found = detector.detect([scene(step) for step in range(40)])
    boxes = [np.array([50 + 6 * step, 200, 100 + 6 * step, 360]) for step in range(40)]
    close = [len(each) > 0 and abs(each.boxes[0] - box).max() < 16 for each, box in zip(found, boxes, strict=True)]
    assert np.mean(close) > 0.9
    assert all((each.scores >= 0).all() and (each.scores <= 1).all() for each in found)


def test_motion_finds_nobody_where_all_moves_at_once() -> None:
    detector = MotionDetector()
    detector.detect([scene(step) for step in range(-10, 10)])
    [found] = detector.detect([255 - scene(10)])
    assert len(found) == 0


def test_motion_begins_anew_with_pictures_of_another_size() -> None:
    detector = MotionDetector()
    detector.detect([scene(step) for step in range(5)])
    [found] = detector.detect([np.full((100, 100, 3), 255, np.uint8)])
    assert len(found) == 0


def test_two_motion_detectors_do_not_share_a_background() -> None:
    one, other = MotionDetector(), MotionDetector()
    one.detect([scene(step) for step in range(-20, 10)])
    assert len(other.detect([scene(10)])[0]) == 0
    assert len(one.detect([scene(10)])[0]) == 1


def test_hog_looks_at_pictures_of_any_size() -> None:
    detector = HogDetector()
    images = [np.zeros(shape, np.uint8) for shape in ((10, 10, 3), (128, 64, 3), (300, 200, 3), (1500, 2000, 3))]
    assert [len(each) for each in detector.detect(images)] == [0, 0, 0, 0]
