"""Find what moves before a background that does not: no model file, for cameras that stand still.

It finds whatever moves, not people: cars and shadows too. It loses whoever stands still for some seconds, joins people
who walk side by side, and finds nothing while the camera itself moves or the light is switched.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.video.detection.detector import Detections
from passerby.video.detection.suppression import best_first, no_detections

_WIDTH = 480  # pixels of the copy that is looked at
_HISTORY = 500  # frames
_LEARNING_RATE = (
    1 / _HISTORY
)  # from the first frame on: OpenCV begins faster, and takes whoever walks slowly for ground
_SHARPNESS = 25.0  # how far a pixel must be from its background, in squared standard deviations
_MOST_MOVING = 0.5  # of the picture: more than that is the camera or the light
_LEAST_HEIGHT = 1 / 16  # of the picture
_PROPORTIONS = (0.9, 6.0)  # height over width of somebody upright, or of two who walk together
_FOREGROUND = 255  # OpenCV's label; 127 is a shadow


class MotionDetector:
    """Finds what moves, by background subtraction with a mixture of Gaussians (Zivkovic, ICPR 2004).

    It remembers the background: give it all frames of one source, in order, and each source its own.
    """

    remembers = True

    def __init__(self) -> None:
        self._background: cv2.BackgroundSubtractorMOG2 | None = None
        self._size = (0, 0)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Find what moves in each picture, all uint8 [height, width, 3] RGB, which follow upon those before.

        A score is the share of its box that moves.
        """
        return [self._detect(image) for image in images]

    def _detect(self, image: NDArray[np.uint8]) -> Detections:
        height, width = image.shape[:2]
        scale = min(1.0, _WIDTH / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
        fresh = self._background is None or size != self._size
        if self._background is None or fresh:
            self._background = cv2.createBackgroundSubtractorMOG2(_HISTORY, _SHARPNESS, detectShadows=True)
            self._size = size
        labels = self._background.apply(small, learningRate=_LEARNING_RATE)
        if fresh:
            return no_detections()
        moving = np.asarray(labels == _FOREGROUND, np.uint8)
        if moving.mean() > _MOST_MOVING:
            return no_detections()
        return _blobs(moving, np.array([width / size[0], height / size[1]] * 2, np.float32))


def _blobs(moving: NDArray[np.uint8], scale: NDArray[np.float32]) -> Detections:
    """Boxes around what hangs together and has the proportions of people.

    Args:
        moving: uint8 [height, width], 1 where something moves.
        scale: float32 [4], pixels of the picture for one of it.
    """
    cleaned = cv2.morphologyEx(moving, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    joined = cv2.morphologyEx(cleaned, cv2.MORPH_CLOSE, np.ones((11, 5), np.uint8))  # legs and body, not neighbours
    count, _, found, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    if count < 2:
        return no_detections()
    left, top, width, height, area = (found[1:, column].astype(np.float32) for column in range(5))
    proportion = height / width
    upright = (proportion >= _PROPORTIONS[0]) & (proportion <= _PROPORTIONS[1])
    kept = upright & (height >= _LEAST_HEIGHT * moving.shape[0])
    boxes = np.stack([left, top, left + width, top + height], axis=1) * scale
    return best_first(boxes[kept], (area / (width * height))[kept])
