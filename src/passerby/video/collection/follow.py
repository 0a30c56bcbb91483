"""The way from frames to tracklets: detect, describe, track, collect."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.video.collection.collector import Collector, Ended
from passerby.video.collection.detection_store import DetectedFrame, DetectionStore
from passerby.video.collection.quality import cut
from passerby.video.collection.tracklet import Tracklet
from passerby.video.detection.detector import Detections, Detector
from passerby.video.frame import Frame
from passerby.video.tracking.tracker import TrackedDetections, Tracker

Describe = Callable[[list[NDArray[np.uint8]]], NDArray[np.float32]]
"""Turns N pictures of people, uint8 [h, w, 3] RGB, into features, float32 [N, D] of length 1."""


@dataclass(frozen=True)
class FollowedFrame:
    """A frame that was analysed.

    Attributes:
        frame: it.
        detections: who is in it.
        told: which detections of it and of frames just before belong to which track, as far as is decided.
        ended: tracks that have ended, kept and dropped ones.
    """

    frame: Frame
    detections: Detections
    told: TrackedDetections
    ended: list[Ended]

    @property
    def tracklets(self) -> list[Tracklet]:
        """The tracks that have ended and were kept."""
        return [each for each in self.ended if isinstance(each, Tracklet)]

    @property
    def people(self) -> list[tuple[int, NDArray[np.float32]]]:
        """Who is in the frame, as far as it is known now: the track's counter, and the box, float32 [4]."""
        here = self.told.frames == self.frame.number
        pairs = zip(self.told.tracks[here].tolist(), self.told.detections[here].tolist(), strict=True)
        return [(track, self.detections.boxes[place]) for track, place in sorted(pairs)]


def follow(
    frames: Iterable[Frame],
    detector: Detector,
    tracker: Tracker,
    collector: Collector,
    *,
    describe: Describe | None = None,
    store: DetectionStore | None = None,
) -> Iterator[FollowedFrame]:
    """Follow people through a source; the tracks that are left at its end are for
    `collector.break_off(tracker.break_off())`.

    The same frames give the same tracks, whether detections come from the detector or from the store.

    Args:
        frames: in order.
        detector, tracker, collector: fresh ones, for this source alone.
        describe: the appearance model, for trackers that want features.
        store: keeps detections and features on disk, and is asked for them first.
    """
    for index, frame in enumerate(frames):
        ended: list[Ended] = []
        if frame.discontinuity and index:
            ended = collector.break_off(tracker.break_off())
        found = _detected(index, frame, detector, describe if tracker.wants_features else None, store)
        told = tracker.update(
            found.detections,
            frame=frame.number,
            time=frame.time,
            features=found.features,
            image=frame.image if tracker.wants_image else None,
        )
        ended += collector.add(frame, found.detections, told)
        yield FollowedFrame(frame, found.detections, told, ended)


def _detected(
    index: int, frame: Frame, detector: Detector, describe: Describe | None, store: DetectionStore | None
) -> DetectedFrame:
    known = None if store is None else store.get(index, frame.number)
    if known is not None:
        return known
    detections = detector.detect([frame.image])[0]
    features = None
    if describe is not None:
        features = describe([cut(frame.image, box) for box in detections.boxes])
    found = DetectedFrame(frame.number, detections, features)
    if store is not None:
        store.add(index, found)
    return found
