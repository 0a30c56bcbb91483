"""`passerby compare`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from passerby.evaluation.comparison import Comparison

_EXAMPLE = """Compare evaluated runs: figures with intervals, paired tests against the first run, and a page.

[bold]Example[/bold]: passerby compare runs/baseline runs/clip-reid --out comparison
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare", help=_EXAMPLE)(compare)


def compare(
    runs: list[Path] = typer.Argument(help="Folders that hold metrics.json: runs, or what eval --out wrote."),
    out: Path = typer.Option(Path("comparison"), "--out", "-o", help="Where the pages and comparison.json go."),
    data: str | None = typer.Option(
        None, "--data", help="A data set's name in metrics.json; default: all that the runs have in common."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the comparison as JSON."),
) -> None:
    """Parse, compare, print."""
    from passerby.workflows.compare import compare_runs

    found = compare_runs([run.expanduser() for run in runs], out.expanduser(), data)
    if as_json:
        typer.echo(json.dumps([comparison.to_dict() for comparison in found], indent=2))
    else:
        _print(found)


def _print(found: list["Comparison"]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from passerby.report.comparison_page import certainty

    for comparison in found:
        table = Table(title=escape(comparison.data))
        table.add_column("run", overflow="fold")
        for column in ("mAP", "Δ mAP, 95 %, p", "rank-1", "Δ rank-1, 95 %, p"):
            table.add_column(column, justify="right", no_wrap=True)
        for run in comparison.runs:
            cells = []
            for figure in ("mAP", "rank1"):
                cells.append(f"{100 * run.figures[figure]:.1f}")
                tested = run.against_first.get(figure)
                lines = [f"{100 * tested.difference.value:+.1f}", *certainty(tested)] if tested else ["–"]
                cells.append("\n".join(lines))
            table.add_row(escape(run.name), *cells)
        Console().print(table)
        typer.echo(f"Page: {comparison.page}")
