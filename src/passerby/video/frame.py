"""A frame of a video, with what is known about when it was taken."""

from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Frame(NamedTuple):
    """A picture of a video.

    Attributes:
        image: uint8 [height, width, 3], RGB, upright.
        number: its place in the source, from 0; frames that were read but not analysed count.
        time: seconds since the source's first frame, by the source's own time stamps, or for a live stream by when the
            frames arrived; to the microsecond; grows from frame to frame.
        wall_time: when it was taken, with a time zone; None where nobody said when the source began.
        discontinuity: whether something is missing before it (a damaged part, a stream that was down): nobody can be
            followed from the frame before to this one.
    """

    image: NDArray[np.uint8]
    number: int
    time: float
    wall_time: datetime | None
    discontinuity: bool
