"""`passerby index`: from videos to a gallery that can be searched."""

from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import MODEL, AsJson, Device, Precision, Settings, argument, flag, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import START, command

if TYPE_CHECKING:
    from passerby.workflows.indexing.index import IndexedVideos

_ABOUT = """Find and follow the people in videos, and put them into a gallery that can be searched.

VIDEO is a file, a folder of frames, or a list of sources (.yaml), as `passerby track` takes them. More videos may be
added at any time; one that is added again changes nothing, and what was erased stays away. Interrupted at any moment,
the same command goes on.
"""

_EXAMPLES = (
    "passerby index yard.mp4 gate.mp4 -o gallery",
    "passerby index yard.mp4 -o gallery --fps 5 --start 2026-05-01T08:00:00+02:00",
)

_TIME = "Time and place"


def register_index(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "index", index, _ABOUT, *_EXAMPLES, panel=START)


def index(
    videos: Annotated[list[str], argument("VIDEO", "Files, folders of frames, or lists of sources.")],
    out: Annotated[str, option("GALLERY", "A folder, or a PostgreSQL server's address.", "--out", "-o")] = "gallery",
    model: Annotated[
        str, option("MODEL", "Recognises people: what `passerby embed` takes.", panel=MODEL)
    ] = "tiny-clip",
    detector: Annotated[
        str, option("NAME", "yolox-nano, motion, hog, or a model file with its card.", panel=MODEL)
    ] = "yolox-nano",
    tracker: Annotated[str, option("NAME", "bytetrack, ocsort or botsort.", panel=MODEL)] = "bytetrack",
    looks: Annotated[bool, flag("--looks", "Also follow people by how they look; slower.", MODEL)] = False,
    device: Device = None,
    precision: Precision = "auto",
    threads: Annotated[int | None, option("N", "To compute with; default: all cores.", panel=MODEL, at_least=1)] = None,
    fps: Annotated[float | None, option("X", "Frames a second to analyse; default: all.", panel=_TIME)] = None,
    start: Annotated[
        str | None, option("TIME", "When the video began: 2026-05-01T08:00:00+02:00.", panel=_TIME)
    ] = None,
    cameras: Annotated[
        list[str] | None,
        option("[VIDEO=]NAME", "Camera of a video, or of all; repeatable; default: its name.", "--camera", panel=_TIME),
    ] = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Parse, index, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.indexing.index import index as index_videos
    from passerby.workflows.tracking.request import TrackingOptions

    options = TrackingOptions(
        detector=detector,
        tracker=tracker,
        model=model if looks else None,
        fps=fps,
        start=start,
        cameras=cameras or (),
        settings=settings or (),
        device=device,
        threads=threads,
    )
    done = index_videos(videos, out, model=model, options=options, precision=precision, show=True)
    if not emit(done, as_json):
        _print(done)


def _print(done: "IndexedVideos") -> None:
    echo(f"{done.new:,} tracklets are new, {done.known:,} were there before; the gallery has {done.tracklets:,}.")
    if done.identities is None:
        echo(
            "Who is who is not known: too few people were seen at once to learn how alike strangers are. Add videos, "
            f"or give a threshold: `passerby gallery identify {done.gallery} --threshold 0.7`"
        )
    else:
        echo(f"They are {done.identities:,} people: `passerby gallery identities {done.gallery}`")
    if done.erased:
        echo(f"{done.erased:,} were erased from the gallery earlier and were not added again.")
    echo(f"Next: `passerby search {done.gallery} PICTURE` or `--text 'a person in a red coat'`")
