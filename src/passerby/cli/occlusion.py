"""The options of `passerby eval --occlusion`: parsed, and what came of them printed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from passerby.evaluation.occlusion import OcclusionPlan
    from passerby.evaluation.occlusion_summary import ReportedOcclusion


DEFAULTS = ("0.1,0.2,0.3,0.4,0.5,0.6,0.7", 3, "grey")
"""Levels, runs and fill."""


def check_only_with_occlusion(
    conditions: list[str], given: tuple[str, int, str, Path | None], *, visible: Path | None
) -> None:
    """Refuse options of the experiment where there is none: levels, runs, fill, masks, the table of fractions."""
    if not conditions and (given != (*DEFAULTS, None) or visible is not None):
        raise typer.BadParameter(
            "--occlusion-… and --visible say how queries are hidden: name what hides by --occlusion"
        )


def parse_plan(conditions: list[str], levels: str, runs: int, fill: str, masks: Path | None) -> "OcclusionPlan":
    """The options as a plan; a usage error names the option that is wrong."""
    from passerby.data.occlusion.occlude import Condition, Fill
    from passerby.evaluation.occlusion import OcclusionPlan

    for each in conditions:
        if each not in get_args(Condition):
            raise typer.BadParameter(f"--occlusion must be one of {', '.join(get_args(Condition))}, not {each!r}")
    if fill not in get_args(Fill):
        raise typer.BadParameter(f"--occlusion-fill must be one of {', '.join(get_args(Fill))}, not {fill!r}")
    try:
        shares = tuple(sorted({float(level) for level in levels.split(",")} - {0.0}))
    except ValueError:
        raise typer.BadParameter(f"--occlusion-levels must be shares such as 0.1,0.3, not {levels!r}") from None
    if not shares or shares[0] < 0 or shares[-1] > 1:
        raise typer.BadParameter(f"--occlusion-levels must lie between 0 and 1, not {levels!r}")
    chosen = tuple(dict.fromkeys(cast("list[Condition]", conditions)))
    return OcclusionPlan(chosen, shares, runs, cast("Fill", fill), masks)


def print_occlusion(reported: "list[ReportedOcclusion]", *, as_json: bool) -> None:
    """Mean average precision of each readout under each condition, and where the rest is."""
    if as_json:
        found = [json.loads((each.folder / "figures.json").read_text("utf-8")) for each in reported]
        typer.echo(json.dumps(found, indent=2))
        return
    for each in reported:
        conditions = dict.fromkeys(figure.condition for figure in each.figures if figure.condition != "clean")
        for condition in conditions:
            shown = [figure for figure in each.figures if figure.condition in ("clean", condition)]
            levels = sorted({figure.level for figure in shown})
            table = Table(
                "readout",
                *(f"{100 * level:.0f} %" for level in levels),
                title=f"{each.data}, {condition}: mAP by hidden share",
            )
            for name in dict.fromkeys(figure.readout for figure in shown):
                values = {figure.level: 100 * figure.mAP.mean for figure in shown if figure.readout == name}
                table.add_row(name, *(f"{values[level]:.1f}" for level in levels))
            Console().print(table)
        typer.echo(f"Table, curves, figures and manifest: {each.folder}")
