"""`passerby zoo`: published pre-trained backbones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from passerby.cli.echo import echo
from passerby.cli.help import USE, command, group
from passerby.cli.options import AsJson, argument, option

if TYPE_CHECKING:
    from passerby.models.zoo.catalogue import PublishedResult, ZooEntry

ORDER = 21

_ABOUT = "Published pre-trained backbones: list them, and convert their official files for passerby."

_LIST = """List published backbones with size, cost and published results.

Results are those of their authors: mAP after supervised fine-tuning. Costs are for an image of 256×128.
"""

_SHOW = "Show everything about one backbone: results, settings of fine-tuning, how to get its file, licence."

_CONVERT = """Convert an official file of weights, so that `passerby embed`, `eval` and recipes take it.

The file is read without running any code in it; every tensor must fit. What a licence forbids with the official file,
it forbids with the converted one.
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    zoo = group(_ABOUT, "passerby zoo list")
    command(zoo, "list", list_zoo, _LIST, "passerby zoo list")
    command(zoo, "show", show, _SHOW, "passerby zoo show resnet50_ibn")
    command(zoo, "convert", convert, _CONVERT, "passerby zoo convert ResNet50_IBN.pth -o resnet50_ibn.safetensors")
    app.add_typer(zoo, name="zoo", rich_help_panel=USE)


def list_zoo(as_json: AsJson = False) -> None:
    """Parse, run, print."""
    from passerby.cli.output import emit
    from passerby.models.zoo.catalogue import entries

    if emit([_as_json(entry) for entry in entries()], as_json):
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(
        Column("name", no_wrap=True), "params", "GMACs", "Market", "MSMT17", "tuned by", box=SIMPLE, pad_edge=False
    )
    for entry in entries():
        table.add_row(entry.name, f"{entry.parameters:.2f}", f"{entry.macs:.2f}", *_published(entry))
    Console().print(table)
    echo("params in millions; Market-1501 and MSMT17: mAP in percent, as published. None of these comes with passerby.")
    for collection in dict.fromkeys(entry.collection for entry in entries()):
        echo(f"\n{collection.title}: {collection.training}")
        echo(f"  obtain: {collection.obtain}")
        echo(f"  licence: {collection.licence}")


def show(
    name: Annotated[str, argument("NAME", "A name of `passerby zoo list`.")],
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.output import emit
    from passerby.models.zoo.catalogue import count_operations, find_entry, published_results

    entry = find_entry(name)
    if emit(_as_json(entry), as_json):
        return
    parameters, macs = count_operations(entry.architecture)
    collection = entry.collection
    echo(f"{entry.name}: {entry.title}, {collection.title}")
    echo(f"  trained by: {collection.training}")
    echo(f"  parameters: {entry.parameters:.2f} million as listed, {parameters:.2f} million counted")
    echo(f"  cost: {entry.macs:.2f} GMACs as listed, {macs:.2f} counted, for an image of 256×128")
    echo(f"  file: {entry.file or 'name not known'}")
    echo(f"  obtain: {collection.obtain}")
    echo(f"  licence: {collection.licence}")
    for result in published_results(entry.name):
        _print_result(result)
    echo(f"  use: passerby zoo convert FILE -o backbone.safetensors --as {entry.name}")


def convert(
    file: Annotated[Path, argument("FILE", "The official file.")],
    out: Annotated[Path, option("FILE", "The .safetensors file to write; it must not exist. Required.", "--out", "-o")],
    name: Annotated[
        str | None, option("NAME", "A backbone of `passerby zoo list`; default: recognised by its tensors.", "--as")
    ] = None,
    size: Annotated[str, option("HxW", "Height and width of the images it will embed.")] = "256x128",
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.output import emit
    from passerby.models.zoo.files import convert_backbone

    description = convert_backbone(file, out, name, _size(size))
    if emit({"out": out, **description}, as_json):
        return
    echo(f"{out}: {description['architecture']}, weights {description['weights']}")
    echo(f"Licence: {description['licence']}. It holds for this file too.")


def _size(text: str) -> tuple[int, int]:
    height, separator, width = text.partition("x")
    if not (separator and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise typer.BadParameter(f"--size must be HEIGHTxWIDTH, like 256x128, not {text!r}")
    return int(height), int(width)


def _published(entry: "ZooEntry") -> tuple[str, str, str]:
    from passerby.models.zoo.catalogue import published_results

    results = published_results(entry.name)
    if not results:
        return "–", "–", "–"
    scores = results[0].scores
    return f"{scores['market1501'].map:.1f}", f"{scores['msmt17'].map:.1f}", results[0].method


def _print_result(result: "PublishedResult") -> None:
    echo(f"  published, {result.method} at {result.size[0]}×{result.size[1]}:")
    for data, score in result.scores.items():
        gain = "" if score.map_gain is None else f" (+{score.map_gain:.1f} against ImageNet's weights)"
        echo(f"    {data}: mAP {score.map:.1f}{gain}, rank-1 {score.rank1:.1f}")
        if data in result.settings:
            how = result.settings[data]
            echo(
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
