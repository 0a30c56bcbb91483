"""`passerby demo`."""

from pathlib import Path

import typer

_EXAMPLE = """See everything work in minutes: draw synthetic people, train, evaluate, and write a page of rank lists.

[bold]Example[/bold]: passerby demo --out demo-run

Needs no data, weights, GPU or network.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", help=_EXAMPLE)(demo)


def demo(
    out: Path = typer.Option(Path("demo-run"), "--out", "-o", help="The folder for images, run and page."),
    seed: int = typer.Option(7, "--seed", min=0, help="Of the world and of the training."),
    as_json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Parse, run, print."""
    from passerby.cli import output
    from passerby.report.demo import run_demo

    made = run_demo(out, seed=seed)
    output.print_outcome([made.run], as_json=as_json)
    if not as_json:
        typer.echo(f"Images: {made.data}")
        typer.echo(
            f"Next: open the page in a browser, or try `passerby embed {made.run.folder} {made.data / 'query'}`."
        )
