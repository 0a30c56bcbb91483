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


class Noise(NamedTuple):
    """Standard deviations, each float64 [T, 4] or broadcast to it.

    Attributes:
        place: by which the four numbers wander in a thirtieth of a second.
        velocity: by which their velocities, per thirtieth of a second, change in a thirtieth of a second.
        measurement: of a detector's box.
    """

    place: Floats
    velocity: Floats
    measurement: Floats


class Motion(NamedTuple):
    """What is believed of T tracks.

    Attributes:
        mean: float64 [T, 8], four numbers of the box, then their velocities per second.
        covariance: float64 [T, 3, 4]: of each of the four numbers its variance, its covariance with its velocity, and
            the variance of its velocity.
    """

    mean: Floats
    covariance: Floats

    def of(self, tracks: NDArray[np.intp]) -> "Motion":
        """What is believed of some of the tracks."""
        return Motion(self.mean[tracks], self.covariance[tracks])


class MotionModel(ABC):
    """Four numbers that describe a box, and how much they are trusted."""

    @abstractmethod
    def measure(self, boxes: Floats) -> Floats:
        """The four numbers of boxes, left, top, right, bottom, float64 [N, 4]."""

    @abstractmethod
    def boxes(self, mean: Floats) -> Floats:
        """The boxes, float64 [T, 4], that means [T, 8] describe."""

    @abstractmethod
    def noise(self, numbers: Floats) -> Noise:
        """The noise at boxes of these four numbers, float64 [T, 4]."""

    def held(self, mean: Floats, seconds: float | Floats) -> Floats:
        """Means that `seconds` do not carry where no box can be."""
        del seconds
        return mean

    @abstractmethod
    def first_noise(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Standard deviations of place and of velocity, per thirtieth of a second, after one sight."""

    def start(self, boxes: Floats) -> Motion:
        """What is believed of tracks that were seen once."""
        numbers = self.measure(boxes)
        place, velocity = self.first_noise(numbers)
        covariance = np.zeros((len(boxes), 3, 4))
        covariance[:, 0] = place**2
        covariance[:, 2] = (velocity * NOMINAL_RATE) ** 2
        return Motion(np.concatenate([numbers, np.zeros_like(numbers)], axis=1), covariance)

    def predict(self, motion: Motion, seconds: float | Floats) -> Motion:
        """What is believed after so many seconds, of all or of each as float64 [T, 1], without a sight."""
        mean, covariance = self.held(motion.mean, seconds).copy(), np.empty_like(motion.covariance)
        mean[:, :4] += seconds * mean[:, 4:]
        place, both, velocity = motion.covariance[:, 0], motion.covariance[:, 1], motion.covariance[:, 2]
        noise = self.noise(motion.mean[:, :4])
        wander, drift = noise.place**2 * NOMINAL_RATE, noise.velocity**2 * NOMINAL_RATE**3  # growth per second
        shift = seconds * velocity
        covariance[:, 0] = place + seconds * (2 * both + shift + wander) + drift * (seconds**3 / 3)
        covariance[:, 1] = both + shift + drift * (seconds**2 / 2)
        covariance[:, 2] = velocity + drift * seconds
        return Motion(mean, covariance)

    def correct(self, motion: Motion, boxes: Floats) -> Motion:
        """What is believed of tracks after each was seen, in a box of its own."""
        mean, covariance = motion.mean, motion.covariance
        place, both = covariance[:, 0], covariance[:, 1]
        total = place + self.noise(mean[:, :4]).measurement ** 2
        gain, drift = place / total, both / total
        surprise = self.measure(boxes) - mean[:, :4]
        corrected = np.concatenate([mean[:, :4] + gain * surprise, mean[:, 4:] + drift * surprise], axis=1)
        left = np.empty_like(covariance)
        left[:, 0] = place - gain * place
        left[:, 1] = both - gain * both
        left[:, 2] = covariance[:, 2] - drift * both
        return Motion(corrected, left)
