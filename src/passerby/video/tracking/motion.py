"""How boxes are expected to move: one Kalman filter of constant velocity for all tracks of a stream at once.

A box is four numbers that move independently of each other, so its filter is four filters of place and velocity. Their
covariances are three numbers each: no matrix is ever multiplied or inverted, and a hundred tracks cost as much as one.

Noises are those of the papers, which count in frames of 30 per second. Here places wander and velocities drift in
continuous time, so that waiting twice is the same as waiting once for as long.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NOMINAL_RATE = 30.0
"""Frames per second for which the papers state noises."""


class Motion(NamedTuple):
    """What is believed of T tracks, float64 [T, 4] each.

    Attributes:
        numbers: the four numbers of the box.
        velocity: theirs, per second.
        variance: of the numbers.
        covariance: of each number with its velocity.
        velocity_variance: of the velocities.
    """

    numbers: Floats
    velocity: Floats
    variance: Floats
    covariance: Floats
    velocity_variance: Floats

    @classmethod
    def none(cls) -> "Motion":
        """Of no tracks."""
        return cls(*(np.empty((0, 4)) for _ in range(5)))

    def of(self, tracks: NDArray[np.intp]) -> "Motion":
        """What is believed of some of the tracks."""
        return Motion(*(column.take(tracks, axis=0) for column in self))

    def put(self, tracks: NDArray[np.intp], motion: "Motion") -> None:
        """Believe something else of some of the tracks."""
        for column, values in zip(self, motion, strict=True):
            column[tracks] = values


class MotionModel(ABC):
    """Four numbers that describe a box, and how much they are trusted."""

    @abstractmethod
    def measure(self, boxes: Floats) -> Floats:
        """The four numbers of boxes, left, top, right, bottom, float64 [N, 4]."""

    @abstractmethod
    def boxes(self, numbers: Floats) -> Floats:
        """The boxes, float64 [T, 4], of these four numbers, float64 [T, 4]."""

    @abstractmethod
    def drift(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Standard deviations at boxes of these four numbers, float64 [T, 4] or broadcast to it.

        Returns:
            By how much the four numbers wander in a thirtieth of a second, and by how much their velocities, per
            thirtieth of a second, change in it.
        """

    @abstractmethod
    def shake(self, numbers: Floats) -> Floats:
        """Standard deviations of detected boxes of these four numbers, float64 [T, 4] or broadcast to it."""

    def held(self, motion: Motion, seconds: float | Floats) -> Floats:
        """Velocities, float64 [T, 4], that carry nothing where no box can be."""
        del seconds
        return motion.velocity

    @abstractmethod
    def first_spread(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Standard deviations of place and of velocity, per thirtieth of a second, after one sight."""

    def start(self, boxes: Floats) -> Motion:
        """What is believed of tracks that were seen once."""
        numbers = self.measure(boxes)
        place, velocity = self.first_spread(numbers)
        still = np.zeros_like(numbers)
        return Motion(numbers, still, place**2 + still, still.copy(), (velocity * NOMINAL_RATE) ** 2 + still)

    def predict(self, motion: Motion, seconds: float | Floats) -> Motion:
        """What is believed after so many seconds, of all or of each as float64 [T, 1], without a sight."""
        numbers, _, variance, covariance, velocity_variance = motion
        velocity = self.held(motion, seconds)
        wander, drift = self.drift(numbers)
        wander, drift = wander**2 * NOMINAL_RATE, drift**2 * NOMINAL_RATE**3  # growth of variances per second
        shift = seconds * velocity_variance
        return Motion(
            numbers + seconds * velocity,
            velocity,
            variance + seconds * (2 * covariance + shift + wander) + drift * (seconds**3 / 3),
            covariance + shift + drift * (seconds**2 / 2),
            velocity_variance + drift * seconds,
        )

    def correct(self, motion: Motion, boxes: Floats, rows: NDArray[np.intp] | None = None) -> Motion:
        """What is believed of tracks after each was seen, or each of some `rows`, in a box of its own."""
        numbers, velocity, variance, covariance, velocity_variance = motion
        total = variance + self.shake(numbers) ** 2
        gain, velocity_gain = variance / total, covariance / total
        measured = self.measure(boxes)
        if rows is not None:  # with all tracks, of which some gain nothing, faster than with copies of some
            seen, some = np.zeros((len(numbers), 1)), measured
            seen[rows] = 1.0
            gain *= seen
            velocity_gain *= seen
            measured = numbers.copy()
            measured[rows] = some
        surprise = measured - numbers
        return Motion(
            numbers + gain * surprise,
            velocity + velocity_gain * surprise,
            variance - gain * variance,
            covariance - gain * covariance,
            velocity_variance - velocity_gain * covariance,
        )
