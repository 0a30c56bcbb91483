"""What is found out about an installation: a fact, whether something is wrong with it, and what to do then."""

import os
from pathlib import Path
from typing import Literal, NamedTuple

State = Literal["ok", "note", "problem"]


class Finding(NamedTuple):
    """One fact.

    Attributes:
        topic: what it is listed under.
        name: of what was looked at.
        value: what was found.
        state: `note` where something is missing that many do without, `problem` where something will fail.
        remedy: what to do, if anything can be done.
    """

    topic: str
    name: str
    value: str
    state: State = "ok"
    remedy: str = ""


def without_home(path: Path) -> str:
    """A path that can be shown to others: the home folder, which holds a name, is `~`."""
    try:
        return str(Path("~") / path.resolve().relative_to(Path.home().resolve()))
    except (ValueError, RuntimeError):  # elsewhere, or nobody's
        return str(path)


def one_line(error: Exception) -> str:
    """What an error says, in a line that can be shown to others: the home folder in it is `~`."""
    said = " ".join(str(error).split())
    try:
        return said.replace(f"{Path.home()}{os.sep}", f"~{os.sep}")
    except RuntimeError:  # nobody's
        return said
