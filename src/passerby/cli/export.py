"""`passerby export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import (
    DATA,
    MODEL,
    AllowTorchscript,
    AsJson,
    ModelArgument,
    Root,
    Settings,
    keys_option,
    option,
)
from passerby.cli.plugin_option import with_plugins
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import USE, command

if TYPE_CHECKING:
    from passerby.config import Section

ORDER = 25

_Precision = Annotated[
    str, option("NAME", "fp32; fp16, half the size; int8, faster and less exact: judged by its mAP.")
]
_Data = Annotated[
    str | None,
    option(
        "DATA",
        "Images to compare on (for int8 with train, query and gallery): a benchmark's name, a table or a folder; "
        "default: drawn people.",
        panel=DATA,
    ),
]

_ABOUT = """Write a model as ONNX or OpenVINO: one file that runs without torch and passerby.

It takes uint8 RGB images at the model's size, any number at once, and gives features of length 1; normalisation is
inside. Before the file gets its name it is compared with the model on 64 crops or more; one that computes something
else is not kept, and the command ends with 1.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app,
        "export",
        with_plugins(export),
        _ABOUT,
        "passerby export runs/market --out exported --format onnx",
        panel=USE,
    )


def _settings() -> "type[Section]":
    from passerby.exporting import ExportSettings

    return ExportSettings


def export(
    model: ModelArgument,
    out: Annotated[Path, option("DIR", "The folder to write into.", "--out", "-o")] = Path("exported"),
    format: Annotated[str, option("NAME", "onnx or openvino.")] = "onnx",
    precision: _Precision = "fp32",
    data: _Data = None,
    root: Root = None,
    licence: Annotated[str | None, option("TEXT", "Licence of the weights, for the card.", panel=MODEL)] = None,
    network: Annotated[
        str | None, option("NAME", "Of a run of cion: teacher or student; default: as its recipe says.", panel=MODEL)
    ] = None,
    allow_torchscript: AllowTorchscript = False,
    settings: Settings = None,
    _keys: Annotated[bool, keys_option(_settings)] = False,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.export import export as write_files
    from passerby.workflows.export import export_settings

    written = write_files(
        model,
        out,
        format=format,  # type: ignore[arg-type]  # checked there
        precision=precision,  # type: ignore[arg-type]
        data=data,
        root=root,
        licence=licence,
        settings=export_settings(settings or ()),
        network=network,
        allow_torchscript=allow_torchscript,
    )
    if emit(written, as_json):
        return
    weights = written.file.with_suffix(".bin")
    size = sum(each.stat().st_size for each in {written.file, weights} if each.is_file())
    echo(f"{written.file}: {size / 1e6:,.1f} MB; {written.parity.told()}")
    if written.ranking is not None:
        echo(f"Rankings: {written.ranking.told()}")
    if written.text is not None and written.text_parity is not None:
        echo(f"{written.text}: {written.text_parity.told()}")
    echo(f"Card: {written.card}")
