"""Keep the best of boxes that overlap."""

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.video.detection.detector import Detections

_LEAST_SIDE = 1.0  # pixels


def no_detections() -> Detections:
    """Nobody."""
    return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32))


def best_first(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> Detections:
    """Boxes by falling score, those of equal score in their order; without what is less than a pixel high or wide.

    Args:
        boxes: float32 [N, 4], left, top, right, bottom.
        scores: float32 [N].
    """
    size = boxes[:, 2:] - boxes[:, :2]
    order = np.argsort(-scores, kind="stable")
    order = order[(size[order] >= _LEAST_SIDE).all(axis=1)]
    return Detections(boxes[order].astype(np.float32), scores[order].astype(np.float32))


def suppress_overlaps(detections: Detections, most_iou: float) -> Detections:
    """Drop each box that overlaps a kept one of a higher score by more than an intersection over union.

    Args:
        detections: by falling score.
        most_iou: 0 to 1.
    """
    if len(detections) < 2:
        return detections
    corners = detections.boxes.astype(np.float64)
    sides = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    kept = np.asarray(cv2.dnn.NMSBoxes(sides.tolist(), detections.scores.tolist(), 0.0, most_iou), np.int64).ravel()
    return Detections(detections.boxes[kept], detections.scores[kept])
