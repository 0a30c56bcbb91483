"""Arguments and options that several commands of galleries have."""

from datetime import datetime
from typing import Annotated

import typer

from passerby.cli.options import MODEL, argument, option

GalleryArgument = Annotated[str, argument("GALLERY", "A gallery's folder, or the address of a PostgreSQL server.")]
IdentityArgument = Annotated[int, argument("IDENTITY", "Its number.")]
GalleryModel = Annotated[
    str | None, option("MODEL", "The one the gallery was made with; default: as it was named then.", panel=MODEL)
]
Reason = Annotated[str, option("TEXT", "Why, for the gallery's log.")]


def moment_of(name: str, text: str | None) -> datetime | None:
    """The moment that an option names."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter(f"{name} needs a time with a time zone, as 2026-05-01T08:00:00+02:00, not {text!r}")
    return moment
