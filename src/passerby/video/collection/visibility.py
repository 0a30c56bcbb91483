"""How much of everybody in a frame is seen, judged by the boxes that overlap."""

import numpy as np
from numpy.typing import NDArray

_COLUMNS, _ROWS = 12, 24
"""Points that a box is sampled at: in steps of 1/288 of its area."""


def visible_fractions(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], *, occluder_score: float
) -> NDArray[np.float32]:
    """The share of each box that no box of a nearer person covers, float32 [N], from 0 to 1.

    Cameras look down upon people who stand on the ground, so of two the one whose box reaches lower is nearer, and of
    two that reach equally low the one with the higher box.

    Args:
        boxes: float32 [N, 4], left, top, right, bottom.
        scores: float32 [N], the detector's.
        occluder_score: boxes that score less cover nobody.
    """
    visible = np.ones(len(boxes), np.float32)
    height = boxes[:, 3] - boxes[:, 1]
    lower = (boxes[:, None, 3] < boxes[None, :, 3]) | (
        (boxes[:, None, 3] == boxes[None, :, 3]) & (height[:, None] < height[None, :])
    )
    meets = (boxes[:, None, :2] < boxes[None, :, 2:]).all(axis=2) & (boxes[:, None, 2:] > boxes[None, :, :2]).all(
        axis=2
    )
    covers = lower & meets & (scores >= occluder_score)[None, :]
    across, down = (np.arange(_COLUMNS) + 0.5) / _COLUMNS, (np.arange(_ROWS) + 0.5) / _ROWS
    for row in np.flatnonzero(covers.any(axis=1)).tolist():
        left, top, right, bottom = boxes[row].astype(np.float64)
        nearer = boxes[covers[row]].astype(np.float64)
        x, y = left + across * (right - left), top + down * (bottom - top)
        in_columns = (x >= nearer[:, :1]) & (x < nearer[:, 2:3])
        in_rows = (y >= nearer[:, 1:2]) & (y < nearer[:, 3:])
        covered = (in_columns[:, None, :] & in_rows[:, :, None]).any(axis=0)
        visible[row] = 1 - covered.mean()
    return visible
