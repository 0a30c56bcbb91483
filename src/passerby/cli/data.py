"""`passerby data`: look at data before using it."""

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from passerby.cli.options import AsJson, argument, flag, option
from passerby.cli.plugin_option import with_plugins
from passerby.cli.printing.echo import cell
from passerby.cli.printing.help import DATA, command, group
from passerby.printable import printable_line

ORDER = 30

_ABOUT = "Look at data before using it: public benchmarks and your own."

_CHECK = """Count images, identities and cameras; look for what makes results wrong.

Looks for images that are damaged, missing or there twice, identities in both train and test, identities seen by one
camera only, and queries that nothing in the gallery matches. Exits with 1 if it finds problems, 0 if only remarks.
"""

_CHECK_EXAMPLES = (
    "passerby data check market1501 --root /data/Market-1501-v15.09.15",
    "passerby data check people.parquet",
)

_LIST = "List the public benchmarks: their counts, how to get them, their terms."

if TYPE_CHECKING:
    from rich.console import Console

    from passerby.data.benchmarks.public_benchmark import Counts, PublicBenchmark
    from passerby.data.checks.findings import Inspection


def register(app: typer.Typer) -> None:
    """Add `data check` and `data list`."""
    data = group(_ABOUT, "passerby data list")
    command(data, "check", with_plugins(check), _CHECK, *_CHECK_EXAMPLES)
    command(data, "list", with_plugins(list_benchmarks), _LIST, "passerby data list")
    app.add_typer(data, name="data", rich_help_panel=DATA)


def check(
    data: Annotated[str, argument("DATA", "A benchmark's name, or a table or folder of your own.")],
    root: Annotated[
        Path | None, option("DIR", "The folder that holds the benchmark's sub-folders, or its parent.")
    ] = None,
    fast: Annotated[bool, flag("--fast", "Do not decode images: damaged ones are not found.")] = False,
    workers: Annotated[
        int | None, option("N", "Processes that read images; default: one per core.", at_least=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Parse, inspect, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.data_check import check_data

    inspection = check_data(data, root, decode=not fast, workers=workers, show_progress=sys.stderr.isatty())
    if not emit(inspection.to_json(), as_json):
        _print_inspection(inspection)
    if not inspection.sound:
        raise typer.Exit(1)


def list_benchmarks(as_json: AsJson = False) -> None:
    """Print what `BENCHMARKS` holds."""
    from passerby.cli.printing.output import emit
    from passerby.data.benchmarks import BENCHMARKS
    from passerby.plugins import load_installed_plugins

    load_installed_plugins()
    if emit([_as_json(public) for public in BENCHMARKS.values()], as_json):
        return
    from rich import box
    from rich.table import Table

    console = _console()
    table = Table(
        title="Public benchmarks: images/identities",
        caption="* not confirmed on the data itself",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in ("name", "train", "query", "gallery", "cameras"):
        table.add_column(column, justify="left" if column == "name" else "right", no_wrap=True)
    listed = _without_repetitions(BENCHMARKS.values())
    for name, public in listed.items():
        counts = public.counts
        cells = ["–"] * 3 if counts is None else [_cell(size) for size in counts.by_part().values()]
        mark = "" if counts is None or counts.confirmed else " *"
        table.add_row(cell(name + mark), *cells, str(len(public.cameras) or "–"))
    console.print(table)
    for name, public in listed.items():
        told = f"[bold]{cell(name)}[/]: {cell(public.obtain)}. [dim]Terms: {cell(public.terms)}.[/]"
        console.print(told, highlight=False)


def _without_repetitions(benchmarks: Iterable["PublicBenchmark"]) -> "dict[str, PublicBenchmark]":
    """Those of different files, by name; of several splits of the same files the first, as `ilids-vid … -10`."""
    listed = {}
    for _, same in groupby(benchmarks, key=lambda public: (public.folders, public.contents)):
        first, *others = same
        listed[f"{first.name} … {others[-1].name.removeprefix(first.name)}" if others else first.name] = first
    return listed


def _as_json(public: "PublicBenchmark") -> dict[str, object]:
    counts = public.counts
    return {
        "name": public.name,
        "title": public.title,
        "folders": list(public.folders),
        "cameras": len(public.cameras) or None,
        "counts": None
        if counts is None
        else {part: size and size._asdict() for part, size in counts.by_part().items()},
        "confirmed": counts is not None and counts.confirmed,
        "obtain": public.obtain,
        "terms": public.terms,
    }


def _cell(counts: "Counts | None") -> str:
    if counts is None:
        return "–"
    return f"{counts.images:,}" + ("" if counts.identities is None else f"/{counts.identities:,}")


def _print_inspection(inspection: "Inspection") -> None:
    from rich.table import Table

    console = _console()
    with_published = any(summary.published is not None for summary in inspection.splits)
    table = Table(title=cell(inspection.name))
    for column in ("split", "images", "identities", "cameras", *(["published"] if with_published else []), "in"):
        justify: Literal["left", "right"] = "right" if column in {"images", "identities", "cameras"} else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for summary in inspection.splits:
        sizes = ["unknown" if number is None else f"{number:,}" for number in summary.counts]
        if with_published:
            published = summary.published or (None, None, None)
            sizes.append(" / ".join("–" if number is None else f"{number:,}" for number in published))
        table.add_row(summary.part, *sizes, cell(str(summary.location)))
    console.print(table)
    for finding in inspection.findings:
        style = "bold red" if finding.severity == "problem" else "yellow"
        console.print(f"[{style}]{finding.severity}[/]", end=" ")
        console.print(printable_line(finding.message), markup=False, highlight=False, soft_wrap=True)
    if not inspection.decoded:
        console.print("images were not decoded (--fast): damaged ones are not found", soft_wrap=True)
    if not inspection.findings:
        console.print("nothing to remark on")


def _console() -> "Console":
    from rich.console import Console

    return Console()
