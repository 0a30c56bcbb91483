"""What every tracker returns and can do."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from passerby.video.detection.detector import Detections


@dataclass(frozen=True)
class TrackedDetections:
    """Which detections of the frames seen so far belong to which track, as far as the newest frame decided.

    A tracker may need a second sight before it believes in a person, and a longer look before it knows who it is; then
    it also tells, in the frame that convinced it, of the detections in earlier frames. Only observed boxes are told,
    never predicted ones.

    Attributes:
        tracks: int64 [N], the track's counter: 1, 2, … in the order in which it was found out whose they are.
        frames: int64 [N], the number of the frame in which the detection was made.
        detections: int64 [N], the place of the detection among that frame's.
    """

    tracks: NDArray[np.int64]
    frames: NDArray[np.int64]
    detections: NDArray[np.int64]

    def of(self, rows: NDArray[np.bool_]) -> "TrackedDetections":
        """Those of some rows."""
        return TrackedDetections(self.tracks[rows], self.frames[rows], self.detections[rows])

    def and_then(self, more: "TrackedDetections") -> "TrackedDetections":
        """These and others."""
        columns = ((self.tracks, more.tracks), (self.frames, more.frames), (self.detections, more.detections))
        return TrackedDetections(*(np.concatenate(pair) for pair in columns))


class Tracker(Protocol):
    """Follows people from frame to frame of one source."""

    @property
    def wants_features(self) -> bool:
        """Whether `update` should be given appearance features."""
        ...

    @property
    def wants_image(self) -> bool:
        """Whether `update` should be given the picture, to measure how the camera moved."""
        ...

    @property
    def memory(self) -> float:
        """Seconds after its last detection for which a track may still go on."""
        ...

    def update(
        self,
        detections: Detections,
        *,
        frame: int,
        time: float,
        features: NDArray[np.float32] | None = None,
        image: NDArray[np.uint8] | None = None,
    ) -> TrackedDetections:
        """Take the detections of the next frame.

        Args:
            detections: of this frame; all that the detector found above its own lowest score.
            frame: the frame's number; grows.
            time: seconds since the source's first frame; grows.
            features: float32 [N, D], L2-normalised, one for each detection; None where there is no model.
            image: uint8 [height, width, 3] RGB; None where the tracker does not want it.
        """
        ...

    def break_off(self) -> TrackedDetections:
        """End all tracks: the next frame does not follow upon the last one, or there is none.

        Returns:
            What was held back, because it was not known yet whose it is.
        """
        ...
