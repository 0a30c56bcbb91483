"""`passerby demo`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from passerby.workflows.demo import DemoOutcome

_EXAMPLE = """See everything work in minutes, without data, weights, GPU or network.

Draws people of a synthetic world and a short video, trains a small CLIP-ReID on half of the people, searches for the
other half, clean and partly hidden, and writes one page that shows it all: samples, video, curves, rank lists.

[bold]Example[/bold]: passerby demo --out demo-run

The same seed gives the same figures. Interrupted, the same command goes on; after a finished demo it makes another one.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", help=_EXAMPLE)(demo)


def demo(
    out: Path = typer.Option(Path("demo-run"), "--out", "-o", help="The folder for images, video, run and page."),
    seed: int = typer.Option(7, "--seed", min=0, help="Of the world and of the training."),
    as_json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Parse, run, print."""
    from passerby.cli import output
    from passerby.cli.occlusion import print_occlusion
    from passerby.workflows.demo import run_demo

    made = run_demo(out, seed=seed)
    if as_json:
        typer.echo(json.dumps(_plain(made), indent=2))
        return
    output.print_outcome([made.run], as_json=False)
    print_occlusion([made.occlusion], as_json=False)
    typer.echo(f"Images: {made.data}")
    typer.echo(f"Video: {made.film}")
    typer.echo(f"Everything in one page, open it in a browser: {made.page}")


def _plain(made: "DemoOutcome") -> dict[str, object]:
    """Figures and places for JSON."""
    return {
        "seed": made.run.seed,
        "folder": str(made.run.folder),
        "page": str(made.page),
        "data": str(made.data),
        "film": str(made.film),
        "evaluations": [each.with_places() for each in made.run.evaluations],
        "occlusion": json.loads((made.occlusion.folder / "figures.json").read_text("utf-8")),
    }
