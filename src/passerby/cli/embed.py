"""`passerby embed`."""

from pathlib import Path

import typer

_EXAMPLE = """Embed images: a table of one feature per image.

[bold]Example[/bold]: passerby embed runs/market photos/ --out features.parquet

IMAGES are files, folders, or tables (CSV or Parquet with a column `path`). An interrupted run continues where it
stopped when the same command is given again.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("embed", help=_EXAMPLE)(embed)


def embed(
    weights: str = typer.Argument(help="A run's folder, a file of weights of ours, or an official checkpoint."),
    images: list[Path] = typer.Argument(help="Image files, folders, or tables."),
    out: Path = typer.Option(Path("features.parquet"), "--out", "-o", help="The Parquet file to write."),
    batch_size: int = typer.Option(64, "--batch-size", min=1, help="Images embedded at once."),
    device: str | None = typer.Option(None, "--device", help="cpu, cuda, …; default: a GPU where there is one."),
    network: str | None = typer.Option(
        None, "--network", help="Of a run of cion: teacher or student; default: as its recipe says."
    ),
    skip_unreadable: bool = typer.Option(False, "--skip-unreadable", help="Leave out images that cannot be decoded."),
    allow_torchscript: bool = typer.Option(False, "--allow-torchscript", help="Open TorchScript archives you trust."),
    as_json: bool = typer.Option(False, "--json", help="Print what was done as JSON."),
) -> None:
    """Parse, run, print."""
    import json

    import passerby
    from passerby.data.formats.open_data import list_images
    from passerby.inference.embedding_table import EMBEDDING_SUFFIXES, embed_to_table
    from passerby.output_paths import check_output_file

    check_output_file(out, EMBEDDING_SUFFIXES)
    split = list_images(images[0] if len(images) == 1 else images)
    model = passerby.load(weights, device=device, allow_torchscript=allow_torchscript, network=network)
    written = embed_to_table(
        model,
        split,
        out,
        batch_size=batch_size,
        skip_unreadable=skip_unreadable,
    )
    if as_json:
        typer.echo(
            json.dumps(
                {"out": str(out), "rows": written.rows, "dimension": model.embed_dim, "skipped": written.skipped}
            )
        )
    else:
        skipped = f", {written.skipped:,} unreadable images left out" if written.skipped else ""
        typer.echo(f"{out}: {written.rows:,} features of {model.embed_dim} dimensions{skipped}")
        if model.description.get("camera_count"):
            typer.echo("Camera embedding: the mean of the trained cameras.")
