"""The work on one source, in a process of its own or in the caller's."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2

from passerby.atomic_files import write_text_atomically
from passerby.json_text import json_text
from passerby.progress import log_line
from passerby.video.collection import Collector, follow
from passerby.video.collection.detection_store import DetectionStore
from passerby.video.collection.parts import PartWriter
from passerby.video.frame import Frame
from passerby.video.reading import Source, open_source, time_zone_named, wall_time
from passerby.workflows.tracking.equipment import Equipment, described_pictures, new_detector, new_tracker
from passerby.workflows.tracking.frame_runs import FrameRuns
from passerby.workflows.tracking.settings import TrackingSettings
from passerby.workflows.tracking.sources import TrackedSource

LOOK_BACK = 4
"""Frames whose pictures are kept for what a tracker tells later, at least."""

_LOOK_EVERY = 0.2
"""Seconds between looks at whether a stream is to stop."""


@dataclass(frozen=True)
class SourceJob:
    """What is to be done with one source.

    Attributes:
        source: which.
        folder: for its work alone.
        equipment: what finds, follows and describes people.
        settings: the rarely used ones.
        fps: frames a second to analyse, None for all.
    """

    source: TrackedSource
    folder: Path
    equipment: Equipment
    settings: TrackingSettings
    fps: float | None = None


class Watch(Protocol):
    """Whoever looks on while a source is worked on."""

    def tell(self, seconds: float, duration: float | None, frames: int) -> None:
        """Take the seconds done, the seconds there are (None where unknown), and the frames analysed."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether the work is to stop; asked for from another thread too."""
        ...


def track_source(job: SourceJob, watch: Watch) -> bool:
    """Follow people through a source, and leave its tracks in parts; what was done before is not done again.

    Returns:
        Whether it is done; otherwise `watch` stopped it. A stream that is stopped is done.

    Raises:
        DataError: it cannot be read, or has changed.
    """
    done = job.folder / "done.json"
    if done.is_file():
        return True
    job.folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(job.equipment.threads)
    folder = _session(job) if job.source.live else job.folder
    parts = PartWriter(folder)
    with open_tracked(job) as source, _closing_when_stopped(source, watch, live=job.source.live):
        analysed = _follow(job, source, folder, parts, watch)
        summary = source.summary
    if analysed is None:
        return False
    parts.flush()
    outcome = {
        "start": None if (start := wall_time(source.start, job.source.clock_offset)) is None else start.isoformat(),
        "damaged_share": summary.damaged_share,
        "frame_runs": analysed.runs,
        **{name: value for name, value in asdict(summary).items() if name != "name"},
    }
    write_text_atomically(done, json_text(outcome) + "\n")
    return True


def read_outcome(folder: Path) -> dict[str, Any]:
    """What came of a source that is done: counts of frames, its start and duration."""
    outcome: dict[str, Any] = json.loads((folder / "done.json").read_text("utf-8"))
    return outcome


def part_folders(folder: Path) -> list[Path]:
    """Where the parts of a source lie, in order: of a stream, one for each time that it was begun."""
    return sorted(each for each in folder.glob("session-*") if each.is_dir()) or [folder]


def open_tracked(job: SourceJob) -> Source:
    """The source, opened as the job says."""
    reading, source = job.settings.reading, job.source
    zone = None if reading.time_zone is None else time_zone_named(reading.time_zone)
    if source.live:
        return open_source(
            source.location,
            fps=job.fps,
            open_timeout=reading.timeout,
            read_timeout=reading.timeout,
            give_up_after=reading.give_up_after,
            tell=lambda line: log_line(line, show=True),
        )
    path = Path(source.location)
    return open_source(
        path,
        fps=job.fps,
        start=source.start,
        start_pattern=None if source.start is not None else reading.start_pattern,
        time_zone=zone,
        frame_rate=reading.frame_rate if path.is_dir() else None,
        open_timeout=reading.timeout,
        read_timeout=reading.timeout,
    )


def frames_by_the_clock(source: Source, clock_offset: float) -> Iterator[Frame]:
    """The frames of a source whose clock is so many seconds slow."""
    for frame in source:
        if clock_offset and frame.wall_time is not None:
            frame = frame._replace(wall_time=wall_time(frame.wall_time, clock_offset))
        yield frame


def collector_of(job: SourceJob, source: Source, memory: float) -> Collector:
    """A collector for a source; `memory` is the tracker's."""
    settings = job.settings
    return Collector(
        job.source.name,
        wall_time(source.start, job.source.clock_offset),
        patience=memory + 0.5,
        look_back=max(LOOK_BACK, settings.tracker.sights + 1),
        tracklets=settings.tracklets,
        crops=settings.crops,
    )


def _follow(job: SourceJob, source: Source, folder: Path, parts: PartWriter, watch: Watch) -> FrameRuns | None:
    """Write the tracks of a source; returns the numbers of its frames, None if its end was not reached."""
    detector, tracker = new_detector(job.equipment, job.source, job.settings), new_tracker(job.equipment, job.settings)
    frames = frames_by_the_clock(source, job.source.clock_offset)
    store = None if job.source.live or detector.remembers else DetectionStore(folder)
    collector = collector_of(job, source, tracker.memory)
    describe = None if job.equipment.model is None else described_pictures(job.equipment)
    followed = follow(frames, detector, tracker, collector, describe=describe, store=store)
    whole, analysed = job.source.live, FrameRuns()
    for count, each in enumerate(followed, start=1):
        for ended in each.ended:
            parts.add(ended)
        analysed.add(each.frame.number)
        watch.tell(each.frame.time, source.duration, count)
        if watch.stopped:
            break
        if job.settings.reading.seconds is not None and each.frame.time >= job.settings.reading.seconds:
            whole = True
            break
    else:
        whole = True
    if whole:
        for ended in collector.break_off(tracker.break_off()):
            parts.add(ended)
    return analysed if whole else None


@contextmanager
def _closing_when_stopped(source: Source, watch: Watch, *, live: bool) -> Iterator[None]:
    """Let go of a stream that is waited for when the work is to stop."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY):
            if watch.stopped:
                source.close()
                return

    if live:
        threading.Thread(target=look, name="passerby-stop", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _session(job: SourceJob) -> Path:
    """A new folder for a stream: what an interrupted command left of it stays beside."""
    folder = job.folder / f"session-{len(list(job.folder.glob('session-*'))):06d}"
    folder.mkdir(parents=True)
    return folder
