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


def means(motion: Motion) -> NDArray[np.float64]:
    """The four numbers and their velocities, [T, 8]."""
    return np.concatenate([motion.numbers, motion.velocity], axis=1)


def matrices(motion: Motion) -> NDArray[np.float64]:
    """The covariances as full matrices [T, 8, 8]."""
    full = np.zeros((len(motion.numbers), 8, 8))
    for number in range(4):
        full[:, number, number] = motion.variance[:, number]
        full[:, number + 4, number + 4] = motion.velocity_variance[:, number]
        full[:, number, number + 4] = full[:, number + 4, number] = motion.covariance[:, number]
    return full


def added_in(model: MotionModel, motion: Motion, seconds: float) -> NDArray[np.float64]:
    """How much less is known after some seconds in which places wander and velocities drift, [T, 8, 8]."""
    steps, shape = seconds * NOMINAL_RATE, motion.numbers.shape
    place, velocity = (np.broadcast_to(each, shape) ** 2 * steps for each in model.drift(motion.numbers))
    velocity = velocity * NOMINAL_RATE**2
    added = np.zeros((len(motion.numbers), 8, 8))
    for number in range(4):
        added[:, number, number] = place[:, number] + velocity[:, number] * seconds**2 / 3
        added[:, number, number + 4] = added[:, number + 4, number] = velocity[:, number] * seconds / 2
        added[:, number + 4, number + 4] = velocity[:, number]
    return added


def test_it_is_the_kalman_filter(model: MotionModel) -> None:
    generator = np.random.default_rng(3)
    motion = model.start(boxes_of(generator, 5))
    for seconds in (1 / 30, 0.2, 1 / 25):
        forward = np.eye(8) + np.eye(8, k=4) * seconds
        held = motion._replace(velocity=model.held(motion, seconds))
        mean = means(held) @ forward.T
        covariance = forward @ matrices(motion) @ forward.T + added_in(model, motion, seconds)
        motion = model.predict(motion, seconds)
        np.testing.assert_allclose(means(motion), mean, rtol=1e-12)
        np.testing.assert_allclose(matrices(motion), covariance, rtol=1e-9, atol=1e-12)

        seen = boxes_of(generator, 5)
        measurement = np.broadcast_to(model.shake(motion.numbers) ** 2, (5, 4))
        motion = model.correct(motion, seen)
        for track in range(5):
            total = covariance[track, :4, :4] + np.diag(measurement[track])
            gain = covariance[track, :, :4] @ np.linalg.inv(total)
            expected = mean[track] + gain @ (model.measure(seen)[track] - mean[track, :4])
            np.testing.assert_allclose(means(motion)[track], expected, rtol=1e-9, atol=1e-9)
            left = covariance[track] - gain @ total @ gain.T
            np.testing.assert_allclose(matrices(motion)[track], left, rtol=1e-7, atol=1e-7)


def test_a_box_survives_being_measured(model: MotionModel) -> None:
    boxes = boxes_of(np.random.default_rng(0), 20)
    np.testing.assert_allclose(model.boxes(model.start(boxes).numbers), boxes, rtol=1e-9)


def test_two_short_waits_are_one_long_one(model: MotionModel) -> None:
    motion = model.start(boxes_of(np.random.default_rng(1), 4))
    once = model.predict(motion, 0.08)
    twice = model.predict(model.predict(motion, 0.04), 0.04)
    np.testing.assert_allclose(means(twice), means(once), rtol=1e-12)
    np.testing.assert_allclose(matrices(twice), matrices(once), rtol=1e-9)


def test_somebody_who_walks_evenly_is_foreseen(model: MotionModel) -> None:
    start = np.array([[100.0, 100.0, 140.0, 200.0]])
    motion = model.start(start)
    for step in range(1, 30):
        motion = model.predict(motion, 0.04)
        motion = model.correct(motion, start + 2.0 * step * np.array([1, 0, 1, 0]))
    ahead = model.boxes(model.predict(motion, 0.4).numbers)
    np.testing.assert_allclose(ahead, start + np.array([1, 0, 1, 0]) * 2 * 39, atol=1.5)


def test_a_box_that_shrinks_does_not_vanish(model: MotionModel) -> None:
    motion = model.start(np.array([[100.0, 100.0, 140.0, 200.0]]))
    motion = model.correct(model.predict(motion, 0.04), np.array([[118.0, 145.0, 122.0, 155.0]]))
    for seconds in (0.04, 0.4, 4.0):
        left, top, right, bottom = model.boxes(model.predict(motion, seconds).numbers)[0]
        assert right > left
        assert bottom > top
