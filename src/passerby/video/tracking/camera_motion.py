"""How a camera moved between two frames, from corners that can be found again in both."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.video.tracking.motion import Motion

_CORNERS = 1000
_LEAST = 5
"""Corners below which nothing is said of the camera."""

Similarity = NDArray[np.float64]
"""[2, 3]: rotation and scale, then the shift in pixels."""

STILL: Similarity = np.eye(2, 3)


class CameraMotion:
    """The motion of one camera, frame by frame.

    Corners of the grey picture at half size (Shi and Tomasi) are followed by pyramids of Lucas and Kanade; RANSAC finds
    the similarity that most of them went along with, so that people who walk hardly count (BoT-SORT, arXiv 2206.14651).
    """

    def __init__(self) -> None:
        self._grey: Any = None

    def forget(self) -> None:
        """Begin anew: the next picture does not follow upon the last one."""
        self._grey = None

    def measure(self, image: NDArray[np.uint8]) -> Similarity:
        """The similarity [2, 3] that takes pixels of the picture before to those of this one, uint8 [H, W, 3] RGB.

        Nothing moves in a first picture, one of another size, or one without corners.
        """
        import cv2

        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        grey = cv2.resize(grey, (max(1, image.shape[1] // 2), max(1, image.shape[0] // 2)))
        before, self._grey = self._grey, grey
        if before is None or before.shape != grey.shape:
            return STILL
        corners: Any = cv2.goodFeaturesToTrack(
            before, maxCorners=_CORNERS, qualityLevel=0.01, minDistance=1, blockSize=3
        )
        if corners is None or len(corners) < _LEAST:
            return STILL
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, grey, corners, None)  # type: ignore[call-overload]
        kept = found[:, 0] == 1
        if kept.sum() < _LEAST:
            return STILL
        cv2.setRNGSeed(0)  # the same frames give the same answer
        similarity, _ = cv2.estimateAffinePartial2D(corners[kept], moved[kept], method=cv2.RANSAC)
        if similarity is None or not np.isfinite(similarity).all():
            return STILL
        similarity[:, 2] *= 2
        return np.asarray(similarity, np.float64)


def move_boxes(motion: Motion, similarity: Similarity) -> Motion:
    """What is believed of boxes (centre, width, height) once the camera has moved.

    Centres and velocities turn with the picture; sides of boxes do not turn, they grow with it.
    """
    turn, shift = similarity[:, :2], similarity[:, 2]
    scale = np.sqrt(np.abs(np.linalg.det(turn)))
    linear = np.eye(4) * scale
    linear[:2, :2] = turn
    squared = linear**2  # what x and y come to share is left out
    numbers = motion.numbers @ linear.T
    numbers[:, :2] += shift
    return Motion(numbers, motion.velocity @ linear.T, *(column @ squared.T for column in motion[2:]))
