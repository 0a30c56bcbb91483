"""`passerby gallery export` and `import`: galleries as tables."""

from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.gallery.arguments import GalleryArgument, Reason
from passerby.cli.options import MODEL, AsJson, BatchSize, Device, argument, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import command

_EXPORT = """Write a gallery into a table and a folder of pictures beside it.

One row for each picture, with times, identity and the tracklet's feature. When somebody in it is erased from the
gallery, the export is named, not removed.
"""

_IMPORT = """Put pictures or features of your own into a gallery, without video.

The table has a column path or embedding, and as far as known camera, video, track, time and identity; or is an export.
Rows of one track are one tracklet; each row without a track is a tracklet of its own, seen at once with nobody.
"""


def register_tables(gallery: typer.Typer) -> None:
    """Add the commands to the group."""
    command(gallery, "export", export, _EXPORT, "passerby gallery export gallery -o people.parquet")
    command(gallery, "import", import_, _IMPORT, "passerby gallery import people.parquet -o gallery")


def export(
    gallery: GalleryArgument,
    out: Annotated[Path, option("FILE", "The table, .parquet.", "--out", "-o")],
    model: Annotated[
        str | None, option("MODEL", "Whose features; needed where there are several.", panel=MODEL)
    ] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, export, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.exchange.export_gallery import export_gallery

    done = export_gallery(gallery, out, model=model, reason=reason)
    if not emit(done, as_json):
        echo(f"{done.table}: {done.tracklets:,} tracklets; {done.crops:,} pictures in {done.pictures}")


def import_(
    table: Annotated[Path, argument("TABLE", "Parquet or CSV.")],
    out: Annotated[str, option("GALLERY", "The gallery; made where it is missing.", "--out", "-o")],
    model: Annotated[
        str | None, option("MODEL", "Computes the features, or computed those of the table.", panel=MODEL)
    ] = None,
    features: Annotated[
        str | None, option("NAME", "Of features in the table that no model of passerby computed.", panel=MODEL)
    ] = None,
    device: Device = None,
    batch_size: BatchSize = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, import, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.exchange.import_table import import_table

    done = import_table(
        table,
        out,
        model=model,
        features=features,
        batch_size=batch_size or 64,
        reason=reason,
        device=device,
        show=True,
    )
    if not emit(done, as_json):
        echo(f"{done.new:,} tracklets are new, {done.known:,} were there before; {done.identities:,} people are new.")
        if done.erased:
            echo(f"{done.erased:,} were erased from the gallery earlier and were not added again.")
