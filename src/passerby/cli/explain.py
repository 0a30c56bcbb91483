"""`passerby explain`."""

from pathlib import Path

import typer

_EXAMPLE = """Draw what a model looks at: weights of patches and the strongest anchors, as maps over each image.

[bold]Example[/bold]: passerby explain runs/saga query/0003_c1.jpg --occlusion rectangle --level 0.4

For SAGA the maps are the weights that pool the patches, the anchors that drew most attention, and the class token's
attention in the last block; for CLIP-ReID the last. With --occlusion each image is shown whole and hidden.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", help=_EXAMPLE)(explain)


def explain(
    model: str = typer.Argument(help="A run's folder, a file of weights of ours, or an official checkpoint."),
    images: list[Path] = typer.Argument(help="Image files."),
    out: Path = typer.Option(Path("explain.png"), "--out", "-o", help="The picture to write: .png, .svg or .pdf."),
    anchors: int = typer.Option(3, "--anchors", min=0, help="How many of SAGA's anchors to show."),
    occlusion: str | None = typer.Option(
        None, "--occlusion", help="Also hide each image: rectangle, bottom, patches or people."
    ),
    level: float | None = typer.Option(
        None, "--level", min=0, max=1, help="Share of the image that is hidden; default: 0.4."
    ),
    fill: str | None = typer.Option(None, "--fill", help="What hides: grey, noise or mean; default: grey."),
    donor: Path | None = typer.Option(None, "--donor", help="The image of another person, who hides (people)."),
    device: str | None = typer.Option(None, "--device", help="cpu, cuda, …; default: a GPU where there is one."),
    allow_torchscript: bool = typer.Option(False, "--allow-torchscript", help="Open TorchScript archives you trust."),
    as_json: bool = typer.Option(False, "--json", help="Print the share of each map on what is hidden as JSON."),
) -> None:
    """Parse, run, print."""
    import json
    from typing import Any, cast, get_args

    from passerby.data.occlusion.occlude import Condition, Fill
    from passerby.workflows import explain as report

    if occlusion is not None and occlusion not in get_args(Condition):
        raise typer.BadParameter(f"--occlusion must be one of {', '.join(get_args(Condition))}, not {occlusion!r}")
    hiding: dict[str, Any] = {"level": level, "fill": fill, "donor": donor}
    given = {name: value for name, value in hiding.items() if value is not None}
    if occlusion is None and given:
        raise typer.BadParameter(f"{', '.join(f'--{name}' for name in given)}: does nothing without --occlusion")
    if fill is not None and fill not in get_args(Fill):
        raise typer.BadParameter(f"--fill must be one of {', '.join(get_args(Fill))}, not {fill!r}")
    request = report.ExplainRequest(
        model=model,
        images=tuple(images),
        out=out,
        anchors=anchors,
        occlusion=cast("Condition | None", occlusion),
        device=device,
        allow_torchscript=allow_torchscript,
        **given,
    )
    explained = report.explain(request)
    if as_json:
        found = [
            {
                "image": each.name,
                "hidden": None if each.hidden is None else float(each.hidden.mean()),
                "on_hidden": each.weight_on_hidden(),
            }
            for each in explained
        ]
        typer.echo(json.dumps({"out": str(out), "images": found}, indent=2))
        return
    typer.echo(f"{out}: {len(explained)} images")
