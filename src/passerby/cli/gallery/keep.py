"""`passerby gallery`: what a gallery holds, for how long, and what is erased from it."""

from typing import Annotated, Any

import typer

from passerby.cli.gallery.arguments import GalleryArgument, Reason, moment_of
from passerby.cli.gallery.cameras import register_cameras
from passerby.cli.gallery.copies import register_copies
from passerby.cli.gallery.embed import register_embed
from passerby.cli.gallery.erase import register_erase
from passerby.cli.gallery.feature_index import register_feature_index, told
from passerby.cli.gallery.keys import register_keys
from passerby.cli.gallery.people import register_people
from passerby.cli.gallery.report import register_report
from passerby.cli.gallery.show import register_show
from passerby.cli.gallery.tables import register_tables
from passerby.cli.options import AsJson, argument, option
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import USE, command, group

_ABOUT = "Galleries of people in videos: what is in them, how long it is kept, and how it is erased."

_STATS = "Tell what a gallery holds."

_RETAIN = """Erase what is older than tracklets are kept.

What counts is when a tracklet was filmed or, where nobody said, when it was added. Without --days as was set before.
What is under a legal hold stays.
"""

_HOLD = "Keep a tracklet or an identity from being erased."

_RELEASE = "End a legal hold."

_VERIFY = "Look for what is torn, tampered with or left over in a gallery."

_LOG = "Show what was done with a gallery: searches, erasures, holds, each with its reason."


def register_keep(app: typer.Typer) -> None:
    """Add the commands."""
    gallery = group(_ABOUT, "passerby gallery stats gallery")
    command(gallery, "stats", stats, _STATS, "passerby gallery stats gallery")
    register_erase(gallery)
    command(gallery, "retain", retain, _RETAIN, "passerby gallery retain gallery --days 3")
    command(gallery, "hold", hold, _HOLD, "passerby gallery hold gallery --tracklet 17 --reason 'case 12'")
    command(gallery, "release", release, _RELEASE, "passerby gallery release gallery 1")
    command(gallery, "log", log, _LOG, "passerby gallery log gallery")
    register_people(gallery)
    register_show(gallery)
    register_cameras(gallery)
    register_report(gallery)
    register_keys(gallery)
    register_embed(gallery)
    command(gallery, "verify", verify, _VERIFY, "passerby gallery verify gallery")
    register_copies(gallery)
    register_tables(gallery)
    register_feature_index(gallery)
    app.add_typer(gallery, name="gallery", rich_help_panel=USE)


def stats(gallery: GalleryArgument, as_json: AsJson = False) -> None:
    """Parse, look, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        held, receipts, models = opened.holds(), opened.receipts(), opened.models()
        indexes = opened.feature_indexes()
        content: dict[str, Any] = {
            "tracklets": len(opened),
            "cameras": opened.cameras(),
            "models": [{"name": each.name, "dim": each.dim, "fingerprint": each.fingerprint} for each in models],
            "indexes": indexes,
            "holds": len(held),
            "erasures": len(receipts),
        }
    if emit(content, as_json):
        return
    echo(f"{content['tracklets']:,} tracklets")
    for camera, count in content["cameras"].items():
        echo(f"  camera {camera}: {count:,}")
    for model in models:
        echo(f"  features of {model.name}, {model.dim} dimensions")
    for line in (line for each in indexes for line in told(each)):
        echo(f"  {line}")
    echo(f"{len(held)} legal holds, {len(receipts)} erasures so far")


def retain(
    gallery: GalleryArgument,
    days: Annotated[float | None, option("X", "For how many days tracklets are kept from now on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Parse, erase, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        receipt = opened.retain(days)
    if not emit(receipt, as_json):
        echo("Nothing is older." if receipt is None else f"Erased {receipt.tracklets:,} tracklets.")


def hold(
    gallery: GalleryArgument,
    reason: Annotated[str, option("TEXT", "Why; needed.")],
    tracklet: Annotated[int | None, option("N", "The tracklet to hold.")] = None,
    identity: Annotated[int | None, option("N", "The identity to hold.")] = None,
    until: Annotated[str | None, option("TIME", "When it ends, with time zone; default: when released.")] = None,
    as_json: AsJson = False,
) -> None:
    """Parse, hold, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery
    from passerby.gallery.opening import shown_location

    ends = moment_of("--until", until)
    with open_gallery(gallery) as opened:
        number = opened.hold(identity=identity, tracklet=tracklet, reason=reason, until=ends)
    if not emit({"hold": number, "until": ends}, as_json):
        echo(f"Hold {number}; `passerby gallery release {shown_location(gallery)} {number}` ends it.")


def release(
    gallery: GalleryArgument,
    number: Annotated[int, argument("HOLD", "Its number.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, release, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        opened.release(number, reason=reason)
    if not emit({"released": number}, as_json):
        echo(f"Hold {number} is ended.")


def log(
    gallery: GalleryArgument,
    after: Annotated[int, option("N", "Only entries after this number.", at_least=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Parse, read, print."""
    from rich.console import Console
    from rich.table import Table

    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery
    from passerby.gallery.times import moment

    with open_gallery(gallery) as opened:
        entries = opened.log(after)
    if emit([each._asdict() for each in entries], as_json):
        return
    shown = Table("", "when", "who", "what", "why", "numbers")
    for each in entries:
        detail = ", ".join(f"{name} {value}" for name, value in each.detail.items())
        when = f"{moment(each.happened):%F %T}Z"
        shown.add_row(str(each.number), when, cell(each.actor), each.action, cell(each.reason), cell(detail))
    Console().print(shown)


def verify(gallery: GalleryArgument, as_json: AsJson = False) -> None:
    """Parse, verify, print; exit code 1 if something is found."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        found = opened.verify()
    if not emit([each._asdict() for each in found], as_json):
        for each in found:
            echo(f"{each.kind}: {each.message}")
        if not found:
            echo("Nothing is torn, tampered with or left over.")
    if found:
        raise typer.Exit(1)
