"""What `passerby track` is asked to do."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from passerby.data.pixels.reading import thread_count
from passerby.errors import DataError
from passerby.printable import printable
from passerby.video.tracking import make_tracker
from passerby.workflows.tracking.equipment import Equipment
from passerby.workflows.tracking.settings import TrackingSettings, check_tracking_settings
from passerby.workflows.tracking.sources import TrackedSource, file_stamp, resolve_sources

DETECTOR, TRACKER = "yolox-nano", "bytetrack"


@dataclass(frozen=True)
class TrackingOptions:
    """How videos are tracked, as users say it.

    Attributes:
        detector: a detector's name, or a file with its card.
        tracker: a tracker's name.
        model: an appearance model, by which people are recognised after a gap and `join` works: as `passerby.load`
            returns it, or what that takes; None to go by motion alone.
        fps: frames a second to analyse; None for all.
        start: when the one source began.
        cameras: a camera for all sources, or `SOURCE=CAMERA` for each; otherwise a camera is called as its source.
        join: join the fragments of each video that are one person.
        draw: write the videos once more, with boxes and ids.
        ground_truth: MOTChallenge's file for the one source, or a folder with one for each: `NAME.txt`, `gt/NAME.txt`
            or `NAME/gt/gt.txt`.
        report: whether to write a page.
        settings: rarely used ones, as a mapping of sections or as texts `tracker.buffer=2.0`.
        device: where models compute; None for a GPU where there is one.
        threads: to compute with; None for as many as there are cores.
        replace: begin anew where the folder holds the tracklets of another call.
    """

    detector: str | Path = DETECTOR
    tracker: str = TRACKER
    model: Any = None
    fps: float | None = None
    start: str | datetime | None = None
    cameras: str | Sequence[str] = ()
    join: bool = False
    draw: bool = False
    ground_truth: str | Path | None = None
    report: bool = True
    settings: Mapping[str, Any] | Sequence[str] | TrackingSettings | None = None
    device: str | None = None
    threads: int | None = None
    replace: bool = False


@dataclass(frozen=True)
class TrackingRequest:
    """A request whose parts are checked.

    Attributes:
        sources: what is tracked.
        out: the folder that is written.
        equipment: what finds, follows and describes people.
        settings: the rarely used ones.
        fps: frames a second to analyse; None for all.
        join: whether the fragments of each video are joined.
        workers: sources worked on at once.
    """

    sources: list[TrackedSource]
    out: Path
    equipment: Equipment
    settings: TrackingSettings
    fps: float | None = None
    join: bool = False
    workers: int = 1

    def record(self) -> dict[str, Any]:
        """What decides about the outcome, for JSON: threads and the number of processes do not."""
        model = self.equipment.model
        return {
            "sources": [source.record() for source in self.sources],
            "detector": named_file(self.equipment.detector),
            "tracker": self.equipment.tracker,
            "model": named_file(model) if isinstance(model, str | os.PathLike) else repr(model),
            "device": self.equipment.device,
            "fps": self.fps,
            "join": self.settings.join.model_dump(mode="json") if self.join else None,
            "settings": self.settings.model_dump(mode="json", exclude={"truth", "join"}, serialize_as_any=True),
        }


def named_file(name: str | os.PathLike[str]) -> str | list[str | int]:
    """A name as it stands; of a file its place, size and time of change, so that another one is not taken for it."""
    path = Path(name).expanduser()
    return [str(path.absolute()), *file_stamp(path)] if path.exists() else str(name)


def tracking_request(sources: Sequence[Any], out: Path, options: TrackingOptions) -> TrackingRequest:
    """What is asked for, checked.

    Args:
        sources: as of `passerby.track`.
        out: the folder to write.
        options: the choices.

    Raises:
        DataError: a source is not there, or options do nothing or cannot be done together.
        RecipeError: an unknown setting or tracker, or a value that does not fit.
    """
    settings = check_tracking_settings(options.tracker, options.settings)
    cameras = [options.cameras] if isinstance(options.cameras, str) else options.cameras
    resolved = resolve_sources(sources, cameras=cameras, start=options.start, time_zone=settings.reading.time_zone)
    cores = options.threads or thread_count()
    opened = options.model is not None and not isinstance(options.model, str | os.PathLike)
    workers = 1 if opened else min(len(resolved), cores)  # a model that is open cannot be handed to processes
    request = TrackingRequest(
        sources=resolved,
        out=out,
        equipment=Equipment(
            str(options.detector), options.tracker, options.model, options.device, max(1, cores // workers)
        ),
        settings=settings,
        fps=options.fps,
        join=options.join,
        workers=workers,
    )
    _check_goes_together(request, draw=options.draw)
    return request


def _check_goes_together(request: TrackingRequest, *, draw: bool) -> None:
    """Refuse options that would do nothing, or cannot be done.

    Raises:
        DataError: a model that nobody asks, joining without one, a distance without joining, a device where nothing
            computes on one, or drawing streams, which cannot be read again.
    """
    tracker = make_tracker(request.equipment.tracker, request.settings.tracker)
    if request.equipment.model is not None and not tracker.wants_features and not request.join:
        raise DataError(
            "--model would do nothing, for the tracker does not look and fragments are not joined: leave it out, or "
            "--join"
        )
    if request.join and request.equipment.model is None:
        raise DataError("joining fragments compares people by their looks: name a model with --model")
    if request.settings.join.distance is not None and not request.join:
        raise DataError("join.distance would do nothing, for fragments are not joined: leave it out, or --join")
    device = request.equipment.device
    if device is not None and request.equipment.model is None and not device.startswith("cpu"):
        raise DataError(f"--device {printable(device)} would do nothing, for detectors run on the CPU: leave it out")
    streams = [source.shown for source in request.sources if source.live]
    if draw and streams:
        raise DataError(f"{streams[0]}: a stream cannot be read a second time to draw on it: leave out --draw")
    if request.fps is not None and not 0 < request.fps < inf:
        raise DataError(f"fps must be a number above 0, not {request.fps:g}")
