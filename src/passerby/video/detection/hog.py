"""Find people upright by the directions of their edges, with the classifier that OpenCV brings: no model file.

It finds people who stand free and are at least some hundred pixels high, in a few frames a second; it misses whoever is
partly hidden, sits or is small.
"""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.video.detection.detector import Detections
from passerby.video.detection.suppression import best_first, no_detections, suppress_overlaps

_WINDOW = (64, 128)
_MARGIN = (0.18, 0.11)  # of the window around the person it was trained on: left and right, top and bottom
_LARGEST_SIDE = 960
_STRIDE, _STEP = (8, 8), 1.05
_MOST_IOU = 0.45


class HogDetector:
    """Finds people by histograms of oriented gradients (Dalal and Triggs, CVPR 2005)."""

    remembers = False

    def __init__(self) -> None:
        self._classifier = cv2.HOGDescriptor()
        people = cast(NDArray[np.float32], cv2.HOGDescriptor.getDefaultPeopleDetector())
        self._classifier.setSVMDetector(people)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Find the people in each picture, all uint8 [height, width, 3] RGB; pictures may differ in size.

        A score is the logistic function of the distance to the classifier's boundary.
        """
        return [self._detect(image) for image in images]

    def _detect(self, image: NDArray[np.uint8]) -> Detections:
        height, width = image.shape[:2]
        scale = min(1.0, _LARGEST_SIDE / max(height, width))
        size = (round(width * scale), round(height * scale))
        if size[0] < _WINDOW[0] or size[1] < _WINDOW[1]:
            return no_detections()
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1 else grey
        found, margins = self._classifier.detectMultiScale(small, winStride=_STRIDE, scale=_STEP, groupThreshold=0)
        if not len(found):
            return no_detections()
        windows = np.asarray(found, np.float32).reshape(-1, 4)
        inset = windows[:, 2:] * np.array(_MARGIN, np.float32)
        boxes = np.concatenate([windows[:, :2] + inset, windows[:, :2] + windows[:, 2:] - inset], axis=1)
        boxes = np.clip(boxes / np.float32(scale), 0, np.array([width, height] * 2, np.float32))
        scores = 1 / (1 + np.exp(-np.asarray(margins, np.float64).ravel()))
        return suppress_overlaps(best_first(boxes, scores.astype(np.float32)), _MOST_IOU)
