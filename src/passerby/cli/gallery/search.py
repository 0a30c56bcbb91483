"""`passerby search`: find a person in a gallery."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from passerby.cli.gallery.arguments import GalleryArgument, GalleryModel, Reason, moment_of
from passerby.cli.gallery.photograph import WHO, Find, PhotographDetector, WhichPerson, chosen
from passerby.cli.options import AsJson, Device, argument, flag, option
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import START, command

if TYPE_CHECKING:
    from passerby.gallery.search import Hit, Hits

_ABOUT = """Find the people of a gallery who are most like the one in a picture, or in a sentence.

A picture shows one person and little else; several pictures of that person make one query. In a whole photograph
--find finds the people; where they are several, they are listed, and --person says which. Each search is written into
the gallery's log with its reason.
"""

_EXAMPLES = (
    "passerby search gallery somebody.jpg",
    "passerby search gallery street.jpg --find --person 2",
    "passerby search gallery --text 'a man in a red coat' --camera gate --top 5",
)

_WHERE = "Which tracklets"

_MinVisible = Annotated[float, option("X", "Share that nobody hides, at least.", panel=_WHERE, at_least=0, at_most=1)]
_FalseMatchRate = Annotated[
    float | None, option("X", "Leave out who is less alike than all but this share of different people.")
]


def register_search(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "search", search, _ABOUT, *_EXAMPLES, panel=START)


def search(
    gallery: GalleryArgument,
    pictures: Annotated[list[str] | None, argument("[PICTURE]", "Pictures of the one person.")] = None,
    text: Annotated[str | None, option("TEXT", "A sentence about the person instead.", panel=WHO)] = None,
    tracklet: Annotated[int | None, option("N", "A tracklet of the gallery instead.", panel=WHO)] = None,
    find: Find = False,
    person: WhichPerson = None,
    cameras: Annotated[
        list[str] | None, option("NAME", "Only of this camera; repeatable.", "--camera", panel=_WHERE)
    ] = None,
    since: Annotated[str | None, option("TIME", "Filmed then or later, with time zone.", panel=_WHERE)] = None,
    until: Annotated[str | None, option("TIME", "Filmed then or earlier.", panel=_WHERE)] = None,
    min_height: Annotated[float, option("X", "Pixels of the person, at least.", panel=_WHERE, at_least=0)] = 0.0,
    min_visible: _MinVisible = 0.0,
    top: Annotated[int, option("N", "How many at most.", at_least=1)] = 20,
    by_identity: Annotated[bool, flag("--by-identity", "Of each identity only its best tracklet.")] = False,
    false_match_rate: _FalseMatchRate = None,
    exact: Annotated[bool, flag("--exact", "Compare all, even where there is an index of features.")] = False,
    rerank: Annotated[bool, flag("--rerank", "Order the 500 most alike by whom they are like, too.")] = False,
    crops: Annotated[Path | None, option("DIR", "Receives the best picture of each.")] = None,
    reason: Reason = "",
    model: GalleryModel = None,
    detector: PhotographDetector = "yolox-nano",
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Parse, search, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery.search import Filters
    from passerby.workflows.indexing.search import search as search_gallery
    from passerby.workflows.indexing.searcher import Query

    query = Query(pictures or (), text, tracklet)
    if find or person is not None:
        query = chosen(query, person, detector, find=find, as_json=as_json)
    filters = Filters(
        cameras or None, moment_of("--since", since), moment_of("--until", until), min_height, min_visible
    )
    hits = search_gallery(
        gallery, query, model=model, filters=filters, count=top, by_identity=by_identity,
        false_match_rate=false_match_rate, exact=exact, rerank=rerank, crops=crops, reason=reason, device=device,
    )  # fmt: skip
    if hits.note is not None:
        echo(hits.note, err=True)
    if not emit([_as_json(hit) for hit in hits], as_json):
        _print(hits)


def _as_json(hit: "Hit") -> dict[str, Any]:
    tracklet = hit.tracklet
    return {
        "tracklet": tracklet.number,
        "key": tracklet.key,
        "score": hit.score,
        "probability": hit.probability,
        "identity": tracklet.identity,
        "camera": tracklet.camera,
        "video": tracklet.video,
        "begins": tracklet.begins,
        "ends": tracklet.ends,
        "taken_from": None if tracklet.taken_from is None else tracklet.taken_from.isoformat(),
        "taken_to": None if tracklet.taken_to is None else tracklet.taken_to.isoformat(),
        "height": tracklet.height,
        "visible": tracklet.visible,
    }


def _print(hits: "Hits") -> None:
    from rich.console import Console
    from rich.table import Table

    if not hits:
        echo("Nobody: no tracklet passes the filters and is alike enough.")
        return
    shown = Table("", "tracklet", "identity", "score", "probability", "camera", "when", "height")
    for rank, hit in enumerate(hits, start=1):
        each = hit.tracklet
        when = f"{each.begins:.1f} to {each.ends:.1f} s" if each.taken_from is None else f"{each.taken_from:%F %T}Z"
        identity = "" if each.identity is None else str(each.identity)
        alike = f"{hit.score:.3f}", "" if hit.probability is None else f"{hit.probability:.2f}"
        shown.add_row(str(rank), str(each.number), identity, *alike, cell(each.camera), when, f"{each.height:.0f}")
    Console().print(shown)
    if hits.recall is not None:
        echo(f"Few were compared: {100 * hits.recall:.1f} % of the ten most alike are found. --exact compares all.")
