"""How much boxes overlap."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pairwise_iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of boxes [M, 4] and [N, 4], left, top, right, bottom: float64 [M, N].

    A box without an area overlaps nothing.
    """
    rows, columns = first.T[:, :, None], second.T[:, None, :]
    width = np.minimum(rows[2], columns[2]) - np.maximum(rows[0], columns[0])
    height = np.minimum(rows[3], columns[3]) - np.maximum(rows[1], columns[1])
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    union = box_areas(first)[:, None] + box_areas(second) - shared
    overlap: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def box_areas(boxes: Floats) -> Floats:
    """Areas of boxes [N, 4] in square pixels, float64 [N]."""
    return np.maximum(boxes[:, 2] - boxes[:, 0], 0.0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0.0)
