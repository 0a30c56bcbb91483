"""A camera that turns is measured, and people are followed through its motion."""

import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.video.tracking import make_tracker
from passerby.video.tracking.box_models import WidthHeight
from passerby.video.tracking.camera_motion import STILL, CameraMotion, move_boxes
from tests.video.tracking.walkers import detections


def scene() -> NDArray[np.uint8]:
    """A wall of many shades."""
    coarse = np.random.default_rng(0).integers(0, 255, (30, 40, 3))
    return np.kron(coarse, np.ones((16, 16, 1))).astype(np.uint8)


def test_a_shift_is_measured_in_pixels_of_the_whole_picture() -> None:
    camera, wall = CameraMotion(), scene()
    np.testing.assert_array_equal(camera.measure(wall), STILL)
    measured = camera.measure(np.roll(wall, (4, -6), axis=(0, 1)))
    np.testing.assert_allclose(measured, [[1, 0, -6], [0, 1, 4]], atol=0.15)


def test_pictures_without_corners_of_other_sizes_and_after_a_break_say_nothing() -> None:
    camera, wall = CameraMotion(), scene()
    grey = np.full_like(wall, 90)
    for image in (grey, grey, wall[:200], wall):
        np.testing.assert_array_equal(camera.measure(image), STILL)
    camera.forget()
    np.testing.assert_array_equal(camera.measure(np.roll(wall, 5, axis=1)), STILL)


def test_boxes_go_along_with_the_camera() -> None:
    model = WidthHeight()
    motion = model.start(np.array([[10.0, 20.0, 30.0, 80.0]]))
    turned = move_boxes(motion, np.array([[0.0, -2.0, 5.0], [2.0, 0.0, 7.0]]))  # a quarter turn, twice the size
    np.testing.assert_allclose(model.boxes(turned.numbers), [[-95 - 20, 47 - 60, -95 + 20, 47 + 60]])
    np.testing.assert_allclose(turned.variance[0], 4 * motion.variance[0][[1, 0, 2, 3]])


@pytest.mark.parametrize(("settings", "tracks"), [({}, 1), ({"camera_motion": False}, 2)])
def test_a_jerk_of_the_camera_loses_nobody_who_is_followed_with_pictures(
    settings: dict[str, bool], tracks: int
) -> None:
    tracker = make_tracker("botsort", settings)
    assert tracker.wants_image is (tracks == 1)
    wall, told = scene(), set()
    for frame in range(20):
        jerk = 40 if frame >= 10 else 0
        seen = detections([(200 + jerk, 100, 230 + jerk, 180)])
        image = np.roll(wall, jerk, axis=1)
        told |= set(tracker.update(seen, frame=frame, time=frame / 25, image=image).tracks)
    assert len(told) == tracks
