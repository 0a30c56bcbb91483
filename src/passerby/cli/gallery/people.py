"""`passerby gallery`: who is who."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from passerby.cli.gallery.arguments import GalleryArgument, IdentityArgument, Reason
from passerby.cli.options import AsJson, argument, flag, option
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import command

if TYPE_CHECKING:
    from passerby.gallery.identities.people import Identity

_IDENTIFY = """Find out who is who among all tracklets.

CION's correlation by average linkage. People seen at once are kept apart, decisions are honoured, and what was
confirmed stays as it is. Run it again whenever videos were added: identities keep their numbers.
"""

_IDENTITIES = "List the people of a gallery; those with most tracklets first."

_NAME = """Name an identity, and confirm it.

What is confirmed is never taken apart by `passerby gallery identify`. Without a name it is confirmed as it is.
"""

_MERGE = "Make several identities one; the first keeps its number and name."

_SPLIT = "Take tracklets out of an identity, into a new one."

_DECIDE = "Say that two tracklets are the same person, or two people; `identify` keeps to that."

_UNDO = "Take back the newest change of identities; again, and the one before it."


def register_people(gallery: typer.Typer) -> None:
    """Add the commands to the group."""
    command(gallery, "identify", identify, _IDENTIFY, "passerby gallery identify gallery")
    command(gallery, "identities", identities, _IDENTITIES, "passerby gallery identities gallery --top 20")
    command(gallery, "name", name, _NAME, "passerby gallery name gallery 7 'Anna'")
    command(gallery, "merge", merge, _MERGE, "passerby gallery merge gallery 7 12")
    command(gallery, "split", split, _SPLIT, "passerby gallery split gallery 7 103 104")
    command(gallery, "decide", decide, _DECIDE, "passerby gallery decide gallery 15 88 --different")
    command(gallery, "undo", undo, _UNDO, "passerby gallery undo gallery")


def identify(
    gallery: GalleryArgument,
    threshold: Annotated[
        float | None,
        option("X", "Cosine from which on groups are one person; default: learned.", at_least=-1, at_most=1),
    ] = None,
    false_links: Annotated[
        float | None, option("X", "Strangers each tracklet may resemble so much; default: 1.", at_least=0)
    ] = None,
    model: Annotated[str | None, option("NAME", "By whose features, of several models; default: the newest.")] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, identify, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery
    from passerby.gallery.opening import shown_location
    from passerby.workflows.indexing.model_choice import model_of

    with open_gallery(gallery) as opened:
        key = model_of(opened, model, shown_location(gallery))
        done = opened.identify(model=key, threshold=threshold, false_links=false_links, reason=reason)
    if not emit(done._asdict(), as_json):
        echo(
            f"{done.identities:,} identities, {done.founded:,} of them new; {done.moved:,} tracklets moved; one person "
            f"from a mean cosine of {done.threshold:.3f} on."
        )


def identities(
    gallery: GalleryArgument,
    top: Annotated[int | None, option("N", "How many at most; default: all.", at_least=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Parse, list, print."""
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        known = sorted(opened.identities(), key=lambda each: (-len(each.tracklets), each.number))[:top]
    _show(known, as_json)


def name(
    gallery: GalleryArgument,
    identity: IdentityArgument,
    label: Annotated[str | None, argument("[NAME]", "Its name.")] = None,
    notes: Annotated[str | None, option("TEXT", "Notes about the person.")] = None,
    confirm: Annotated[bool, typer.Option(help="Confirm it, or take a confirmation back.")] = True,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, name, print."""
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        opened.name(identity, label, notes=notes, confirm=confirm, reason=reason)
        _show([opened.identity(identity)], as_json)


def merge(
    gallery: GalleryArgument,
    into: IdentityArgument,
    others: Annotated[list[int], argument("OTHER", "Identities that are the same person.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, merge, print."""
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        opened.merge(into, *others, reason=reason)
        _show([opened.identity(into)], as_json)


def split(
    gallery: GalleryArgument,
    identity: IdentityArgument,
    tracklets: Annotated[list[int], argument("TRACKLET", "Those that are somebody else.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, split, print."""
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        number = opened.split(identity, tracklets, reason=reason)
        _show([opened.identity(identity), opened.identity(number)], as_json)


def decide(
    gallery: GalleryArgument,
    first: Annotated[int, argument("TRACKLET", "Its number.")],
    second: Annotated[int, argument("TRACKLET", "The other's.")],
    same: Annotated[bool, flag("--same", "They are one person.")] = False,
    different: Annotated[bool, flag("--different", "They are two people.")] = False,
    undecided: Annotated[bool, flag("--open", "Take the decision back.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, decide, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    if same + different + undecided != 1:
        raise typer.BadParameter("say one of --same, --different and --open")
    with open_gallery(gallery) as opened:
        opened.decide(first, second, same=None if undecided else same, reason=reason)
    decided = {"tracklets": [first, second], "same": None if undecided else same}
    if not emit(decided, as_json):
        echo("Kept; `passerby gallery identify` goes by it.")


def undo(gallery: GalleryArgument, reason: Reason = "", as_json: AsJson = False) -> None:
    """Parse, undo, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        change = opened.undo(reason=reason)
    if not emit({"undone": change.kind}, as_json):
        echo(f"Took back: {change.kind}")


def _as_json(identity: "Identity") -> dict[str, Any]:
    return {
        "identity": identity.number,
        "name": identity.name,
        "notes": identity.notes,
        "confirmed": identity.confirmed,
        "tracklets": list(identity.tracklets),
        "cameras": list(identity.cameras),
    }


def _show(known: "list[Identity]", as_json: bool) -> None:
    from passerby.cli.printing.output import emit

    if not emit([_as_json(each) for each in known], as_json):
        _print(known)


def _print(known: "list[Identity]") -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("identity", "name", "confirmed", "tracklets", "cameras")
    for each in known:
        numbers = ", ".join(map(str, each.tracklets[:8])) + (" …" if len(each.tracklets) > 8 else "")
        confirmed = "yes" if each.confirmed else ""
        row = (str(each.number), cell(each.name or ""), confirmed, f"{len(each.tracklets)}: {numbers}")
        shown.add_row(*row, cell(", ".join(each.cameras)))
    Console().print(shown)
