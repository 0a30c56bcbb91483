"""`passerby gallery index-features`: faster searches where a gallery holds very many people."""

from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.gallery.arguments import GalleryArgument, Reason
from passerby.cli.options import AsJson, flag, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import command
from passerby.errors import GalleryError

if TYPE_CHECKING:
    from passerby.gallery.nearest.feature_index import FeatureIndex

_ABOUT = """Let searches of a very large gallery compare few tracklets instead of all.

An index of the features is kept beside the gallery, and what it finds of the most alike is measured; below a floor it
is not used. Run it again whenever many videos were added; what is not in it is compared in every search. Searches with
filters, by a sentence or with --exact compare all tracklets still. Needs FAISS: pip install 'passerby[faiss]'; on a
server, pgvector.
"""


def register_feature_index(gallery: typer.Typer) -> None:
    """Add the command to the group."""
    command(gallery, "index-features", index_features, _ABOUT, "passerby gallery index-features gallery")


def index_features(
    gallery: GalleryArgument,
    least: Annotated[
        int | None, option("N", "From how many features on; kept. At first 1,000,000.", "--from", at_least=1)
    ] = None,
    floor: Annotated[
        float | None, option("X", "Least share it has to find of the most alike; kept. At first 0.95.", at_most=1)
    ] = None,
    model: Annotated[str | None, option("NAME", "Whose features; needed where there are several models.")] = None,
    rebuild: Annotated[bool, flag("--rebuild", "Make it anew, even where it could be extended.")] = False,
    remove: Annotated[bool, flag("--remove", "Remove it instead: all tracklets are compared then.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, index, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery
    from passerby.gallery.opening import shown_location

    with open_gallery(gallery) as opened:
        known = {each.name: each for each in opened.models()}
        if model is not None and model not in known:
            raise GalleryError(f"{shown_location(gallery)}: has no features of {model}, but of {', '.join(known)}")
        key = None if model is None else known[model]
        if remove:
            there = opened.drop_index(key, reason=reason)
            if not emit({"removed": there}, as_json):
                echo("The index is removed." if there else "There was no index.")
            return
        made = opened.index_features(key, least=least, floor=floor, rebuild=rebuild, reason=reason, show=True)
    if not emit(made, as_json):
        for line in told(made):
            echo(line)


def told(index: "FeatureIndex") -> list[str]:
    """What there is of an index, in lines."""
    lines = []
    if index.recall_at_10 is not None:
        share = "" if index.compared is None else f", comparing {100 * index.compared:.1f} % of them"
        lines.append(
            f"Index of {index.indexed:,} of {index.features:,} features of {index.model}: finds "
            f"{100 * index.recall_at_10:.1f} % of the ten most alike{share} (measured with {index.queries:,} of the "
            "gallery's own)."
        )
    if index.up_to:
        lines.append(f"Searches for up to {index.up_to} go by it.")
    return lines if index.note is None else [*lines, f"{index.model}: {index.note}"]
