"""`passerby gallery erase`: by number, identity, camera and time, or picture; shown before it is done."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from passerby.cli.gallery.arguments import GalleryArgument, GalleryModel, Reason, moment_of
from passerby.cli.gallery.copies import ErasedSince
from passerby.cli.gallery.photograph import Find, PhotographDetector, WhichPerson, chosen
from passerby.cli.options import AsJson, Device, argument, flag, option
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import command

if TYPE_CHECKING:
    from passerby.gallery.erasure.erasing import Receipt
    from passerby.gallery.erasure.plan import ErasurePlan

_ERASE = """Erase tracklets from every file of a gallery, and prove it.

Their features, pictures and captions go, and identities that had no others. The files are searched afterwards, and a
receipt is kept that names nobody. Erased tracklets are not added again with their video. Videos, folders of
`passerby track`, and copies made elsewhere are not touched.

By camera and time, or by pictures of somebody, it lists first who would go, and erases after a yes, or at once with
--yes. What is under a legal hold stays.
"""

_EXAMPLES = (
    "passerby gallery erase gallery 17 18 --reason 'asked for it'",
    "passerby gallery erase gallery --picture her.jpg --probability 0.95 --page look.html",
    "passerby gallery erase gallery --camera gate --from 2026-05-01T08:00+02:00 --to 2026-05-01T09:00+02:00",
)

_WHO, _WHERE = "Who", "Where and when"
_LISTED = 20
_NOT_TOUCHED = "Not touched are videos, folders of `passerby track`, and copies that somebody made elsewhere."


_Numbers = Annotated[list[int] | None, argument("[TRACKLET]", "Numbers of tracklets, as `passerby search` shows them.")]
_Identities = Annotated[
    list[int] | None, option("N", "All tracklets of this identity; repeatable.", "--identity", panel=_WHO)
]
_Pictures = Annotated[
    list[str] | None,
    option("FILE", "Who looks like the one person in it; several pictures of them make one.", "--picture", panel=_WHO),
]
_Probability = Annotated[
    float | None, option("X", "With --picture: the least that it is the same person; default: 0.9.", panel=_WHO)
]
_Cameras = Annotated[list[str] | None, option("NAME", "Only of this camera; repeatable.", "--camera", panel=_WHERE)]
_From = Annotated[
    str | None, option("TIME", "Filmed then or later, with time zone.", "--from", "--since", panel=_WHERE)
]
_To = Annotated[str | None, option("TIME", "Filmed then or earlier.", "--to", "--until", panel=_WHERE)]


def register_erase(gallery: typer.Typer) -> None:
    """Add the command to the group."""
    command(gallery, "erase", erase, _ERASE, *_EXAMPLES)


def erase(
    gallery: GalleryArgument,
    tracklets: _Numbers = None,
    identities: _Identities = None,
    pictures: _Pictures = None,
    probability: _Probability = None,
    find: Find = False,
    person: WhichPerson = None,
    cameras: _Cameras = None,
    since: _From = None,
    until: _To = None,
    erased_since: ErasedSince = None,
    page: Annotated[Path | None, option("FILE", "A page, .html, with pictures of who would go.")] = None,
    yes: Annotated[bool, flag("--yes", "Erase without asking.")] = False,
    reason: Reason = "",
    model: GalleryModel = None,
    detector: PhotographDetector = "yolox-nano",
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Parse, list, ask, erase, print."""
    from passerby.gallery.search import EVERYTHING, Filters
    from passerby.workflows.indexing.erasure import DEFAULT_PROBABILITY, plan_erasure
    from passerby.workflows.indexing.searcher import Query

    filters = Filters(cameras or None, moment_of("--from", since), moment_of("--to", until))
    of_pictures = probability is not None or find or person is not None or model is not None
    at_once = bool(tracklets or identities or erased_since)
    _check_one_way(
        at_once=[bool(tracklets or identities), bool(erased_since)],
        planned=[bool(pictures), filters != EVERYTHING],
        of_pictures=of_pictures,
        page=page is not None,
    )
    if at_once:
        _erase(gallery, tracklets or [], identities or [], erased_since or [], reason, as_json=as_json)
        return
    query = Query(pictures) if pictures else None
    if query is not None and (find or person is not None):
        query = chosen(query, person, detector, find=find, as_json=as_json)
    least = DEFAULT_PROBABILITY if probability is None else probability
    plan = plan_erasure(
        gallery, query, probability=least, filters=filters, page=page, model=model, device=device, reason=reason
    )
    _carry_out(gallery, plan, page, reason, yes=yes, as_json=as_json)


