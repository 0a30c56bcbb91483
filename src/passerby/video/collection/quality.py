"""Cut somebody out of a frame, and judge how good the picture is."""

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError

Image = NDArray[np.uint8]
Box = NDArray[np.float32]

_JUDGED_HEIGHT = 128
"""Pixels: sharpness is judged at the size at which people are recognised."""

_FULL_HEIGHT = 256.0
"""Pixels: larger boxes are no better."""

_HALF_SHARP = 0.15
"""Sharpness at which a crop counts for half of a perfectly sharp one."""

_AT_EDGE = 0.6
"""What remains of the quality of a box that the edge of the frame cuts."""

_EDGE = 2.0
"""Pixels from the edge of the frame within which a box counts as cut by it."""


def cut(image: Image, box: Box, *, margin: float = 0.0) -> Image:
    """The part of an image inside a box, uint8 [h, w, 3], at least one pixel; not a copy.

    Args:
        image: uint8 [H, W, 3].
        box: left, top, right, bottom.
        margin: share of the box's width and height that is added on each side, as far as the image reaches.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = (float(edge) for edge in box)
    across, down = margin * (right - left), margin * (bottom - top)
    x = int(np.clip(np.floor(left - across), 0, width - 1))
    y = int(np.clip(np.floor(top - down), 0, height - 1))
    return image[
        y : int(np.clip(np.ceil(bottom + down), y + 1, height)), x : int(np.clip(np.ceil(right + across), x + 1, width))
    ]


def sharpness(crop: Image) -> float:
    """How much of a crop's contrast is fine detail: deviation of its Laplacian over that of its grey levels, from 0.

    Motion, a lens out of focus and enlargement lower it; light and clothes do so less than they lower the Laplacian
    alone.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)
    width = max(1, round(grey.shape[1] * _JUDGED_HEIGHT / grey.shape[0]))
    way = cv2.INTER_AREA if grey.shape[0] > _JUDGED_HEIGHT else cv2.INTER_LINEAR
    scaled = cv2.resize(grey, (min(width, 4 * _JUDGED_HEIGHT), _JUDGED_HEIGHT), interpolation=way)
    contrast = float(scaled.std())
    return float(cv2.Laplacian(scaled, cv2.CV_32F).std()) / (contrast + 1.0)


def crop_quality(image: Image, box: Box, *, score: float, visible: float) -> float:
    """How well somebody can be recognised on a crop, from 0 to 1.

    √min(1, height / 256) · visible² · s / (s + 0.15) · score with the sharpness s; times 0.6 if the edge of the frame
    cuts the box.

    Args:
        image: the frame, uint8 [H, W, 3] RGB.
        box: left, top, right, bottom, without margin.
        score: the detector's.
        visible: share of the box that nobody hides.
    """
    sharp = sharpness(cut(image, box))
    size = min(1.0, float(box[3] - box[1]) / _FULL_HEIGHT)
    height, width = image.shape[:2]
    at_edge = box[0] < _EDGE or box[1] < _EDGE or box[2] > width - _EDGE or box[3] > height - _EDGE
    quality = float(np.sqrt(size)) * visible**2 * sharp / (sharp + _HALF_SHARP) * score
    return quality * (_AT_EDGE if at_edge else 1.0)


def as_jpeg(crop: Image, quality: int) -> bytes:
    """A JPEG file of an RGB image.

    Raises:
        DataError: OpenCV cannot write one.
    """
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise DataError("OpenCV cannot write JPEG here: install opencv-python-headless anew")
    return encoded.tobytes()
