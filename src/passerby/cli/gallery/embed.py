"""`passerby gallery embed`: features of a further model."""

from typing import Annotated

import typer

from passerby.cli.gallery.arguments import GalleryArgument
from passerby.cli.options import MODEL, AsJson, BatchSize, Device, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import command

_EMBED = """Compute features of a gallery's pictures with a further model, beside those that it has.

Searches go by the newest model unless --model names another. What has features of it already is left as it is; the
same command again, after videos were added, does the rest.
"""


def register_embed(gallery: typer.Typer) -> None:
    """Add the command to the group."""
    command(gallery, "embed", embed, _EMBED, "passerby gallery embed gallery --model runs/own")


def embed(
    gallery: GalleryArgument,
    model: Annotated[str, option("MODEL", "What `passerby embed` takes.", panel=MODEL)],
    device: Device = None,
    batch_size: BatchSize = None,
    as_json: AsJson = False,
) -> None:
    """Parse, embed, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.indexing.embed_gallery import embed_gallery

    done = embed_gallery(gallery, model, batch_size=batch_size or 64, device=device, show=True)
    if not emit(done, as_json):
        echo(f"{done.embedded:,} tracklets have features of {done.model} now.")
        if done.without_pictures:
            echo(f"{done.without_pictures:,} have no pictures, and none of it.")
