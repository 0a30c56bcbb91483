"""The four numbers that each tracker sees in a box, and how much it trusts them."""

import numpy as np

from passerby.video.tracking.motion import Floats, Motion, MotionModel

SHAKE = 3.0
"""How much more boxes shake than the papers of ByteTrack and BoT-SORT say: small detectors are less steady."""


def _boxes(x: Floats, y: Floats, width: Floats, height: Floats) -> Floats:
    boxes = np.empty((len(x), 4))
    boxes[:, 0], boxes[:, 1] = x - width / 2, y - height / 2
    boxes[:, 2], boxes[:, 3] = boxes[:, 0] + width, boxes[:, 1] + height
    return boxes


def _centres_and_sizes(boxes: Floats) -> tuple[Floats, Floats, Floats]:
    """Room for four numbers that begin with the centre, and widths and heights."""
    numbers = np.empty_like(boxes)
    left, top, right, bottom = boxes.T
    numbers[:, 0], numbers[:, 1] = (left + right) / 2, (top + bottom) / 2
    return numbers, right - left, bottom - top


class AspectHeight(MotionModel):
    """Centre, width over height, and height; noises are shares of the height (ByteTrack, arXiv 2110.06864)."""

    def measure(self, boxes: Floats) -> Floats:
        """Centre x, centre y, aspect, height."""
        numbers, width, height = _centres_and_sizes(boxes)
        numbers[:, 2], numbers[:, 3] = width / height, height
        return numbers

    def boxes(self, numbers: Floats) -> Floats:
        """Boxes; a height that was predicted to vanish is a pixel."""
        x, y, aspect, height = numbers.T
        height = np.maximum(height, 1.0)
        return _boxes(x, y, np.maximum(aspect, 0.01) * height, height)

    def drift(self, numbers: Floats) -> tuple[Floats, Floats]:
        """A twentieth of the height in place, a 160th in velocity."""
        height = np.maximum(numbers[:, 3:], 1.0)
        return height * _PLACE + _PLACE_OF_ASPECT, height * _DRIFT + _DRIFT_OF_ASPECT

    def shake(self, numbers: Floats) -> Floats:
        """Three twentieths of the height; 0.3 of the aspect."""
        return np.maximum(numbers[:, 3:], 1.0) * (SHAKE * _PLACE) + SHAKE * _SEEN_ASPECT

    def first_spread(self, numbers: Floats) -> tuple[Floats, Floats]:
        """A tenth of the height in place, a sixteenth in velocity."""
        height = np.maximum(numbers[:, 3:], 1.0)
        return height * (2 * _PLACE) + _PLACE_OF_ASPECT, height * (10 * _DRIFT) + _DRIFT_OF_ASPECT


class WidthHeight(MotionModel):
    """Centre, width and height; noises are shares of the width across and of the height down (arXiv 2206.14651)."""

    def measure(self, boxes: Floats) -> Floats:
        """Centre x, centre y, width, height."""
        numbers, numbers[:, 2], numbers[:, 3] = _centres_and_sizes(boxes)
        return numbers

    def boxes(self, numbers: Floats) -> Floats:
        """Boxes; a side that was predicted to vanish is a pixel."""
        x, y, width, height = numbers.T
        return _boxes(x, y, np.maximum(width, 1.0), np.maximum(height, 1.0))

    def drift(self, numbers: Floats) -> tuple[Floats, Floats]:
        """A twentieth of the side in place, a 160th in velocity."""
        size = np.maximum(numbers.take(_SIDES, axis=1), 1.0)
        return size / 20, size / 160

    def shake(self, numbers: Floats) -> Floats:
        """Three twentieths of the side."""
        return np.maximum(numbers.take(_SIDES, axis=1), 1.0) * (SHAKE / 20)

    def first_spread(self, numbers: Floats) -> tuple[Floats, Floats]:
        """A tenth of the side in place, a sixteenth in velocity."""
        size = np.maximum(numbers.take(_SIDES, axis=1), 1.0)
        return size / 10, size / 16


class AreaAspect(MotionModel):
    """Centre, area and width over height, which does not drift; noises are fixed (SORT, arXiv 1602.00763)."""

    def measure(self, boxes: Floats) -> Floats:
        """Centre x, centre y, area, aspect."""
        numbers, width, height = _centres_and_sizes(boxes)
        numbers[:, 2], numbers[:, 3] = width * height, width / height
        return numbers

    def boxes(self, numbers: Floats) -> Floats:
        """Boxes of at least a square pixel."""
        x, y, area, aspect = numbers.T
        area = np.maximum(area, 1.0)
        width = np.sqrt(area * np.maximum(aspect, 0.01))
        return _boxes(x, y, width, area / width)

    def held(self, motion: Motion, seconds: float | Floats) -> Floats:
        """Velocities; an area that would vanish stays as it is."""
        vanishing = (motion.numbers[:, 2:3] + seconds * motion.velocity[:, 2:3] <= 0)[:, 0]
        if not vanishing.any():
            return motion.velocity
        velocity = motion.velocity.copy()
        velocity[vanishing, 2] = 0.0
        return velocity

    def drift(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Variances 1 of places, 0.01 and 0.0001 of velocities."""
        del numbers
        return _ONES, _SORT_DRIFT

    def shake(self, numbers: Floats) -> Floats:
        """Variances 1 of the centre, 10 of area and aspect."""
        del numbers
        return _SORT_SHAKE

    def first_spread(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Variances 10 of places and 10,000 of velocities."""
        return np.full_like(numbers, np.sqrt(10.0)), np.full_like(numbers, 100.0) * _DRIFTS


_DRIFTS = np.array([1.0, 1.0, 1.0, 0.0])
_ONES = np.ones(4)
_SORT_DRIFT = np.sqrt([0.01, 0.01, 0.0001, 0.0])
_SORT_SHAKE = np.sqrt([1.0, 1.0, 10.0, 10.0])
_SIDES = [2, 3, 2, 3]
_PLACE = np.array([1, 1, 0, 1]) / 20
_DRIFT = np.array([1, 1, 0, 1]) / 160
_PLACE_OF_ASPECT = np.array([0, 0, 0.01, 0])
_DRIFT_OF_ASPECT = np.array([0, 0, 1e-5, 0])
_SEEN_ASPECT = np.array([0, 0, 0.1, 0])
