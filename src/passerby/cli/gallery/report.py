"""`passerby gallery report`: the page of a gallery."""

from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.gallery.arguments import GalleryArgument, Reason
from passerby.cli.options import AsJson, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import command

_REPORT = """Write a page of a gallery: its people as rows of pictures over cameras and time.

One file without scripts, that needs no network. The gallery remembers it: it is removed when somebody on it is erased.
"""


def register_report(gallery: typer.Typer) -> None:
    """Add the command to the group."""
    command(gallery, "report", report, _REPORT, "passerby gallery report gallery -o people.html")


def report(
    gallery: GalleryArgument,
    out: Annotated[Path, option("FILE", "The page, .html.", "--out", "-o")],
    top: Annotated[int, option("N", "People on it at most; those with most tracklets.", at_least=1)] = 100,
    title: Annotated[str | None, option("TEXT", "Of the page; default: the gallery's folder.")] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, write, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.indexing.report import gallery_report

    done = gallery_report(gallery, out, top=top, title=title, reason=reason)
    if not emit(done, as_json):
        echo(f"{done.page} shows {done.shown:,} of {done.people:,} people.")
