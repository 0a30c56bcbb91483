"""Gather what a tracker tells, frame by frame, into tracklets with their best crops."""

from array import array
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.video.collection.best_crops import BestCrops
from passerby.video.collection.cutting import Sight, is_cut, overlap_with
from passerby.video.collection.options import CropOptions, TrackletOptions
from passerby.video.collection.quality import as_jpeg, crop_quality, cut
from passerby.video.collection.tracklet import DroppedTrack, Tracklet, TrackletId
from passerby.video.collection.visibility import visible_fractions
from passerby.video.detection.detector import Detections
from passerby.video.frame import Frame
from passerby.video.tracking.tracker import TrackedDetections

_UNKNOWN = -(2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Ended = Tracklet | DroppedTrack


_HELD = 2.0
"""Seconds for which crops are held of detections of which the tracker has yet to tell whose they are."""

_HELD_EVERY = 0.1
"""Seconds between frames of which crops are held."""

Rated = tuple[float, bytes]
"""Quality and JPEG of a crop."""


@dataclass
class _SeenFrame:
    """What is remembered of a frame: its picture for a few frames only, and then crops of nobody's detections."""

    image: NDArray[np.uint8] | None
    index: int
    time: float
    wall_time: int
    detections: Detections
    visible: NDArray[np.float32]
    told: set[int] = field(default_factory=set)
    held: dict[int, Rated] = field(default_factory=dict)


class _LivingTrack:
    """A track, or its newest part, that may still go on; its observations lie in compact arrays."""

    def __init__(self, crops: BestCrops, sight: Sight, part: int) -> None:
        self.crops, self.begun, self.last, self.sight, self.part = crops, sight.time, sight.time, sight, part
        self.frames, self.wall_times = array("q"), array("q")
        self.times, self.values = array("d"), array("f")  # values: box, score and visible fraction of each

    def observe(self, number: int, seen: _SeenFrame, place: int) -> None:
        self.frames.append(number)
        self.wall_times.append(seen.wall_time)
        self.times.append(seen.time)
        box, score = seen.detections.boxes[place].tolist(), float(seen.detections.scores[place])
        self.values.extend((*box, score, float(seen.visible[place])))
        self.last = max(self.last, seen.time)

    def tracklet(self, name: TrackletId) -> Tracklet:
        frames = np.array(self.frames, np.int64)
        order = np.argsort(frames, kind="stable")
        values = np.array(self.values, np.float32).reshape(-1, 6)[order]
        wall_times = np.array(self.wall_times, np.int64)[order]
        return Tracklet(
            id=name,
            frames=frames[order],
            times=np.array(self.times, np.float64)[order],
            wall_times=None if (wall_times == _UNKNOWN).any() else wall_times,
            boxes=values[:, :4],
            scores=values[:, 4],
            visible=values[:, 5],
            crops=self.crops.chosen({number: row for row, number in enumerate(frames[order].tolist())}),
        )


class Collector:
    """Turns a source's tracks into tracklets as they end, in memory that does not grow with the source.

    Args:
        source: its name.
        start: when it began, with a time zone; None where nobody said.
        patience: seconds without a sight after which a track has ended: at least as long as the tracker waits.
        look_back: frames whose pictures are kept for detections that a tracker tells of later.
        tracklets: which tracks are kept.
        crops: which crops are kept.
    """

    def __init__(
        self,
        source: str,
        start: datetime | None = None,
        *,
        patience: float = 2.0,
        look_back: int = 4,
        tracklets: TrackletOptions | None = None,
        crops: CropOptions | None = None,
    ) -> None:
        self._source, self._start = source, start
        self._patience, self._look_back = patience, look_back
        self._tracklets, self._crops = tracklets or TrackletOptions(), crops or CropOptions()
        self._frames: OrderedDict[int, _SeenFrame] = OrderedDict()
        self._living: dict[int, _LivingTrack] = {}
        self._cut_off: list[tuple[int, _LivingTrack]] = []
        self._ended: set[int] = set()
        self._held_at = float("-inf")
        self._analysed = 0

    def add(self, frame: Frame, detections: Detections, told: TrackedDetections) -> list[Ended]:
        """Take the next frame and what the tracker told of it.

        Returns:
            The tracks that have ended, by counter, and parts of those that were cut.

        Raises:
            DataError: the tracker goes on with a track that had ended, or names a frame that is long past.
        """
        self._analysed += 1
        visible = visible_fractions(detections.boxes, detections.scores, occluder_score=self._crops.occluder_score)
        self._frames[frame.number] = _SeenFrame(
            frame.image, self._analysed, frame.time, _microseconds(frame.wall_time), detections, visible
        )
        self._hear(told)
        self._forget(frame.time)
        return self._end([c for c, track in self._living.items() if frame.time - track.last > self._patience])

    def break_off(self, told: TrackedDetections) -> list[Ended]:
        """End all tracks, as at a gap or at the end of the source.

        Args:
            told: what the tracker had held back.

        Returns:
            The tracks, by counter.

        Raises:
            DataError: as of `add`.
        """
        self._hear(told)
        self._frames.clear()
        return self._end(list(self._living))

    def _hear(self, told: TrackedDetections) -> None:
        rows = list(zip(told.tracks.tolist(), told.frames.tolist(), told.detections.tolist(), strict=True))
        for _, number, place in rows:  # who meets whom is known when all are heard
            if number in self._frames:
                self._frames[number].told.add(place)
        for track, number, place in rows:
            self._observe(track, number, place)

    def _observe(self, counter: int, number: int, place: int) -> None:
        seen = self._frames.get(number)
        if seen is None:
            raise DataError(f"{self._source}: the tracker tells of frame {number}, which is gone: it must tell sooner")
        track = self._track(counter, _sight(seen, place))
        track.observe(number, seen, place)
        since = max(0.0, seen.time - track.begun)
        held = seen.held.pop(place, None)
        if held is not None and track.crops.wants(since, held[0]):
            track.crops.add(number, since, *held)
        elif seen.image is not None and track.crops.looks_at(since):
            quality = self._quality(seen, place)
            if track.crops.wants(since, quality):
                track.crops.add(number, since, quality, self._jpeg(seen, place))

    def _track(self, counter: int, sight: Sight) -> _LivingTrack:
        """The track that is seen, or the new part of it that begins."""
        track = self._living.get(counter)
        if track is None and counter in self._ended:
            raise DataError(f"{self._source}: track {counter} goes on after it had ended: raise the patience")
        if track is None or is_cut(track.sight, sight, self._tracklets):
            if track is not None:
                self._cut_off.append((counter, track))
            crops = BestCrops(self._crops.count, self._crops.min_quality)
            track = self._living[counter] = _LivingTrack(crops, sight, 1 if track is None else track.part + 1)
        track.sight = sight
        return track

    def _quality(self, seen: _SeenFrame, place: int) -> float:
        assert seen.image is not None
        box, score = seen.detections.boxes[place], float(seen.detections.scores[place])
        return crop_quality(seen.image, box, score=score, visible=float(seen.visible[place]))

    def _jpeg(self, seen: _SeenFrame, place: int) -> bytes:
        assert seen.image is not None
        crop = cut(seen.image, seen.detections.boxes[place], margin=self._crops.margin)
        return as_jpeg(crop, self._crops.jpeg_quality)

    def _forget(self, now: float) -> None:
        """Let go of pictures after a few frames, and of frames that no tracker tells of any more."""
        for seen in list(self._frames.values())[: -self._look_back]:
            if seen.image is not None:
                self._hold_crops(seen)
                seen.image = None
            if now - seen.time > _HELD:
                seen.held.clear()
        while self._frames and now - next(iter(self._frames.values())).time > self._patience:
            self._frames.popitem(last=False)

    def _hold_crops(self, seen: _SeenFrame) -> None:
        """Keep crops of sure detections that belong to nobody so far: the tracker may be making up its mind."""
        if seen.time - self._held_at < _HELD_EVERY:
            return
        self._held_at = seen.time
        for place, score in enumerate(seen.detections.scores.tolist()):
            if place not in seen.told and score >= self._crops.occluder_score:
                seen.held[place] = (self._quality(seen, place), self._jpeg(seen, place))

    def _end(self, counters: list[int]) -> list[Ended]:
        self._ended.update(counters)
        over = self._cut_off + [(counter, self._living.pop(counter)) for counter in counters]
        self._cut_off = []
        return [self._judged(*each) for each in sorted(over, key=lambda each: (each[0], each[1].part))]

    def _judged(self, counter: int, track: _LivingTrack) -> Ended:
        tracklet = track.tracklet(TrackletId(self._source, self._start, counter, track.part))
        reason = reason_to_drop(tracklet, self._tracklets)
        if reason is None:
            return tracklet
        best = max(tracklet.crops, key=lambda crop: crop.quality, default=None)
        return DroppedTrack(replace(tracklet, crops=() if best is None else (best,)), reason)


def _sight(seen: _SeenFrame, place: int) -> Sight:
    return Sight(seen.index, seen.time, overlap_with(seen.detections, place, seen.told))


def reason_to_drop(tracklet: Tracklet, options: TrackletOptions) -> str | None:
    """Why a track is not worth keeping, such as `seen in 2 frames, fewer than 3`; None if it is."""
    count, seconds = len(tracklet), float(tracklet.times[-1] - tracklet.times[0])
    height, score = float((tracklet.boxes[:, 3] - tracklet.boxes[:, 1]).max()), float(tracklet.scores.mean())
    if count < options.min_boxes:
        return f"seen in {count} {'frame' if count == 1 else 'frames'}, fewer than {options.min_boxes}"
    if seconds < options.min_seconds:
        return f"seen for {seconds:.2f} s, less than {options.min_seconds:g}"
    if height < options.min_height:
        return f"at most {height:.0f} pixels high, less than {options.min_height:g}"
    if score < options.min_score:
        return f"detections score {score:.2f} on average, less than {options.min_score:g}"
    return None


def _microseconds(moment: datetime | None) -> int:
    return _UNKNOWN if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)
