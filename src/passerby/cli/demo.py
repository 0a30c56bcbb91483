"""`passerby demo`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import AsJson, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import START, command

if TYPE_CHECKING:
    from passerby.workflows.demo.road import DemoOutcome

ORDER = 0

_ABOUT = """See the whole road in minutes, without data, weights, GPU or network.

Draws videos of three cameras in which people recur, finds and follows them, puts them into a gallery, names some,
searches by picture and by sentence, holds it all against the truth, and writes one page that shows each step.

Interrupted, the same command goes on. After a finished demo it shows the gallery as it is then, with whatever was
corrected or erased. The same seed gives the same videos.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "demo", demo, _ABOUT, "passerby demo --out demo-run", panel=START)


def demo(
    out: Annotated[Path, option("DIR", "The folder for videos, gallery and page.", "--out", "-o")] = Path("demo-run"),
    seed: Annotated[int, option("N", "Seed of the drawn world.", at_least=0)] = 7,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.demo.road import run_demo

    made = run_demo(out, seed=seed, processes=os.cpu_count() or 1)
    if not emit(made.summary(), as_json):
        _print(made)


def _print(made: "DemoOutcome") -> None:
    figures = made.figures
    tracks, joins = figures.tracking.figures()["all together"], figures.joins
    echo(f"Tracks: HOTA {tracks['HOTA']:.1%}, IDF1 {tracks['IDF1']:.1%}")
    echo(
        f"Who is who: {joins.precision:.1%} of what was joined belongs together, and {joins.recall:.1%} of what does is"
    )
    for name, found in (("picture", figures.found.by_picture), ("sentence", figures.found.by_sentence)):
        echo(f"Search by {name}: right first {found.rank1:.1%}, mAP {found.mAP:.1%}")
    echo(f"Everything in one page, open it in a browser: {made.folder.page}")
    echo(f"The gallery in the browser: passerby serve {made.folder.gallery}")
