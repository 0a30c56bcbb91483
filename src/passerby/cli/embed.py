"""`passerby embed`."""

from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.options import (
    MODEL,
    AllowTorchscript,
    AsJson,
    Device,
    ModelArgument,
    Precision,
    Runtime,
    SkipUnreadable,
    argument,
    option,
)
from passerby.cli.plugin_option import with_plugins
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import USE, command

ORDER = 20

_ABOUT = """Embed images: a table with one feature per image.

IMAGES are files, folders, or tables (CSV or Parquet with a column `path`). An interrupted run continues where it
stopped when the same command is given again.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app,
        "embed",
        with_plugins(embed),
        _ABOUT,
        "passerby embed runs/market photos/ --out features.parquet",
        "passerby embed tiny-clip crops/ --pattern '{camera}/*.jpg'",
        panel=USE,
    )


def embed(
    model: ModelArgument,
    images: Annotated[list[Path], argument("IMAGES", "Image files, folders, or tables.")],
    out: Annotated[Path, option("FILE", "The Parquet file to write.", "--out", "-o")] = Path("features.parquet"),
    pattern: Annotated[
        str | None,
        option("PATTERN", "How paths end where labels stand in them: '{camera}/*.jpg', '{camera}/{identity}_*'."),
    ] = None,
    batch_size: Annotated[int, option("N", "Images embedded at once.", panel=MODEL, at_least=1)] = 64,
    device: Device = None,
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    network: Annotated[
        str | None, option("NAME", "Of a run of cion: teacher or student; default: as its recipe says.", panel=MODEL)
    ] = None,
    skip_unreadable: SkipUnreadable = False,
    allow_torchscript: AllowTorchscript = False,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.embed import embed as embed_images

    written = embed_images(
        model,
        images,
        out,
        pattern=pattern,
        batch_size=batch_size,
        skip_unreadable=skip_unreadable,
        device=device,
        runtime=runtime,
        precision=precision,
        network=network,
        allow_torchscript=allow_torchscript,
    )
    told = {"out": out, "rows": written.rows, "embed_dim": written.embed_dim, "skipped": written.skipped}
    if emit(told | {"computing": written.computing.record()}, as_json):
        return
    skipped = f", {written.skipped:,} unreadable images left out" if written.skipped else ""
    echo(f"{out}: {written.rows:,} features of {written.embed_dim} dimensions{skipped}")
    if written.mean_camera:
        echo("Camera embedding: the mean of the trained cameras.")
