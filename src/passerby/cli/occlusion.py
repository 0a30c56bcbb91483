"""`passerby occlusion`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import (
    DATA,
    AllowTorchscript,
    AsJson,
    BatchSize,
    CameraWeights,
    Data,
    Device,
    ModelArgument,
    Root,
    Settings,
    SkipAsTheRun,
    keys_option,
    option,
)
from passerby.cli.plugin_option import with_plugins
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import TRAINING, command

if TYPE_CHECKING:
    from passerby.config import Section
    from passerby.evaluation.occlusion_summary import ReportedOcclusion

ORDER = 12

_ABOUT = """Occlude the queries step by step, and measure how much accuracy each feature of the model keeps.

The gallery stays clean. All features of a model are compared from the same forward passes. A table, curves, metrics and
a manifest of what was done to each image go into occlusion/ of the run.
"""

_EXAMPLES = (
    "passerby occlusion runs/saga --condition rectangle --condition people",
    "passerby occlusion runs/market --condition bottom --levels 0.2,0.4 --runs 2 --fill noise",
)

_PLAN = "Occlusion"
Conditions = Annotated[
    list[str] | None,
    option(
        "NAME",
        "rectangle, bottom, patches or people; repeatable; default: rectangle and people.",
        "--condition",
        panel=_PLAN,
    ),
]
Levels = Annotated[str, option("X,X,...", "Shares of a query that are occluded.", panel=_PLAN)]
Runs = Annotated[int, option("N", "Repetitions with other places and people.", panel=_PLAN, at_least=1)]
Fill = Annotated[str, option("NAME", "What an occluded pixel becomes: grey, noise or mean.", panel=_PLAN)]
Masks = Annotated[
    Path | None,
    option("DIR", "Masks of the training images: people are pasted without their background.", panel=_PLAN),
]
Visibility = Annotated[
    Path | None,
    option("FILE", "A table of the visible fractions of queries; default: a synthetic world's own.", panel=DATA),
]


def _settings() -> "type[Section]":
    from passerby.workflows.evaluation_settings import DataSettings

    return DataSettings


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "occlusion", with_plugins(occlusion), _ABOUT, *_EXAMPLES, panel=TRAINING)


def occlusion(
    model: ModelArgument,
    conditions: Conditions = None,
    levels: Levels = "0.1,0.2,0.3,0.4,0.5,0.6,0.7",
    runs: Runs = 3,
    fill: Fill = "grey",
    masks: Masks = None,
    data: Data = None,
    root: Root = None,
    visibility: Visibility = None,
    out: Annotated[
        Path | None, option("DIR", "Receives occlusion/; default: the run, else evaluation/.", "--out", "-o")
    ] = None,
    batch_size: BatchSize = None,
    device: Device = None,
    camera_embedding: CameraWeights = None,
    allow_torchscript: AllowTorchscript = False,
    skip_unreadable: SkipAsTheRun = None,
    settings: Settings = None,
    _keys: Annotated[bool, keys_option(_settings)] = False,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.config import read_settings
    from passerby.workflows.evaluation_settings import CameraEmbedding, DataSettings

    chosen = read_settings(DataSettings, settings or ())
    from passerby.evaluation.occlusion_plan import OcclusionPlan  # torch, after what can be wrong without it
    from passerby.workflows.evaluation_request import EvaluationRequest
    from passerby.workflows.occlusion import occlusion_and_report

    plan = OcclusionPlan.parsed(conditions or None, _shares(levels), runs, fill, masks)
    request = EvaluationRequest(
        model=model,
        data=data,
        root=root,
        out=out,
        batch_size=batch_size,
        device=device,
        camera_embedding=CameraEmbedding.parsed(camera_embedding or ""),
        allow_torchscript=allow_torchscript,
        skip_unreadable=skip_unreadable,
        check_counts=chosen.check_counts,
    )
    print_occlusion(occlusion_and_report(request, plan, visibility), as_json=as_json)


def _shares(levels: str) -> tuple[float, ...]:
    try:
        return tuple(float(level) for level in levels.split(","))
    except ValueError:
        raise typer.BadParameter(f"--levels must be shares such as 0.1,0.3, not {levels!r}") from None


def print_occlusion(reported: "list[ReportedOcclusion]", *, as_json: bool) -> None:
    """Mean average precision of each feature under each condition, and where the rest is."""
    from rich.console import Console
    from rich.table import Table

    from passerby.cli.printing.output import emit

    if as_json:
        emit([json.loads((each.folder / "metrics.json").read_text("utf-8")) for each in reported], as_json)
        return
    for each in reported:
        conditions = dict.fromkeys(row.condition for row in each.metrics if row.condition != "clean")
        for condition in conditions:
            shown = [row for row in each.metrics if row.condition in ("clean", condition)]
            levels = sorted({row.level for row in shown})
            table = Table(
                "feature",
                *(f"{100 * level:.0f} %" for level in levels),
                title=cell(f"{each.data}, {condition}: mAP by occluded share"),
            )
            for name in dict.fromkeys(row.feature for row in shown):
                values = {row.level: 100 * row.mAP.mean for row in shown if row.feature == name}
                table.add_row(cell(name), *(f"{values[level]:.1f}" for level in levels))
            Console().print(table)
        echo(f"Table, curves, metrics and manifest: {each.folder}")
