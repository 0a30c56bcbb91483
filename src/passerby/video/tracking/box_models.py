"""The four numbers that each tracker sees in a box, and how much it trusts them."""

import numpy as np

from passerby.video.tracking.motion import Floats, MotionModel, Noise

SHAKE = 3.0
"""How much more boxes shake than the papers of ByteTrack and BoT-SORT say: small detectors are less steady."""


def _centre_and_size(boxes: Floats) -> tuple[Floats, Floats]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]


def _around(centre: Floats, width: Floats, height: Floats) -> Floats:
    half = np.stack([width, height], axis=1) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


class AspectHeight(MotionModel):
    """Centre, width over height, and height; noises are shares of the height (ByteTrack, arXiv 2110.06864)."""

    def measure(self, boxes: Floats) -> Floats:
        """Centre x, centre y, aspect, height."""
        centre, size = _centre_and_size(boxes)
        return np.concatenate([centre, size[:, :1] / size[:, 1:], size[:, 1:]], axis=1)

    def boxes(self, mean: Floats) -> Floats:
        """Boxes; a height that was predicted to vanish is a pixel."""
        height = np.maximum(mean[:, 3], 1.0)
        return _around(mean[:, :2], np.maximum(mean[:, 2], 0.01) * height, height)

    def noise(self, numbers: Floats) -> Noise:
        """A twentieth of the height in place, a 160th in velocity; three twentieths in a detection."""
        height = np.maximum(numbers[:, 3:], 1.0)
        seen = SHAKE * (height * _PLACE + _SEEN_ASPECT)
        return Noise(height * _PLACE + _PLACE_OF_ASPECT, height * _DRIFT + _DRIFT_OF_ASPECT, seen)

    def first_noise(self, numbers: Floats) -> tuple[Floats, Floats]:
        """A tenth of the height in place, a sixteenth in velocity."""
        height = np.maximum(numbers[:, 3:], 1.0)
        return height * (2 * _PLACE) + _PLACE_OF_ASPECT, height * (10 * _DRIFT) + _DRIFT_OF_ASPECT


class WidthHeight(MotionModel):
    """Centre, width and height; noises are shares of the width across and of the height down (arXiv 2206.14651)."""

    def measure(self, boxes: Floats) -> Floats:
        """Centre x, centre y, width, height."""
        return np.concatenate(_centre_and_size(boxes), axis=1)

    def boxes(self, mean: Floats) -> Floats:
        """Boxes; a side that was predicted to vanish is a pixel."""
        return _around(mean[:, :2], np.maximum(mean[:, 2], 1.0), np.maximum(mean[:, 3], 1.0))

    def noise(self, numbers: Floats) -> Noise:
        """A twentieth of the side in place, a 160th in velocity; three twentieths in a detection."""
        size = np.maximum(numbers[:, 2:], 1.0)[:, [0, 1, 0, 1]]
        return Noise(size / 20, size / 160, SHAKE * size / 20)

    def first_noise(self, numbers: Floats) -> tuple[Floats, Floats]:
        """A tenth of the side in place, a sixteenth in velocity."""
        size = np.maximum(numbers[:, 2:], 1.0)[:, [0, 1, 0, 1]]
        return size / 10, size / 16


class AreaAspect(MotionModel):
    """Centre, area and width over height, which does not drift; noises are fixed (SORT, arXiv 1602.00763)."""

    def measure(self, boxes: Floats) -> Floats:
        """Centre x, centre y, area, aspect."""
        centre, size = _centre_and_size(boxes)
        return np.concatenate([centre, size[:, :1] * size[:, 1:], size[:, :1] / size[:, 1:]], axis=1)

    def boxes(self, mean: Floats) -> Floats:
        """Boxes of at least a square pixel."""
        width = np.sqrt(np.maximum(mean[:, 2], 1.0) * np.maximum(mean[:, 3], 0.01))
        return _around(mean[:, :2], width, np.maximum(mean[:, 2], 1.0) / width)

    def held(self, mean: Floats, seconds: float | Floats) -> Floats:
        """An area that would vanish stays as it is."""
        vanishing = (mean[:, 2:3] + seconds * mean[:, 6:7] <= 0)[:, 0]
        if not vanishing.any():
            return mean
        mean = mean.copy()
        mean[vanishing, 6] = 0.0
        return mean

    def noise(self, numbers: Floats) -> Noise:
        """Variances 1 of places, 0.01 and 0.0001 of velocities, 1 and 10 of measurements."""
        del numbers
        return _SORT_NOISE

    def first_noise(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Variances 10 of places and 10,000 of velocities."""
        return np.full_like(numbers, np.sqrt(10.0)), np.full_like(numbers, 100.0) * _DRIFTS


_DRIFTS = np.array([1.0, 1.0, 1.0, 0.0])
_SORT_NOISE = Noise(np.ones(4), np.sqrt([0.01, 0.01, 0.0001, 0.0]), np.sqrt([1.0, 1.0, 10.0, 10.0]))
_PLACE = np.array([1, 1, 0, 1]) / 20
_DRIFT = np.array([1, 1, 0, 1]) / 160
_PLACE_OF_ASPECT = np.array([0, 0, 0.01, 0])
_DRIFT_OF_ASPECT = np.array([0, 0, 1e-5, 0])
_SEEN_ASPECT = np.array([0, 0, 0.1, 0])
