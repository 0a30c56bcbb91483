"""`passerby zoo`: published pre-trained backbones."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from passerby.models.zoo.catalogue import PublishedResult, ZooEntry

_ABOUT = "Published pre-trained backbones: what there is, and their files as files of ours."

_LIST = """List published backbones with size, cost and what they reached.

[bold]Example[/bold]: passerby zoo list

Figures are those of their authors: mAP after supervised fine-tuning. Costs are for an image of 256×128.
"""

_SHOW = """Tell everything about one backbone: results, settings of fine-tuning, how to get its file, licence.

[bold]Example[/bold]: passerby zoo show resnet50_ibn
"""

_CONVERT = """Write an official file of weights as a file of ours, which `passerby embed`, `eval` and recipes take.

[bold]Example[/bold]: passerby zoo convert ResNet50_IBN.pth -o resnet50_ibn.safetensors

The file is read without running any code in it; every tensor must fit. What a licence forbids with the official file,
it forbids with the converted one.
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    zoo = typer.Typer(help=_ABOUT, no_args_is_help=True)
    zoo.command("list", help=_LIST)(list_zoo)
    zoo.command("show", help=_SHOW)(show)
    zoo.command("convert", help=_CONVERT)(convert)
    app.add_typer(zoo, name="zoo")


def list_zoo(as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table.")) -> None:
    """Parse, run, print."""
    from passerby.models.zoo.catalogue import entries

    if as_json:
        typer.echo(json.dumps([_as_json(entry) for entry in entries()], indent=2))
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(
        Column("name", no_wrap=True), "params", "GMACs", "Market", "MSMT17", "tuned by", box=SIMPLE, pad_edge=False
    )
    for entry in entries():
        table.add_row(entry.name, f"{entry.parameters:.2f}", f"{entry.macs:.2f}", *_figures(entry))
    Console().print(table)
    typer.echo(
        "params in millions; Market-1501 and MSMT17: mAP in percent, as published. None of these comes with passerby."
    )
    for collection in dict.fromkeys(entry.collection for entry in entries()):
        typer.echo(f"\n{collection.title}: {collection.training}")
        typer.echo(f"  obtain: {collection.obtain}")
        typer.echo(f"  licence: {collection.licence}")


def show(
    name: str = typer.Argument(help="A name of `passerby zoo list`."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of text."),
) -> None:
    """Parse, run, print."""
    from passerby.models.zoo.catalogue import count_operations, find_entry, published_results

    entry = find_entry(name)
    if as_json:
        typer.echo(json.dumps(_as_json(entry), indent=2))
        return
    parameters, macs = count_operations(entry.architecture)
    collection = entry.collection
    typer.echo(f"{entry.name}: {entry.title}, {collection.title}")
    typer.echo(f"  trained by: {collection.training}")
    typer.echo(f"  parameters: {entry.parameters:.2f} million as listed, {parameters:.2f} million counted")
    typer.echo(f"  cost: {entry.macs:.2f} GMACs as listed, {macs:.2f} counted, for an image of 256×128")
    typer.echo(f"  file: {entry.file or 'name not known'}")
    typer.echo(f"  obtain: {collection.obtain}")
    typer.echo(f"  licence: {collection.licence}")
    for result in published_results(entry.name):
        _print_result(result)
    typer.echo(f"  use: passerby zoo convert FILE -o backbone.safetensors --as {entry.name}")


def convert(
    file: Path = typer.Argument(help="The official file."),
    out: Path = typer.Option(..., "--out", "-o", help="The .safetensors file to write; it must not exist."),
    name: str | None = typer.Option(
        None, "--as", help="Which backbone it is: a name of `passerby zoo list`; default: recognised by its tensors."
    ),
    size: str = typer.Option("256x128", "--size", help="Height and width of the images it shall embed."),
    as_json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
) -> None:
    """Parse, run, print."""
    from passerby.models.zoo.files import convert_backbone

    description = convert_backbone(file, out, name, _size(size))
    if as_json:
        typer.echo(json.dumps({"out": str(out), **description}, indent=2))
        return
    typer.echo(f"{out}: {description['architecture']}, weights {description['weights']}")
    typer.echo(f"Licence: {description['licence']}. It holds for this file too.")


def _size(text: str) -> tuple[int, int]:
    height, separator, width = text.partition("x")
    if not (separator and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise typer.BadParameter(f"--size must be HEIGHTxWIDTH, like 256x128, not {text!r}")
    return int(height), int(width)


def _figures(entry: "ZooEntry") -> tuple[str, str, str]:
    from passerby.models.zoo.catalogue import published_results

    results = published_results(entry.name)
    if not results:
        return "–", "–", "–"
    scores = results[0].scores
    return f"{scores['market1501'].map:.1f}", f"{scores['msmt17'].map:.1f}", results[0].method


def _print_result(result: "PublishedResult") -> None:
    typer.echo(f"  published, {result.method} at {result.size[0]}×{result.size[1]}:")
    for data, score in result.scores.items():
        gain = "" if score.map_gain is None else f" (+{score.map_gain:.1f} against ImageNet's weights)"
        typer.echo(f"    {data}: mAP {score.map:.1f}{gain}, rank-1 {score.rank1:.1f}")
        if data in result.settings:
            how = result.settings[data]
            typer.echo(
                f"      batches of {how.batch_size}, learning rate {how.rate:g}, {how.warmup_epochs} epochs of warm-up"
            )


def _as_json(entry: "ZooEntry") -> dict[str, Any]:
    from dataclasses import asdict

    from passerby.models.zoo.catalogue import published_results

    collection = entry.collection
    return {
        **asdict(entry),
        "architecture": entry.architecture,
        "collection": collection.title,
        "training": collection.training,
        "obtain": collection.obtain,
        "licence": collection.licence,
        "results": [asdict(result) for result in published_results(entry.name)],
    }
