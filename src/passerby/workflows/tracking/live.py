"""Follow people while they are filmed: what `passerby.track_live` does."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from passerby.errors import DataError
from passerby.video.collection import FollowedFrame, follow
from passerby.video.detection.detector import Detections
from passerby.video.frame import Frame
from passerby.video.tracking import TrackedDetections
from passerby.workflows.tracking.equipment import described_pictures, new_detector, new_tracker
from passerby.workflows.tracking.request import TrackingOptions, tracking_request
from passerby.workflows.tracking.source_work import SourceJob, collector_of, frames_by_the_clock, open_tracked


def track_live(
    source: str | Path | Mapping[str, Any], *, options: TrackingOptions | None = None, **choices: Any
) -> Iterator[FollowedFrame]:
    """Follow people through a stream or a video, frame by frame; nothing is written.

    A tracklet comes with the frame at which the person was given up; those that are left come at the end, with the last
    frame once more. Closing the generator lets go of the source.

    Examples:
        >>> for each in passerby.track_live("rtsp://camera/stream", fps=5):
        ...     show(each.frame.image, each.people)
        ...     for tracklet in each.tracklets:
        ...         keep(tracklet.id, tracklet.times, [crop.jpeg for crop in tracklet.crops])

    Args:
        source: as of `passerby.track`, one.
        options: all choices at once; else they are given one by one, as `fps=5`.
        **choices: fields of `TrackingOptions`; those about what is written do nothing here and are refused.

    Returns:
        A generator of analysed frames, with who is in each and the tracklets that have ended.

    Raises:
        DataError: the source cannot be read, or a choice does nothing here.
        RecipeError: an unknown setting, or a value that does not fit.
        CheckpointError: a model cannot be loaded.
    """
    options = options or TrackingOptions(**choices)
    for name in ("join", "draw", "ground_truth", "replace"):
        if getattr(options, name):
            raise DataError(f"{name} is about what passerby.track writes: leave it out of track_live")
    request = tracking_request([source], Path(), options)
    if len(request.sources) != 1:
        raise DataError(f"{source}: lists {len(request.sources)} sources: follow each with a call of its own")
    return _follow(SourceJob(request.sources[0], Path(), request.equipment, request.settings, request.fps))


def _follow(job: SourceJob) -> Iterator[FollowedFrame]:
    detector, tracker = new_detector(job.equipment, job.source, job.settings), new_tracker(job.equipment, job.settings)
    describe = None if job.equipment.model is None else described_pictures(job.equipment)
    last: Frame | None = None
    with open_tracked(job) as source:
        frames = frames_by_the_clock(source, job.source.clock_offset)
        collector = collector_of(job, source, tracker.memory)
        for each in follow(frames, detector, tracker, collector, describe=describe):
            last = each.frame
            yield each
            if job.settings.reading.seconds is not None and last.time >= job.settings.reading.seconds:
                break
    if last is not None:
        nobody = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32))
        nothing = TrackedDetections(*np.empty((3, 0), np.int64))
        yield FollowedFrame(last, nobody, nothing, collector.break_off(tracker.break_off()))
