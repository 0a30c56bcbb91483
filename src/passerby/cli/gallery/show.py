"""`passerby gallery show`: a person, or a tracklet."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from passerby.cli.gallery.arguments import GalleryArgument, Reason
from passerby.cli.options import AsJson, argument, option
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import command

if TYPE_CHECKING:
    from passerby.gallery import Tracklet

_SHOW = """Show a person with all tracklets: when which camera saw them; or, with --tracklet, one tracklet.

That somebody looked is in the gallery's log.
"""


def register_show(gallery: typer.Typer) -> None:
    """Add the command to the group."""
    command(gallery, "show", show, _SHOW, "passerby gallery show gallery 7")


def show(
    gallery: GalleryArgument,
    identity: Annotated[int | None, argument("IDENTITY", "Its number.")] = None,
    tracklet: Annotated[int | None, option("N", "A tracklet instead.")] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, look, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    if (identity is None) == (tracklet is None):
        raise typer.BadParameter("name an identity, or a tracklet with --tracklet")
    with open_gallery(gallery) as opened:
        person = None if identity is None else opened.identity(identity)
        seen = opened.get([tracklet or 0] if person is None else person.tracklets)
        asked = {"tracklet": seen[0].number} if person is None else {"identity": person.number}
        opened.note_view(reason=reason, **asked)
    described = [_as_json(each) for each in seen]
    if person is None:
        if not emit(described[0], as_json):
            _print(seen)
        return
    about = {"identity": person.number, "name": person.name, "notes": person.notes, "confirmed": person.confirmed}
    if not emit({**about, "tracklets": described}, as_json):
        named = f": {person.name}" if person.name else ""
        vouched = ", confirmed" if person.confirmed else ""
        echo(f"Identity {person.number}{named}{vouched}; {len(seen):,} tracklets, seen by {', '.join(person.cameras)}.")
        if person.notes:
            echo(person.notes)
        _print(seen)


def _as_json(tracklet: "Tracklet") -> dict[str, Any]:
    found = vars(tracklet) | {"tracklet": tracklet.number}
    moments = {
        name: None if (moment := found[name]) is None else moment.isoformat()
        for name in ("taken_from", "taken_to", "added")
    }
    names = ("tracklet", "identity", "camera", "video", "begins", "ends", "frames", "height", "visible", "caption")
    return {**{name: found[name] for name in names}, **moments}


def _print(seen: "list[Tracklet]") -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("tracklet", "camera", "when", "seconds", "height", "visible")
    for each in sorted(seen, key=_moment):
        when = f"{each.begins:.1f} s of {each.video}" if each.taken_from is None else f"{each.taken_from:%F %T}Z"
        size = f"{each.ends - each.begins:.1f}", f"{each.height:.0f}", f"{100 * each.visible:.0f} %"
        shown.add_row(str(each.number), cell(each.camera), cell(when), *size)
    Console().print(shown)


def _moment(tracklet: "Tracklet") -> tuple[float, str, float]:
    """By time of day, and those of whom it is not known last, by video."""
    dated = math.inf if tracklet.taken_from is None else tracklet.taken_from.timestamp()
    return dated, tracklet.video, tracklet.begins
