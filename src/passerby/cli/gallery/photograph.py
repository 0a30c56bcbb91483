"""`passerby search --find`: one of the people in a whole photograph."""

from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import MODEL, flag, option
from passerby.cli.printing.echo import echo

if TYPE_CHECKING:
    from passerby.workflows.indexing.photographs import FoundPerson
    from passerby.workflows.indexing.searcher import Query

WHO = "Who"
"""Heading of the options that say who is searched for."""

Find = Annotated[bool, flag("--find", "The picture is a photograph: find the people in it.", WHO)]
WhichPerson = Annotated[int | None, option("N", "Which of them, from left to right.", panel=WHO, at_least=1)]
PhotographDetector = Annotated[
    str, option("NAME", "For --find: yolox-nano, hog, or a model file with its card.", panel=MODEL)
]


def chosen(query: "Query", person: int | None, detector: str, *, find: bool, as_json: bool) -> "Query":
    """The picture of one person in a photograph; lists them and ends the command where they are several."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.indexing.photographs import chosen_person, find_people
    from passerby.workflows.indexing.searcher import Query

    if not find:
        raise typer.BadParameter("--person is for photographs: add --find")
    if len(query.pictures) != 1:
        raise typer.BadParameter("--find takes one photograph")
    photo = str(query.pictures[0])
    people = find_people(photo, detector=detector)
    if person is None and len(people) > 1:
        listed = [{"person": each.number, "box": each.box, "score": each.score} for each in people]
        if not emit({"people": listed}, as_json):
            _print_people(people)
        raise typer.Exit(1)
    return Query(pictures=[chosen_person(people, person, photo).picture])


def _print_people(people: "list[FoundPerson]") -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("person", "left", "top", "width", "height", "score")
    for each in people:
        left, top, right, bottom = each.box
        places = [f"{number:.0f}" for number in (left, top, right - left, bottom - top)]
        shown.add_row(str(each.number), *places, f"{each.score:.2f}")
    Console().print(shown)
    echo(f"{len(people)} people are in the photograph, from left to right: say which with --person N.")
