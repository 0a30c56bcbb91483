"""The detections of a frame as trackers use them, checked."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.video.detection.detector import Detections
from passerby.video.tracking.pairing import Floats


@dataclass(frozen=True)
class Sights:
    """N detections of a frame.

    Attributes:
        boxes: float64 [N, 4], left, top, right, bottom in pixels.
        scores: float64 [N].
        features: float32 [N, D], L2-normalised; None where there are none, or no detections.
        time: seconds.
    """

    boxes: Floats
    scores: Floats
    features: NDArray[np.float32] | None
    time: float

    @cached_property
    def centres(self) -> Floats:
        """Of the boxes, float64 [N, 2]."""
        return centres(self.boxes)


def centres(boxes: Floats) -> Floats:
    """Of boxes [N, 4], float64 [N, 2]."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def check_sights(
    detections: Detections,
    features: NDArray[np.float32] | None,
    frame: int,
    time: float,
    *,
    after: tuple[int, float],
) -> Sights:
    """Check what a tracker is given.

    Args:
        detections: of the frame.
        features: of the detections, or None.
        frame, time: of the frame.
        after: of the frame before.

    Raises:
        DataError: the frame or the time does not grow, or boxes, scores or features are not as they should be.
    """
    if not (np.isfinite(time) and frame > after[0] and time > after[1]):
        raise DataError(
            f"frame {frame} at {time:g} s does not come after frame {after[0]} at {after[1]:g} s: "
            "give a tracker the frames of one video, in order"
        )
    boxes, scores = np.asarray(detections.boxes, np.float64), np.asarray(detections.scores, np.float64)
    count = len(scores)
    if boxes.shape != (count, 4) or scores.ndim != 1:
        raise DataError(
            f"detections of frame {frame} must be boxes [N, 4] and scores [N], not {list(boxes.shape)} and "
            f"{list(scores.shape)}"
        )
    if not np.isfinite(boxes.sum() + scores.sum()):  # no sum of pixels is beyond float64
        raise DataError(f"detections of frame {frame} hold NaN or infinity: the detector is broken")
    if (boxes[:, 2:] <= boxes[:, :2]).any():
        raise DataError(f"a box of frame {frame} has no area: boxes are left, top, right, bottom")
    if features is not None and (features.ndim != 2 or len(features) != count):
        raise DataError(f"features of frame {frame} must be [{count}, D], not {list(features.shape)}")
    if features is not None and not np.isfinite(features).all():
        raise DataError(f"features of frame {frame} hold NaN or infinity: the model is broken")
    return Sights(boxes, scores, features if count else None, time)
