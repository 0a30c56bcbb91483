"""From videos to tracklets: what `passerby track` does."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.errors import DataError
from passerby.output_paths import checked_folder
from passerby.progress import log_line
from passerby.report.tracking import write_tracking_page
from passerby.workflows.tracking.drawing import draw_videos
from passerby.workflows.tracking.equipment import described_pictures, new_detector
from passerby.workflows.tracking.folder import TrackFolder, claimed_folder
from passerby.workflows.tracking.ground_truth import TrackingQuality, found_truths, judge_tracks
from passerby.workflows.tracking.joining import join_fragments
from passerby.workflows.tracking.request import TrackingOptions, TrackingRequest, tracking_request
from passerby.workflows.tracking.run_sources import run_sources
from passerby.workflows.tracking.source_work import SourceJob, read_outcome
from passerby.workflows.tracking.sources import TrackedSource
from passerby.workflows.tracking.tables import write_tables


@dataclass(frozen=True)
class TrackedVideos:
    """What was made of videos.

    Attributes:
        folder: that was written.
        sources: for each source its name, camera, start, counts of frames, and what it gave.
        page: shows the tracklets, and what was dropped; None if none was asked for.
        drawn: videos with boxes and ids, if they were asked for.
        quality: against the ground truth, if there is one.
    """

    folder: TrackFolder
    sources: list[dict[str, Any]]
    page: Path | None = None
    drawn: tuple[Path, ...] = ()
    quality: TrackingQuality | None = None

    @property
    def table(self) -> Path:
        """The table of tracklets, one row for each observed box; those with a crop name it in `path`."""
        return self.folder.table

    @property
    def tracklets(self) -> int:
        """How many there are."""
        return sum(source["tracklets"] for source in self.sources)

    def summary(self) -> dict[str, Any]:
        """Places and counts, for JSON."""
        names = ("tracklets", "boxes", "crops")
        totals = {name: sum(source[name] for source in self.sources) for name in names}
        return {
            "out": self.folder.path,
            "table": self.table,
            "page": self.page,
            "drawn": list(self.drawn),
            **totals,
            "sources": [
                {key: value for key, value in source.items() if key != "frame_runs"} for source in self.sources
            ],
            "quality": None if self.quality is None else self.quality.summary(),
        }


def track(
    sources: str | Path | Mapping[str, Any] | Sequence[str | Path | Mapping[str, Any]],
    out: str | Path = "tracklets",
    *,
    options: TrackingOptions | None = None,
    show: bool = False,
    **choices: Any,
) -> TrackedVideos:
    """Find and follow the people in videos: a table of tracklets, and the best crops of each.

    Interrupted at any moment, the same call goes on where it was and ends with the same files.

    Examples:
        >>> passerby.track("yard.mp4", "tracklets").tracklets
        >>> passerby.track(["a.mp4", "b.mp4"], "tracklets", fps=5, cameras=["a.mp4=gate", "b.mp4=yard"])

    Args:
        sources: video files, folders of frames, addresses of streams, lists of sources (.yaml), and mappings with the
            keys of such a list: `source`, `camera`, `start`, `clock_offset`, `threshold`, `region`.
        out: the folder to write.
        options: all choices at once; else they are given one by one, as `fps=5`.
        show: whether to show progress on stderr.
        **choices: fields of `TrackingOptions`.

    Raises:
        DataError: a source cannot be read or is damaged beyond the limit (after what could be done is done), or the
            folder holds something else.
        RecipeError: an unknown setting, or a value that does not fit.
        CheckpointError: a model cannot be loaded.
    """
    options = options or TrackingOptions(**choices)
    listed: Sequence[Any] = [sources] if isinstance(sources, str | os.PathLike | Mapping) else list(sources)
    request = tracking_request(listed, checked_folder(out), options)
    new_detector(request.equipment, request.sources[0], request.settings)  # fetched, or refused, before anything else
    truths = found_truths(request.sources, options.ground_truth)
    tracked = _tracked(request, replace=options.replace, show=show)
    tracked = _shown(tracked, request, truths, draw=options.draw, report=options.report, show=show)
    _check_damage(tracked, request.settings.reading.damage_limit)
    return tracked


def _tracked(request: TrackingRequest, *, replace: bool, show: bool) -> TrackedVideos:
    """Do what a request asks for, or go on where that was interrupted."""
    with claimed_folder(request.out, request.record(), replace=replace) as folder:
        outcome = folder.outcome()
        if outcome is not None:
            if missing := [file for file in (folder.table, folder.dropped) if not file.is_file()]:
                raise DataError(f"{missing[0]}: is not there any more: begin anew with --replace")
            log_line(f"{folder.path}: is done already", show=show)
            return TrackedVideos(folder, outcome["sources"])
        jobs = _jobs(request, folder)
        failed = run_sources(jobs, folder.path / ".progress", workers=request.workers, show=show)
        if len(failed) == len(jobs):
            folder.abandon()
            raise DataError(next(iter(failed.values())))
        done = [source for source in request.sources if source.name not in failed]
        tracked = _put_together(request, folder, done, show=show)
        if failed:
            name, reason = next(iter(failed.items()))
            raise DataError(
                f"{len(failed)} of {len(jobs)} sources could not be read, the others are in {folder.table}: {name}: "
                f"{reason.removeprefix(f'{name}: ')}"
            )
        folder.finish({"sources": tracked.sources})
    return tracked


def _jobs(request: TrackingRequest, folder: TrackFolder) -> list[SourceJob]:
    return [
        SourceJob(source, folder.work / source.name, request.equipment, request.settings, request.fps)
        for source in request.sources
    ]


def _shown(
    tracked: TrackedVideos,
    request: TrackingRequest,
    truths: Sequence[Path],
    *,
    draw: bool,
    report: bool,
    show: bool,
) -> TrackedVideos:
    """Compare with the truth, draw videos and write the page, as far as that is asked for."""
    folder, quality, drawn = tracked.folder, None, list[Path]()
    if truths:
        rules = request.settings.truth.rules
        quality = judge_tracks(folder.table, request.sources, tracked.sources, truths, rules, joined=request.join)
    if draw:
        drawn = draw_videos(folder, _jobs(request, folder), tracked.sources, show=show)
    if report:
        judged = None if quality is None else quality.for_page()
        write_tracking_page(
            folder.page, folder.table, folder.dropped, tracked.sources, title=folder.path.name, judged=judged
        )
    return TrackedVideos(folder, tracked.sources, folder.page if report else None, tuple(drawn), quality)


def _put_together(
    request: TrackingRequest, folder: TrackFolder, done: list[TrackedSource], *, show: bool
) -> TrackedVideos:
    """Write the tables of the sources that are done."""
    joined: dict[str, str] = {}
    if request.join:
        joined = join_fragments(folder, done, described_pictures(request.equipment), request.settings.join, show=show)
    outcomes = {source.name: read_outcome(folder.work / source.name) for source in done}
    by_clock = all(outcome["start"] is not None for outcome in outcomes.values())
    unknown = [name for name, outcome in outcomes.items() if outcome["start"] is None]
    if unknown and len(unknown) < len(done):
        log_line(
            f"times are seconds since each source began, for nobody says when that was of {', '.join(unknown[:3])}: "
            "--start, or a start in a list of sources, makes them times of day",
            show=show,
        )
    counts = write_tables(folder, done, by_clock=by_clock, joined=joined, crops=request.settings.crops)
    return TrackedVideos(
        folder,
        [
            {
                "name": source.name,
                "source": source.shown,
                "camera": source.camera,
                "tracklets": counts[source.name].tracklets,
                "boxes": counts[source.name].boxes,
                "crops": counts[source.name].crops,
                "joined": counts[source.name].joined,
                "dropped": dict(sorted(counts[source.name].dropped.items())),
                **outcomes[source.name],
            }
            for source in done
        ],
    )


def _check_damage(tracked: TrackedVideos, limit: float) -> None:
    for source in tracked.sources:
        if source["damaged_share"] > limit:
            raise DataError(
                f"{source['source']}: {source['damaged_share']:.1%} of its frames are damaged or missing, more than "
                f"{limit:.1%} allowed; what could be read is in {tracked.table}: take a copy that is whole, or raise "
                "the limit, --set reading.damage_limit"
            )
