"""`passerby doctor`."""

from itertools import groupby

import typer

from passerby.cli.options import AsJson
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import START, command

ORDER = 4

_ABOUT = """Look at the installation: versions, processor, GPU, runtimes, cache and disk, and what is wrong.

Every problem has its remedy beside it. Exits with 1 if there are problems, 0 if only notes. Please add the output when
you report a mistake: the home folder is shown as ~ in it.
"""

_MARKS = {"ok": " ", "note": "·", "problem": "!"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor", doctor, _ABOUT, "passerby doctor", panel=START)


def doctor(as_json: AsJson = False) -> None:
    """Look, print, and exit with 1 where something will fail."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.doctor.doctor import examine

    found = examine()
    problems = sum(each.state == "problem" for each in found)
    if not emit({"problems": problems, "findings": [each._asdict() for each in found]}, as_json):
        width = max(len(each.name) for each in found)
        for topic, rows in groupby(found, key=lambda each: each.topic):
            echo(f"{topic}:")
            for row in rows:
                echo(f"{_MARKS[row.state]} {row.name:<{width}}  {row.value}")
                if row.remedy and row.state != "ok":
                    echo(f"  {'':<{width}}  → {row.remedy}")
            echo()
        echo(f"{problems} problem{'s' * (problems != 1)}, marked with !" if problems else "Nothing is wrong.")
    if problems:
        raise typer.Exit(1)
