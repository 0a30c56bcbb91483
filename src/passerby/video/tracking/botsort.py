"""BoT-SORT: ByteTrack that knows how the camera moves (Aharon et al., arXiv 2206.14651).

Looks count as in `ByteTrack`, not by the paper's rule, which takes the better of overlap and looks.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from passerby.video.tracking.box_models import WidthHeight
from passerby.video.tracking.bytetrack import ByteTrack, ByteTrackOptions
from passerby.video.tracking.camera_motion import CameraMotion, move_boxes
from passerby.video.tracking.motion import MotionModel
from passerby.video.tracking.tracker import TrackedDetections


class BotSortOptions(ByteTrackOptions):
    """Settings of BoT-SORT."""

    camera_motion: bool = True
    """Whether the camera's own motion is measured; a fixed camera needs it not."""


class BotSort(ByteTrack):
    """Motion, overlap, direction, the camera's motion, and looks where there are any."""

    motion: ClassVar[MotionModel] = WidthHeight()
    schema = BotSortOptions

    def __init__(self, options: BotSortOptions) -> None:
        super().__init__(options)
        self._camera = CameraMotion() if options.camera_motion else None

    @property
    def wants_image(self) -> bool:
        """Whether it measures how the camera moved."""
        return self._camera is not None

    def break_off(self) -> TrackedDetections:
        """End all tracks; the next picture is compared with none before."""
        if self._camera:
            self._camera.forget()
        return super().break_off()

    def predict(self, image: NDArray[np.uint8] | None) -> None:
        """Move all tracks to the time of a frame, and along with the camera."""
        super().predict(image)
        if self._camera and image is not None:
            self.tracks.motion = move_boxes(self.tracks.motion, self._camera.measure(image))
