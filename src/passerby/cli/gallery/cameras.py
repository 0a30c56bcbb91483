"""`passerby gallery cameras`: clocks, and how long people need from camera to camera."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.gallery.arguments import GalleryArgument
from passerby.cli.options import AsJson, argument, flag, option
from passerby.cli.printing.echo import cell
from passerby.cli.printing.help import command

if TYPE_CHECKING:
    from passerby.gallery import Gallery
    from passerby.gallery.identities.cameras import Camera

_CAMERAS = """List the cameras of a gallery, or say what is known of one, which `identify` goes by from then on.

Nobody is in two places at once: people who are seen by two cameras with less time between than --travel says are two.
That counts for tracklets whose time of day is known (`passerby index --start`).
"""

_EXAMPLES = (
    "passerby gallery cameras gallery gate --travel yard=30 --clock 2.5",
    "passerby gallery cameras gallery --apart",
)


def register_cameras(gallery: typer.Typer) -> None:
    """Add the command to the group."""
    command(gallery, "cameras", cameras, _CAMERAS, *_EXAMPLES)


def cameras(
    gallery: GalleryArgument,
    camera: Annotated[str | None, argument("CAMERA", "Of which something is said.")] = None,
    clock: Annotated[float | None, option("SECONDS", "How far its clock is ahead of the true time.")] = None,
    travel: Annotated[
        list[str] | None,
        option("OTHER=SECONDS", "Least time to another, and back; OTHER=none: they may see one person at once."),
    ] = None,
    apart: Annotated[bool, flag("--apart", "No two cameras see one person at once, where no time was said.")] = False,
    as_json: AsJson = False,
) -> None:
    """Parse, keep, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    if camera is None and (clock is not None or travel):
        raise typer.BadParameter("--clock and --travel are of one camera: name it after the gallery")
    times = dict(map(_time, travel or ()))
    with open_gallery(gallery) as opened:
        _check_there(opened, [] if camera is None else [camera, *times])  # before anything is kept
        if camera is not None and clock is not None:
            opened.set_clock(camera, clock)
        for other, seconds in times.items():
            opened.set_travel_time(camera or "", other, seconds)
        if apart:
            known = opened.camera_network()
            for place, each in enumerate(known):
                for another in known[place + 1 :]:
                    if another.name not in each.travel_times:
                        opened.set_travel_time(each.name, another.name, 0.0)
        known, counts = opened.camera_network(), opened.cameras()
    known = [each for each in known if camera is None or each.name == camera]
    if not emit([{**each._asdict(), "tracklets": counts.get(each.name, 0)} for each in known], as_json):
        _print(known, counts)


def _check_there(gallery: "Gallery", names: Sequence[str]) -> None:
    there = {each.name for each in gallery.camera_network()}
    for name in names:
        if name not in there:
            raise typer.BadParameter(f"there is no camera {name!r} in the gallery")


def _time(said: str) -> tuple[str, float | None]:
    other, equals, seconds = said.rpartition("=")
    try:
        return other if equals and other else _refused(said), None if seconds == "none" else float(seconds)
    except ValueError:
        return _refused(said), None


def _refused(said: str) -> str:
    raise typer.BadParameter(f"--travel is OTHER=SECONDS, such as yard=30, or OTHER=none, not {said!r}")


def _print(known: "list[Camera]", counts: dict[str, int]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("camera", "tracklets", "clock ahead", "least time to others")
    for each in known:
        times = ", ".join(f"{other}: {seconds:g} s" for other, seconds in each.travel_times.items())
        shown.add_row(cell(each.name), f"{counts.get(each.name, 0):,}", f"{each.clock_offset:g} s", cell(times))
    Console().print(shown)
