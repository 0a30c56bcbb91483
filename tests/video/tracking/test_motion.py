"""The batched filter against textbook matrices, and its clock."""

import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.video.tracking.box_models import AreaAspect, AspectHeight, WidthHeight
from passerby.video.tracking.motion import NOMINAL_RATE, Motion, MotionModel

MODELS: list[MotionModel] = [AspectHeight(), WidthHeight(), AreaAspect()]
pytestmark = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def boxes_of(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
    corner, size = generator.uniform(0, 500, (count, 2)), generator.uniform(20, 200, (count, 2))
    return np.concatenate([corner, corner + size], axis=1)


def matrices(motion: Motion) -> NDArray[np.float64]:
    """The covariances as full matrices [T, 8, 8]."""
    full = np.zeros((len(motion.mean), 8, 8))
    for number in range(4):
        place, both, velocity = motion.covariance[:, :, number].T
        full[:, number, number], full[:, number + 4, number + 4] = place, velocity
        full[:, number, number + 4] = full[:, number + 4, number] = both
    return full


def test_it_is_the_kalman_filter(model: MotionModel) -> None:
    generator = np.random.default_rng(3)
    motion = model.start(boxes_of(generator, 5))
    for seconds in (1 / 30, 0.2, 1 / 25):
        steps = seconds * NOMINAL_RATE
        noise = model.noise(motion.mean[:, :4])
        forward = np.eye(8) + np.eye(8, k=4) * seconds
        mean, covariance = model.held(motion.mean, seconds) @ forward.T, matrices(motion)
        places = np.broadcast_to(noise.place**2 * steps, (5, 4))
        velocities = np.broadcast_to(noise.velocity**2 * NOMINAL_RATE**2 * steps, (5, 4))
        added = np.zeros((5, 8, 8))
        for number in range(4):
            added[:, number, number] = places[:, number] + velocities[:, number] * seconds**2 / 3
            added[:, number, number + 4] = added[:, number + 4, number] = velocities[:, number] * seconds / 2
            added[:, number + 4, number + 4] = velocities[:, number]
        covariance = forward @ covariance @ forward.T + added
        motion = model.predict(motion, seconds)
        np.testing.assert_allclose(motion.mean, mean, rtol=1e-12)
        np.testing.assert_allclose(matrices(motion), covariance, rtol=1e-9, atol=1e-12)

        seen = boxes_of(generator, 5)
        measurement = np.broadcast_to(model.noise(motion.mean[:, :4]).measurement ** 2, (5, 4))
        motion = model.correct(motion, seen)
        for track in range(5):
            total = covariance[track, :4, :4] + np.diag(measurement[track])
            gain = covariance[track, :, :4] @ np.linalg.inv(total)
            expected = mean[track] + gain @ (model.measure(seen)[track] - mean[track, :4])
            np.testing.assert_allclose(motion.mean[track], expected, rtol=1e-9, atol=1e-9)
            left = covariance[track] - gain @ total @ gain.T
            np.testing.assert_allclose(matrices(motion)[track], left, rtol=1e-7, atol=1e-7)


def test_a_box_survives_being_measured(model: MotionModel) -> None:
    boxes = boxes_of(np.random.default_rng(0), 20)
    np.testing.assert_allclose(model.boxes(model.start(boxes).mean), boxes, rtol=1e-9)


def test_two_short_waits_are_one_long_one(model: MotionModel) -> None:
    motion = model.start(boxes_of(np.random.default_rng(1), 4))
    once = model.predict(motion, 0.08)
    twice = model.predict(model.predict(motion, 0.04), 0.04)
    np.testing.assert_allclose(twice.mean, once.mean, rtol=1e-12)
    np.testing.assert_allclose(twice.covariance, once.covariance, rtol=1e-9)


def test_somebody_who_walks_evenly_is_foreseen(model: MotionModel) -> None:
    start = np.array([[100.0, 100.0, 140.0, 200.0]])
    motion = model.start(start)
    for step in range(1, 30):
        motion = model.predict(motion, 0.04)
        motion = model.correct(motion, start + 2.0 * step * np.array([1, 0, 1, 0]))
    ahead = model.boxes(model.predict(motion, 0.4).mean)
    np.testing.assert_allclose(ahead, start + np.array([1, 0, 1, 0]) * 2 * 39, atol=1.5)


def test_a_box_that_shrinks_does_not_vanish(model: MotionModel) -> None:
    motion = model.start(np.array([[100.0, 100.0, 140.0, 200.0]]))
    motion = model.correct(model.predict(motion, 0.04), np.array([[118.0, 145.0, 122.0, 155.0]]))
    for seconds in (0.04, 0.4, 4.0):
        left, top, right, bottom = model.boxes(model.predict(motion, seconds).mean)[0]
        assert right > left
        assert bottom > top