def _carry_out(gallery: str, plan: "ErasurePlan", page: Path | None, reason: str, *, yes: bool, as_json: bool) -> None:
    """Show the plan, and erase after a yes."""
    from passerby.cli.printing.output import emit

    if not as_json:
        _print_plan(plan, page)
    if plan.tracklets and (yes or _agreed(plan, as_json=as_json)):
        _erase(gallery, plan.numbers, [], [], reason, as_json=as_json)
        return
    emit(_plan_as_json(plan), as_json)
    if plan.tracklets:
        echo("Nothing was erased. --yes erases them.", err=True)
        raise typer.Exit(1)


def _check_one_way(*, at_once: list[bool], planned: list[bool], of_pictures: bool, page: bool) -> None:
    if sum(at_once) + any(planned) > 1:
        raise typer.BadParameter("erase by numbers and identities, --erased-since, or by pictures, cameras and times")
    if not any([*at_once, *planned]):
        raise typer.BadParameter("say who is erased: TRACKLET, --identity, --picture, or --camera, --from and --to")
    if of_pictures and not planned[0]:
        raise typer.BadParameter("--probability, --find, --person and --model are for --picture: name one")
    if page and not any(planned):
        raise typer.BadParameter("--page is for erasing by --picture or --camera, --from and --to")


def _agreed(plan: "ErasurePlan", *, as_json: bool) -> bool:
    return not as_json and sys.stdin.isatty() and typer.confirm(f"Erase these {len(plan.tracklets):,} tracklets?")


def _erase(
    gallery: str, tracklets: list[int], identities: list[int], erased_since: list[str], reason: str, *, as_json: bool
) -> None:
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        if erased_since:
            receipt = opened.erase_again(erased_since, reason=reason)
        else:
            opened.get(tracklets)
            of_identities = [number for each in identities for number in opened.identity(each).tracklets]
            receipt = opened.erase([*tracklets, *of_identities], reason=reason)
    if emit(receipt, as_json):
        return
    if receipt is None:
        echo("Nothing that was erased is there.")
    else:
        _print_receipt(receipt)


def _print_receipt(receipt: "Receipt") -> None:
    echo(f"Erased {receipt.tracklets:,} tracklets with {receipt.crops:,} pictures, {receipt.features:,} features.")
    echo(f"Searched {receipt.files_searched:,} files for {receipt.pieces_searched:,} pieces of them: none is left.")
    if receipt.files_removed:
        echo(f"Pages and pictures written from the gallery that showed them, removed too: {receipt.files_removed:,}")
    for file in receipt.files_left:
        echo(f"{file}: was written from the gallery too, and may show them: look into it and remove it.")
    echo(_NOT_TOUCHED)


def _plan_as_json(plan: "ErasurePlan") -> dict[str, Any]:
    return {
        "erased": False,
        "tracklets": [
            {
                "tracklet": each.number,
                "identity": each.identity,
                "probability": plan.probabilities.get(each.number),
                "camera": each.camera,
                "video": each.video,
                "begins": each.begins,
                "ends": each.ends,
                "taken_from": None if each.taken_from is None else each.taken_from.isoformat(),
                "taken_to": None if each.taken_to is None else each.taken_to.isoformat(),
            }
            for each in plan.tracklets
        ],
        "held": list(plan.held),
        "undated": plan.undated,
        "same_people": list(plan.same_people),
    }


def _print_plan(plan: "ErasurePlan", page: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    if plan.tracklets:
        shown = Table("tracklet", "identity", *(["probability"] if plan.probabilities else []), "camera", "when")
        for each in plan.tracklets[:_LISTED]:
            when = f"{each.begins:.1f} to {each.ends:.1f} s" if each.taken_from is None else f"{each.taken_from:%F %T}Z"
            certain = [f"{plan.probabilities[each.number]:.3f}"] if plan.probabilities else []
            identity = "" if each.identity is None else str(each.identity)
            shown.add_row(str(each.number), identity, *certain, cell(each.camera), when)
        Console().print(shown)
    more = len(plan.tracklets) - _LISTED
    echo(f"{len(plan.tracklets):,} tracklets are meant{f', {more:,} more than are listed' if more > 0 else ''}.")
    if plan.held:
        echo(f"{len(plan.held):,} more are under a legal hold and stay.")
    if plan.undated:
        echo(f"{plan.undated:,} more stay, for nobody has said when they were filmed: erase them by number.")
    if plan.same_people:
        numbers = ", ".join(map(str, plan.same_people[:8])) + (" …" if len(plan.same_people) > 8 else "")
        echo(f"{len(plan.same_people):,} more of the same identities are less alike and stay: {numbers}")
    echo(_NOT_TOUCHED)
    if page is not None:
        echo(f"Pictures: {page}")
