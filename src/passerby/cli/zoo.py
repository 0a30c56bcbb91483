"""`passerby zoo`: published models, and the files they come in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from passerby.cli.options import AsJson, argument, flag, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import USE, command, group

if TYPE_CHECKING:
    from passerby.models.zoo.catalogue import PublishedResult, ZooEntry

ORDER = 21

_ABOUT = "Published models: list them, get their files, convert those of backbones, check model files and cards."

_LIST = """List published model files and backbones with size, cost and published results.

Results are those of their authors; of backbones, mAP after supervised fine-tuning. Costs are for an image of 256×128.
"""

_SHOW = "Show everything about one model: results, how to get its file, licence, and its card."

_GET = """Fetch the files of a published model, checked by their hashes.

They go to $PASSERBY_CACHE/zoo (~/.cache/passerby/zoo); what broke off is continued. Then the name stands for the file:
passerby eval NAME. PASSERBY_ZOO_MIRROR names an address or a folder that holds NAME/FILE; with PASSERBY_OFFLINE=1 no
server is asked.
"""

_CHECK = """Run a model file on a drawn picture, and compare with its card.

A card, NAME.card.yaml beside the file, says what the model takes and gives. If there is none, one to fill in is shown.
"""

_CONVERT = """Convert an official file of weights, so that `passerby embed`, `eval` and recipes take it.

The file is read without running any code in it; every tensor must fit. What a licence forbids with the official file,
it forbids with the converted one.
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    zoo = group(_ABOUT, "passerby zoo list")
    command(zoo, "list", list_zoo, _LIST, "passerby zoo list")
    command(zoo, "show", show, _SHOW, "passerby zoo show yolox-tiny", "passerby zoo show resnet50_ibn")
    command(zoo, "get", get, _GET, "passerby zoo get yolox-tiny")
    command(zoo, "convert", convert, _CONVERT, "passerby zoo convert ResNet50_IBN.pth -o resnet50_ibn.safetensors")
    command(zoo, "check", check, _CHECK, "passerby zoo check model.onnx", "passerby zoo check --keys")
    app.add_typer(zoo, name="zoo", rich_help_panel=USE)


def list_zoo(as_json: AsJson = False) -> None:
    """Parse, run, print."""
    from passerby.cli.printing.output import emit
    from passerby.cli.printing.zoo_models import model_as_json, print_models
    from passerby.models.zoo.catalogue import entries
    from passerby.models.zoo.published import published_model, published_names

    models = [model_as_json(published_model(name)) for name in published_names()] if as_json else []
    if emit([*models, *(_as_json(entry) for entry in entries())], as_json):
        return
    print_models()
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
        echo()
        echo(f"{collection.title}: {collection.training}")
        echo(f"  obtain: {collection.obtain}")
        echo(f"  licence: {collection.licence}")


def show(
    name: Annotated[str, argument("NAME", "A name of `passerby zoo list`.")],
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.printing.output import emit
    from passerby.cli.printing.zoo_models import model_as_json, print_model
    from passerby.models.zoo.catalogue import count_operations, find_entry, published_results
    from passerby.models.zoo.published import published_model, published_names

    if name in published_names():
        if not emit(model_as_json(published_model(name)), as_json):
            print_model(published_model(name))
        return
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


def get(
    name: Annotated[str, argument("NAME", "A name of `passerby zoo list`.")],
    accept_terms: Annotated[bool, flag("--accept-terms", "Agree to terms that forbid commercial use.")] = False,
    hashes: Annotated[
        list[str] | None,
        option("FILE=HASH", "SHA-256 or SHA-384 of a file whose hash is not known here.", "--hash"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.printing.output import emit
    from passerby.models.zoo.fetching import fetch_model
    from passerby.models.zoo.published import published_model

    file = fetch_model(_published_name(name), accept_terms=accept_terms, hashes=_hashes(hashes or []))
    terms = published_model(name).terms
    if emit({"name": name, "file": file, "licence": terms.model_dump()}, as_json):
        return
    echo(f"{file}")
    echo(f"Licence: code {terms.code}; weights {terms.weights}; data: {terms.data}.")


def check(
    source: Annotated[str, argument("[MODEL]", "An .onnx or OpenVINO .xml file, or a name of the zoo.")] = "",
    keys: Annotated[bool, flag("--keys", "List the keys of a card with their meanings.")] = False,
    picture: Annotated[Path | None, option("FILE", "Also write the drawn picture, a .png.")] = None,
    write_reference: Annotated[
        bool, flag("--write-reference", "Put what the model gives into a card that has no reference.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.printing.output import emit
    from passerby.cli.printing.zoo_models import print_card_keys, print_check
    from passerby.inference.card_check import check_model_file, write_check_picture

    if keys:
        print_card_keys()
        return
    if picture is not None:
        write_check_picture(picture)
    if not source:
        if picture is None:
            raise typer.BadParameter("name a model file, or ask for --keys or --picture")
        return
    found = check_model_file(source, write_reference=write_reference)
    content = {
        "file": found.file,
        "runtime": found.runtime,
        "inputs": [str(port) for port in found.inputs],
        "outputs": [str(port) for port in found.outputs],
        "cosine": found.cosine,
        "card": found.card.model_dump(mode="json"),
    }
    if not emit(content, as_json):
        print_check(found.file, content)


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
    from passerby.cli.printing.output import emit
    from passerby.models.zoo.files import convert_backbone

    description = convert_backbone(file, out, name, _size(size))
    if emit({"out": out, **description}, as_json):
        return
    echo(f"{out}: {description['architecture']}, weights {description['weights']}")
    echo(f"Licence: {description['licence']}. It holds for this file too.")


def _published_name(name: str) -> str:
    """The name, if it is that of a model file; backbones are got in other ways, which the error tells."""
    from passerby.errors import CheckpointError
    from passerby.models.zoo.catalogue import entries
    from passerby.models.zoo.published import published_names

    if name not in published_names():
        backbone = next((entry for entry in entries() if entry.name == name), None)
        if backbone is not None:
            raise CheckpointError(
                f"{name}: may not be passed on, so it cannot be fetched: {backbone.collection.obtain}; then convert "
                "its file with `passerby zoo convert`"
            )
    return name


def _hashes(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        file, equals, digest = pair.partition("=")
        if not (equals and file and digest):
            raise typer.BadParameter(f"--hash must be FILE=HASH, not {pair!r}")
        found[file] = digest
    return found


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
        "kind": "backbone",
        "architecture": entry.architecture,
        "collection": collection.title,
        "training": collection.training,
        "obtain": collection.obtain,
        "licence": collection.licence,
        "results": [asdict(result) for result in published_results(entry.name)],
    }
