"""`passerby associations`."""

import json
from pathlib import Path

import typer

_EXAMPLE = """Write the page that shows whom CCAFL linked across cameras, to confirm or reject by hand.

[bold]Example[/bold]: passerby associations runs/ccafl -o links.html

The page shows the most doubtful and the longest links as pairs of crops, and saves what you decide as decisions.csv:
name that file as association.constraints in the next training, which obeys it.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("associations", help=_EXAMPLE)(associations)


def associations(
    run: Path = typer.Argument(help="The folder of a CCAFL run, also of one that is still training."),
    out: Path | None = typer.Option(None, "--out", "-o", help="The page; default RUN/report/associations.html."),
    epoch: int | None = typer.Option(None, "--epoch", min=1, help="Whose links, from 1; by default the last's."),
    links: int = typer.Option(40, "--links", min=1, help="How many links each section shows."),
    crops: int = typer.Option(4, "--crops", min=1, help="How many images of each person are shown."),
    as_json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Parse, write, print."""
    from passerby.workflows.associations import AssociationRequest, write_association_page

    found = write_association_page(AssociationRequest(run, out, epoch, links, crops))
    if as_json:
        typer.echo(json.dumps({"page": str(found.page), "epoch": found.epoch, **found.statistics.to_dict()}, indent=2))
        return
    typer.echo(f"Epoch {found.epoch}: {found.statistics.describe()}")
    typer.echo(f"Page: {found.page}")
