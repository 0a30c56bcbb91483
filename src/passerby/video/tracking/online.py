"""What all trackers do with a frame; how tracks and detections are paired is each tracker's own."""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.metrics import pairwise_iou
from passerby.video.detection.detector import Detections
from passerby.video.tracking.appearance import Appearance
from passerby.video.tracking.motion import Floats, Motion, MotionModel
from passerby.video.tracking.options import TrackerOptions
from passerby.video.tracking.pairing import Pairs
from passerby.video.tracking.sights import Sights, check_sights
from passerby.video.tracking.tracker import TrackedDetections
from passerby.video.tracking.tracks import LOST, MISSING, TENTATIVE, TRACKED, Tracks
from passerby.video.tracking.waiting import Waiting

OptionsT = TypeVar("OptionsT", bound=TrackerOptions)


class OnlineTracker(ABC, Generic[OptionsT]):
    """A tracker that knows no frame but the newest and those before it.

    Attributes:
        motion: how boxes are expected to move.
        schema: the settings, of which every tracker is given one.
        table: what it remembers of its tracks.
        step: seconds from the frame before to the newest one.
    """

    motion: ClassVar[MotionModel]
    schema: ClassVar[type[TrackerOptions]]
    table: ClassVar[type[Tracks]] = Tracks

    def __init__(self, options: OptionsT) -> None:
        self.options = options
        self.appearance = Appearance(options.appearance)
        self.tracks = self.table.none()
        self.step = np.inf
        self._waiting = Waiting.none()
        self._next_serial = 1
        self._next_counter = 1
        self._width: int | None = None
        self._frame = -1
        self._time = -np.inf

    @property
    def wants_features(self) -> bool:
        """Whether it uses appearance; without features it goes by motion alone."""
        return not self.appearance.idle

    @property
    def wants_image(self) -> bool:
        """Whether it measures how the camera moved."""
        return False

    @property
    def memory(self) -> float:
        """Seconds after its last detection for which a track may still go on."""
        looks = self.options.appearance
        return max(self.options.buffer, looks.gap + looks.wait if looks.gap else 0.0)

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
        self._expect_looks(sights)
        self.step, self._frame, self._time = time - self._time, frame, time
        if len(self.tracks):
            self.predict(image)
        pairs = self.associate(sights)
        self._observe(pairs, sights)
        pairs = pairs.and_then(self._begin(pairs, sights))
        self._look(pairs, sights)
        told = self._report(pairs)
        self._forget()
        return told

    def break_off(self) -> TrackedDetections:
        """End all tracks; see `Tracker.break_off`."""
        self._number((self.tracks.counter == 0) & (self.tracks.state != TENTATIVE))
        told, _ = self._waiting.told(self.tracks)
        self._waiting = Waiting.none()
        self.tracks = self.tracks.kept(np.zeros(len(self.tracks), np.bool_))
        return told

    def _expect_looks(self, sights: Sights) -> None:
        """Make room for looks with the first detections; later ones have them likewise."""
        if not len(sights.scores):
            return
        width = 0 if sights.features is None else sights.features.shape[1]
        if self._width is None:
            self._width = width
            self.tracks = self.table.none(width)
        elif width != self._width:
            raise DataError(
                f"features have {width} columns and had {self._width} before: "
                "give a tracker features of one model in every frame, or in none"
            )

    def predict(self, image: NDArray[np.uint8] | None) -> None:
        """Move all tracks to the time of a frame, of which trackers that want it are given the picture."""
        del image
        self.tracks.motion = self.motion.predict(self.tracks.motion, self.step)

    def _observe(self, pairs: Pairs, sights: Sights) -> None:
        """Tell the tracks what was seen of them, and which were not seen."""
        tracks, rows = self.tracks, pairs.tracks
        boxes = sights.boxes.take(pairs.detections, axis=0)
        if len(rows):
            tracks.motion = self.correct(pairs, sights, boxes)
            tracks.remember(rows, sights.time, boxes)
        believed = tracks.state[rows] != TENTATIVE
        tracks.state[tracks.state == TRACKED] = LOST
        tracks.state[rows] = believed  # tentative or tracked

    def correct(self, pairs: Pairs, sights: Sights, boxes: Floats) -> Motion:
        """What is believed of the motion of all tracks, of which some are seen in these boxes, float64 [pairs, 4]."""
        del sights
        return self.motion.correct(self.tracks.motion, boxes, pairs.tracks)

    def _begin(self, pairs: Pairs, sights: Sights) -> Pairs:
        """Begin tracks with sure detections that nobody had and that are of nobody followed; which with which."""
        free = sights.scores >= self.options.new
        free[pairs.detections] = False
        begun = np.flatnonzero(free)
        if len(begun) and len(pairs.detections):
            overlap = pairwise_iou(sights.boxes[begun], sights.boxes[pairs.detections])
            begun = begun[(overlap <= self.options.duplicate).all(axis=1)]
        if not len(begun):
            return Pairs.none()
        boxes, before = sights.boxes[begun], len(self.tracks)
        width = self.tracks.looks.shape[1]
        new = self.table.begin(self._next_serial, sights.time, boxes, self.motion.start(boxes), width)
        self._next_serial += len(begun)
        self.tracks = self.tracks.followed_by(new)
        return Pairs(np.arange(before, before + len(begun)), begun)

    def _look(self, pairs: Pairs, sights: Sights) -> None:
        """See what people look like, and learn how alike they look."""
        if sights.features is not None and self.wants_features:
            self.appearance.look(self.tracks, pairs, sights, self.options.high)

    def _believe(self) -> None:
        """Follow tracks that were seen often enough."""
        tracks = self.tracks
        believed = (tracks.state == TENTATIVE) & (tracks.sights >= self.options.sights)
        tracks.state[believed] = TRACKED

    def _recognise(self) -> None:
        """Find out who followed tracks without a number are: somebody who was missing, or somebody new."""
        tracks = self.tracks
        unknown = (tracks.counter == 0) & (tracks.state != TENTATIVE)
        if unknown.any() and tracks.looks.shape[1]:
            gone = (tracks.counter > 0) & (tracks.state != TRACKED)
            undecided, back = self.appearance.returned(tracks, unknown, gone, self._time)
            tracks.counter[back.tracks] = tracks.counter[back.detections]
            tracks.first_seen[back.tracks] = tracks.first_seen[back.detections]
            unknown &= ~undecided
            unknown[back.tracks] = False
            ended = np.zeros(len(tracks), np.bool_)
            ended[back.detections] = True
            self._number(unknown)
            self.tracks = tracks.kept(~ended)
        else:
            self._number(unknown)

    def _number(self, which: NDArray[np.bool_]) -> None:
        """Give tracks the next numbers."""
        count = int(which.sum())
        self.tracks.counter[which] = np.arange(self._next_counter, self._next_counter + count)
        self._next_counter += count

    def _report(self, pairs: Pairs) -> TrackedDetections:
        """Tell whose the detections of this frame are, and those of earlier frames of which it is known now."""
        counters = self.tracks.counter[pairs.tracks]
        known = counters > 0
        frames = np.full(len(counters), self._frame)
        told = TrackedDetections(counters, frames, pairs.detections)
        if not self._waiting.serials.size and known.all():
            return told
        unknown = ~known
        serials = self.tracks.serial[pairs.tracks[unknown]]
        self._waiting = self._waiting.joined_by(serials, self._frame, pairs.detections[unknown])
        self._believe()
        self._recognise()
        late, self._waiting = self._waiting.told(self.tracks)
        return late.and_then(told.of(known))

    def _forget(self) -> None:
        """Drop tracks that were not seen for too long; tentative ones at once."""
        tracks = self.tracks
        unseen = self._time - tracks.last_seen
        late, tentative = unseen > self.options.buffer, tracks.state == TENTATIVE
        if not (late.any() or tentative.any()):
            return
        tracks.state[(tracks.state == LOST) & late] = MISSING
        patience = self.memory if tracks.looks.shape[1] else self.options.buffer
        self.tracks = tracks.kept(np.where(tentative, unseen == 0, unseen <= patience))
