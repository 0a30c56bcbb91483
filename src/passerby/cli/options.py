"""How options are declared, and those that several commands have: one name, one meaning."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from passerby.config import Section

DATA, MODEL, PROTOCOL, SETTINGS = "Data", "Model", "Protocol", "Settings"
"""Headings of groups of options."""


def argument(takes: str, about: str) -> Any:
    """A positional argument: its name in the usage line, and its help."""
    return typer.Argument(metavar=takes, help=about)


def option(
    takes: str,
    about: str,
    *names: str,
    panel: str | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    show_default: bool = True,
) -> Any:
    """An option with a value.

    Args:
        takes: what stands for the value in the help, such as FILE, DIR or N.
        about: the help.
        names: by default the parameter's own.
        panel: the heading below which it is listed.
        at_least, at_most: numbers out of this range are refused.
        show_default: whether the help tells the default.
    """
    return typer.Option(
        *names, metavar=takes, help=about, rich_help_panel=panel, min=at_least, max=at_most, show_default=show_default
    )


def flag(name: str, about: str, panel: str | None = None) -> Any:
    """An option without a value."""
    return typer.Option(name, help=about, rich_help_panel=panel)


ModelArgument = Annotated[str, argument("MODEL", "A run's folder, a file of weights, or a known official checkpoint.")]
AsJson = Annotated[bool, flag("--json", "Print JSON instead of text.")]
AllowTorchscript = Annotated[
    bool, flag("--allow-torchscript", "Open TorchScript archives that you trust: they can run code.", MODEL)
]
BatchSize = Annotated[
    int | None, option("N", "Images embedded at once; default: the run's, else 64.", panel=MODEL, at_least=1)
]
CameraWeights = Annotated[
    str | None,
    option(
        "DATA[:WEIGHT]",
        "What an official checkpoint with camera embedding was trained on, so that cameras of that data use theirs, "
        "and the weight of the embedding (1 unless given).",
        panel=MODEL,
    ),
]
Data = Annotated[str | None, option("DATA", "A benchmark's name, a table or a folder; default: the run's.", panel=DATA)]
Device = Annotated[str | None, option("NAME", "cpu, cuda, …; default: a GPU where there is one.", panel=MODEL)]
Root = Annotated[
    Path | None, option("DIR", "Holds the benchmark; without --data, where the run's data is now.", panel=DATA)
]
Runtime = Annotated[
    Literal["auto", "torch", "onnx", "openvino"],
    option(
        "KIND",
        "What computes: torch, onnx or openvino; default: auto.",
        panel=MODEL,
    ),
]
Precision = Annotated[
    Literal["auto", "fp32", "bf16", "int8"],
    option(
        "KIND",
        "fp32; bf16 or int8, faster; auto: bf16 where it is as good on your images.",
        panel=MODEL,
    ),
]
Settings = Annotated[
    list[str] | None, option("KEY=VALUE", "Change a rarely used setting; repeatable.", "--set", panel=SETTINGS)
]
SkipAsTheRun = Annotated[
    bool | None,
    flag(
        "--skip-unreadable/--no-skip-unreadable",
        "Leave out images that cannot be decoded; default: as the run did on its own data, else no.",
        DATA,
    ),
]
SkipUnreadable = Annotated[bool, flag("--skip-unreadable", "Leave out images that cannot be decoded.", DATA)]


def keys_option(schema: Callable[[], "type[Section]"]) -> Any:
    """The option `--keys`, which lists what `--set` takes and ends the command.

    Args:
        schema: gives the section whose keys they are; called when they are listed.
    """

    def print_keys(wanted: bool) -> None:
        if wanted:
            from passerby.cli.printing.output import print_settings

            print_settings(schema())
            raise typer.Exit

    return typer.Option(
        "--keys",
        is_eager=True,
        callback=print_keys,
        rich_help_panel=SETTINGS,
        help="List the settings of --set with their defaults, and stop.",
    )
