"""`passerby demo`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import AsJson, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import START, command

if TYPE_CHECKING:
    from passerby.workflows.demo import DemoOutcome

ORDER = 0

_ABOUT = """See everything work in minutes, without data, weights, GPU or network.

Draws people of a synthetic world and a short video, trains a small CLIP-ReID on half of the people, searches for the
other half, clean and partly occluded, and writes one page that shows it all: samples, video, curves, rank lists.

The same seed gives the same results. Interrupted, the same command goes on; after a finished demo it makes another one.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "demo", demo, _ABOUT, "passerby demo --out demo-run", panel=START)


def demo(
    out: Annotated[Path, option("DIR", "The folder for images, video, run and page.", "--out", "-o")] = Path(
        "demo-run"
    ),
    seed: Annotated[int, option("N", "Seed of the synthetic world and of the training.", at_least=0)] = 7,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.occlusion import print_occlusion
    from passerby.cli.printing import output
    from passerby.workflows.demo import run_demo

    made = run_demo(out, seed=seed)
    if as_json:
        output.emit(_plain(made), as_json)
        return
    output.print_seed(made.run)
    print_occlusion([made.occlusion], as_json=False)
    echo(f"Images: {made.data}")
    echo(f"Video: {made.film}")
    echo(f"Everything in one page, open it in a browser: {made.page}")


def _plain(made: "DemoOutcome") -> dict[str, object]:
    """Metrics and places for JSON."""
    return {
        "seed": made.run.seed,
        "folder": made.run.folder,
        "page": made.page,
        "data": made.data,
        "film": made.film,
        "evaluations": [each.with_places() for each in made.run.evaluations],
        "occlusion": json.loads((made.occlusion.folder / "metrics.json").read_text("utf-8")),
    }
