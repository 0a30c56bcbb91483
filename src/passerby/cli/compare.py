"""`passerby compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import AsJson, argument, option
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import TRAINING, command

if TYPE_CHECKING:
    from passerby.evaluation.comparison import Comparison

ORDER = 13

_ABOUT = """Compare evaluated runs: metrics with intervals, paired tests against the first run, and a page.

Queries are paired and people resampled, so the intervals say how sure it is that two runs differ on such people.
"""


_TESTED = ("mAP", "rank1")


def register(app: typer.Typer) -> None:
    """Add the command."""
    example = "passerby compare runs/baseline runs/clip-reid --out comparison"
    command(app, "compare", compare, _ABOUT, example, panel=TRAINING)


def compare(
    runs: Annotated[list[Path], argument("RUN", "Evaluated runs, folders of seeds, or what `eval --out` wrote.")],
    out: Annotated[Path, option("DIR", "Receives the pages and comparison.json.", "--out", "-o")] = Path("comparison"),
    data: Annotated[
        str | None, option("NAME", "A data set's name in metrics.json; default: all that the runs share.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Parse, compare, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.compare import compare as compare_runs

    compared = compare_runs(runs, out, data)
    if not emit([comparison.to_dict() for comparison in compared], as_json):
        _print(compared)


def _print(compared: list["Comparison"]) -> None:
    from rich.console import Console
    from rich.table import Table

    from passerby.report.comparison_page import DISAGREEMENT, certainty, disagrees

    for comparison in compared:
        table = Table(title=cell(comparison.data))
        table.add_column("run", overflow="fold")
        for column in ("mAP", "Δ mAP, 95 %, p", "rank-1", "Δ rank-1, 95 %, p"):
            table.add_column(column, justify="right", no_wrap=True)
        for run in comparison.runs:
            cells = []
            for metric in _TESTED:
                spread = run.over_seeds.get(metric)
                cells.append(spread.percent() if spread else f"{100 * run.metrics[metric]:.1f}")
                tested = run.against_first.get(metric)
                lines = [f"{100 * tested.difference.value:+.1f}", *certainty(tested)] if tested else ["–"]
                cells.append("\n".join(lines))
            table.add_row(cell(run.name), *cells)
        Console().print(table)
        if any(disagrees(run.against_first[metric]) for run in comparison.runs[1:] for metric in _TESTED):
            echo(DISAGREEMENT)
        echo(f"Page: {comparison.page}")
