"""What all trackers do with a frame; how tracks and detections are paired is each tracker's own."""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from passerby.video.detection.detector import Detections
from passerby.video.tracking.motion import MotionModel
from passerby.video.tracking.options import TrackerOptions
from passerby.video.tracking.pairing import Pairs
from passerby.video.tracking.sights import Sights, check_sights
from passerby.video.tracking.tracker import TrackedDetections
from passerby.video.tracking.tracks import LOST, TENTATIVE, TRACKED, Tracks
from passerby.video.tracking.waiting import Waiting

OptionsT = TypeVar("OptionsT", bound=TrackerOptions)


class OnlineTracker(ABC, Generic[OptionsT]):
    """A tracker that knows no frame but the newest and those before it.

    Attributes:
        motion: how boxes are expected to move.
        schema: the settings, of which every tracker is given one.
    """

    motion: ClassVar[MotionModel]
    schema: ClassVar[type[TrackerOptions]]

    def __init__(self, options: OptionsT) -> None:
        self.options = options
        self.tracks = Tracks.none()
        self._waiting = Waiting.none()
        self._next_serial = 1
        self._next_counter = 1
        self._frame = -1
        self._time = -np.inf

    @property
    def wants_features(self) -> bool:
        """Whether it uses appearance."""
        return False

    @property
    def wants_image(self) -> bool:
        """Whether it measures how the camera moved."""
        return False

    @property
    def memory(self) -> float:
        """Seconds after its last detection for which a track may still go on."""
        return self.options.buffer

    @abstractmethod
    def associate(self, sights: Sights) -> Pairs:
        """Pair tracks, whose motion is predicted to the time of the frame, with detections."""

    def update(
        self,
        detections: Detections,
        *,
        frame: int,
        time: float,
        features: NDArray[np.float32] | None = None,
        image: NDArray[np.uint8] | None = None,
    ) -> TrackedDetections:
        """Take the detections of the next frame; see `Tracker.update`.

        Raises:
            DataError: the frame or the time does not grow, or boxes, scores or features are not as they should be.
        """
        sights = check_sights(detections, features, frame, time, after=(self._frame, self._time))
        if len(self.tracks):
            self._predict(time - self._time, image)
        self._frame, self._time = frame, time
        pairs = self.associate(sights)
        self._observe(pairs, sights)
        begun = self._begin(pairs, sights)
        serials = np.concatenate(
            [self.tracks.serial[pairs.tracks], self.tracks.serial[len(self.tracks) - len(begun) :]]
        )
        self._waiting = self._waiting.joined_by(serials, frame, np.concatenate([pairs.detections, begun]))
        self._believe()
        self._forget()
        told, self._waiting = self._waiting.told(self.tracks)
        return told

    def break_off(self) -> None:
        """End all tracks: the next frame does not follow upon the last one."""
        self.tracks = self.tracks.kept(np.zeros(len(self.tracks), np.bool_))
        self._waiting = Waiting.none()

    def _predict(self, seconds: float, image: NDArray[np.uint8] | None) -> None:  # noqa: ARG002 (for the camera's motion)
        """Move all tracks to the time of a frame."""
        self.tracks.motion = self.motion.predict(self.tracks.motion, seconds)

    def _observe(self, pairs: Pairs, sights: Sights) -> None:
        """Tell the tracks what was seen of them, and which were not seen."""
        tracks, rows = self.tracks, pairs.tracks
        boxes = sights.boxes[pairs.detections]
        if len(rows):
            motion = self.motion.correct(tracks.motion.of(rows), boxes)
            tracks.mean[rows], tracks.covariance[rows] = motion
        tracks.boxes[rows] = boxes
        tracks.last_seen[rows] = sights.time
        tracks.sights[rows] += 1
        tracks.state[tracks.state == TRACKED] = LOST
        tracks.state[rows[tracks.state[rows] == LOST]] = TRACKED

    def _begin(self, pairs: Pairs, sights: Sights) -> NDArray[np.intp]:
        """Begin tracks with sure detections that nobody had; returns which."""
        free = sights.scores >= self.options.new
        free[pairs.detections] = False
        begun = np.flatnonzero(free)
        if len(begun):
            boxes = sights.boxes[begun]
            new = type(self.tracks).begin(self._next_serial, sights.time, boxes, self.motion.start(boxes))
            self._next_serial += len(begun)
            self.tracks = self.tracks.followed_by(new)
        return begun

    def _believe(self) -> None:
        """Number the tracks that were seen often enough."""
        tracks = self.tracks
        rows = np.flatnonzero((tracks.state == TENTATIVE) & (tracks.sights >= self.options.sights))
        tracks.counter[rows] = np.arange(self._next_counter, self._next_counter + len(rows))
        tracks.state[rows] = TRACKED
        self._next_counter += len(rows)

    def _forget(self) -> None:
        """Drop tracks that were not seen for too long; tentative ones at once."""
        tracks = self.tracks
        unseen = self._time - tracks.last_seen
        self.tracks = tracks.kept(np.where(tracks.state == TENTATIVE, unseen == 0, unseen <= self.options.buffer))
