"""`passerby associations`."""

from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.options import AsJson, argument, option
from passerby.cli.plugin_option import with_plugins
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import TRAINING, command

ORDER = 15

_ABOUT = """Write a page of the links that CCAFL made between cameras, to confirm or reject by hand.

The page shows the most doubtful and the longest links as pairs of crops, and saves your decisions as constraints.csv:
name that file as association.constraints in the next training, which obeys it.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app,
        "associations",
        with_plugins(associations),
        _ABOUT,
        "passerby associations runs/ccafl -o links.html",
        panel=TRAINING,
    )


def associations(
    run: Annotated[Path, argument("RUN", "The folder of a CCAFL run, also of one that is still training.")],
    out: Annotated[
        Path | None, option("FILE", "The page; default: RUN/report/associations.html.", "--out", "-o")
    ] = None,
    epoch: Annotated[int | None, option("N", "Whose links, from 1; default: the last epoch's.", at_least=1)] = None,
    links: Annotated[int, option("N", "Most links in each section.", at_least=1)] = 40,
    crops: Annotated[int, option("N", "Most images of each person.", at_least=1)] = 4,
    as_json: AsJson = False,
) -> None:
    """Parse, write, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.associations import AssociationRequest, write_association_page

    written = write_association_page(AssociationRequest(run, out, epoch, links, crops))
    if emit({"page": written.page, "epoch": written.epoch, **written.statistics.to_dict()}, as_json):
        return
    echo(f"Epoch {written.epoch}: {written.statistics.describe()}")
    echo(f"Page: {written.page}")
