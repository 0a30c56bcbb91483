"""`passerby track`: from videos to tracklets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import MODEL, AsJson, Device, Settings, argument, flag, keys_option, option
from passerby.cli.plugin_option import with_plugins
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import START, command

if TYPE_CHECKING:
    from passerby.workflows.tracking.ground_truth import TrackingQuality
    from passerby.workflows.tracking.settings import TrackingSettings
    from passerby.workflows.tracking.track import TrackedVideos

ORDER = 2

_ABOUT = """Find and follow the people in videos: a table of tracklets, and the best crops of each.

VIDEO is a file, a folder of frames (MOTChallenge's layout, too), the address of a stream, or a list of sources (.yaml)
with a camera, start, clock offset, threshold and region for each. Several are worked on at once.

The output has a row for each box that was observed; `passerby embed` and `passerby denoise` take it as it is.
Interrupted at any moment, the same command goes on and ends with the same files. Ctrl-C ends streams.
"""

_EXAMPLES = (
    "passerby track yard.mp4 gate.mp4 -o tracklets",
    "passerby track rtsp://camera.local/stream -o tracklets --fps 5 --camera yard",
)

_TIME, _RESULT = "Time and place", "Result"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "track", with_plugins(track), _ABOUT, *_EXAMPLES, panel=START)


def _settings_schema() -> "type[TrackingSettings]":
    from passerby.workflows.tracking.settings import settings_schema

    return settings_schema("bytetrack")


Model = Annotated[
    str | None,
    option(
        "MODEL",
        "Recognises people by their looks: what `passerby embed` takes; default: motion alone.",
        panel=MODEL,
    ),
]
Threads = Annotated[int | None, option("N", "To compute with; default: all cores.", panel=MODEL, at_least=1)]
Start = Annotated[str | None, option("TIME", "When the video began: 2026-05-01T08:00:00+02:00.", panel=_TIME)]
Cameras = Annotated[
    list[str] | None,
    option(
        "[VIDEO=]NAME", "Camera of a video, or of all; repeatable; default: the video's name.", "--camera", panel=_TIME
    ),
]
Join = Annotated[bool, flag("--join", "Join the fragments of each video by how they look; needs --model.", _RESULT)]
Draw = Annotated[bool, flag("--draw", "Write the videos once more, with boxes and ids.", _RESULT)]
Truth = Annotated[Path | None, option("PATH", "MOTChallenge's file or folder to compare with.", panel=_RESULT)]
Replace = Annotated[bool, flag("--replace", "Begin anew where the folder holds another command's tracklets.", _RESULT)]


def track(
    videos: Annotated[list[str], argument("VIDEO", "Files, folders of frames, streams, or lists of sources.")],
    out: Annotated[Path, option("DIR", "Receives the table and the crops.", "--out", "-o")] = Path("tracklets"),
    detector: Annotated[
        str, option("NAME", "yolox-nano, motion, hog, or a model file with its card.", panel=MODEL)
    ] = "yolox-nano",
    tracker: Annotated[str, option("NAME", "bytetrack, ocsort or botsort.", panel=MODEL)] = "bytetrack",
    model: Model = None,
    device: Device = None,
    threads: Threads = None,
    fps: Annotated[float | None, option("X", "Frames a second to analyse; default: all.", panel=_TIME)] = None,
    start: Start = None,
    cameras: Cameras = None,
    join: Join = False,
    draw: Draw = False,
    ground_truth: Truth = None,
    report: Annotated[bool, typer.Option(help="Write a page into the folder.", rich_help_panel=_RESULT)] = True,
    replace: Replace = False,
    settings: Settings = None,
    _keys: Annotated[bool, keys_option(_settings_schema)] = False,
    as_json: AsJson = False,
) -> None:
    """Parse, track, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.tracking.request import TrackingOptions
    from passerby.workflows.tracking.track import track as track_videos

    options = TrackingOptions(
        detector=detector,
        tracker=tracker,
        model=model,
        fps=fps,
        start=start,
        cameras=cameras or (),
        join=join,
        settings=settings or (),
        device=device,
        threads=threads,
        replace=replace,
        draw=draw,
        ground_truth=ground_truth,
        report=report,
    )
    tracked = track_videos(videos, out, options=options, show=True)
    if not emit(tracked.summary(), as_json):
        _print(tracked)


def _print(tracked: "TrackedVideos") -> None:
    from rich.console import Console
    from rich.table import Table

    from passerby.progress import duration

    shown = Table("source", "camera", "length", "frames", "tracklets", "boxes", "crops", "dropped")
    for source in tracked.sources:
        counts = (source[name] for name in ("frames_analysed", "tracklets", "boxes", "crops"))
        dropped = sum(source["dropped"].values())
        names = cell(source["name"]), cell(source["camera"]), duration(source["duration"])
        shown.add_row(*names, *(f"{count:,}" for count in counts), f"{dropped:,}")
    Console().print(shown)
    for source in tracked.sources:
        if source["damaged_share"]:
            echo(f"{source['name']}: {source['damaged_share']:.1%} of its frames are damaged or missing.")
    if tracked.quality is not None:
        _print_quality(tracked.quality)
    echo(f"Tracklets: {tracked.table}")
    for file in tracked.drawn:
        echo(f"Drawn: {file}")
    if tracked.page is not None:
        echo(f"Report: {tracked.page}")
    if tracked.tracklets:
        echo(f"Next: `passerby embed MODEL {tracked.table} -o features.parquet`")


def _print_quality(quality: "TrackingQuality") -> None:
    from rich.console import Console
    from rich.table import Table

    from passerby.workflows.tracking.ground_truth import HEADLINES, describe_worst, shown_figure

    shown = Table("against the truth", *HEADLINES)
    for name, values in quality.figures().items():
        shown.add_row(cell(name), *(shown_figure(each, values[each]) for each in HEADLINES))
    Console().print(shown)
    if quality.multi_camera_idf1 is not None:
        echo(f"Multi-camera IDF1: {100 * quality.multi_camera_idf1:.1f}")
    for each in quality.worst:
        echo(f"{each.track}: {describe_worst(each)}")
