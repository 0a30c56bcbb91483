"""When a source began: as the user says, as its file name says, or as its container says, in this order."""

import re
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from passerby.errors import DataError
from passerby.printable import printable
from passerby.video.reading.mp4_boxes import Mp4Facts

_DIRECTIVES = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "j": r"\d{1,3}",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "p": r"[AaPp][Mm]",
    "M": r"\d{1,2}",
    "S": r"\d{1,2}",
    "f": r"\d{1,6}",
    "b": r"[A-Za-z]{3}",
    "B": r"[A-Za-z]+",
    "z": r"(?:Z|[+-]\d{2}:?\d{2})",
    "%": "%",
}


_FIRST_YEAR, _LAST_YEAR = 1000, 9000  # so far from the ends of the calendar that no time of a frame lies beyond them


def time_zone_named(name: str) -> tzinfo:
    """A time zone by its name, such as `Europe/Berlin` or `UTC`.

    Raises:
        DataError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise DataError(f"{printable(name)!r} is no time zone: name one as Europe/Berlin or UTC") from error


def parse_start(text: str, time_zone: tzinfo | None = None) -> datetime:
    """A moment such as `2026-05-01T08:00:00+02:00`, with a time zone: its own, or else the one given.

    Raises:
        DataError: it is no such text, or neither names a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{printable(text)!r} is no time: write it as 2026-05-01T08:00:00+02:00") from error
    return with_zone(moment, time_zone, "the start")


def with_zone(moment: datetime, time_zone: tzinfo | None, whose: str) -> datetime:
    """The moment with a time zone: its own, or else the one given.

    Args:
        moment: to complete.
        time_zone: where it has none.
        whose: begins the message, such as "the start".

    Raises:
        DataError: neither has one, or nobody can have filmed then.
    """
    if moment.tzinfo is None and time_zone is None:
        raise DataError(
            f"{whose} {moment.isoformat(sep=' ')} has no time zone: add one, as +02:00, or name one, as --set "
            "reading.time_zone=Europe/Berlin"
        )
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise DataError(
            f"{whose} {moment.isoformat(sep=' ')} is not in the years {_FIRST_YEAR} to {_LAST_YEAR}: correct it"
        )
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=time_zone)


def start_of_name(name: str, pattern: str, time_zone: tzinfo | None = None) -> datetime:
    """The moment in a file's name.

    Args:
        name: of the file.
        pattern: what to look for anywhere in the name, with the directives of `datetime.strptime`: `%Y%m%d_%H%M%S`.
        time_zone: where the pattern has no `%z`.

    Raises:
        DataError: the pattern has an unknown directive, is not in the name, is no moment, or there is no time zone.
    """
    found = re.search(_expression(pattern), name)
    if found is None:
        raise DataError(
            f"{printable(name)}: its name holds no time of the form {printable(pattern)!r}: correct the form"
        )
    try:
        moment = datetime.strptime(found[0], pattern)
    except ValueError as error:
        raise DataError(
            f"{printable(name)}: {printable(found[0])!r} is no time as {printable(pattern)!r} says: correct the form"
        ) from error
    return with_zone(moment, time_zone, f"{printable(name)}: the time in its name")


def find_start(
    path: Path,
    facts: Mp4Facts | None,
    *,
    start: datetime | None = None,
    pattern: str | None = None,
    time_zone: tzinfo | None = None,
) -> datetime | None:
    """When a file or folder began, with a time zone; None where nobody says.

    The container's time is what its maker wrote, in UTC as the format asks; some recorders write local time, and some
    phones the end of the recording.

    Args:
        path: of the file or folder.
        facts: of its container.
        start: said by the user.
        pattern: of its name, see `start_of_name`.
        time_zone: of times that name none.

    Raises:
        DataError: a moment has no time zone, or the name does not fit the pattern.
    """
    if start is not None:
        return with_zone(start, time_zone, "the start")
    if pattern is not None:
        return start_of_name(path.name, pattern, time_zone)
    return None if facts is None else facts.created


def _expression(pattern: str) -> str:
    parts = []
    place = 0
    while place < len(pattern):
        if pattern[place] != "%":
            parts.append(re.escape(pattern[place]))
            place += 1
            continue
        directive = pattern[place + 1 : place + 2]
        if directive not in _DIRECTIVES:
            known = " ".join(f"%{each}" for each in _DIRECTIVES)
            raise DataError(f"{printable(pattern)!r}: %{printable(directive)} is not read from names: use {known}")
        parts.append(_digits(directive, pattern[place + 2 : place + 4]))
        place += 2
    return "".join(parts)


def _digits(directive: str, following: str) -> str:
    """The expression of a directive; two digits exactly where another number follows without a separator."""
    expression = _DIRECTIVES[directive]
    return expression.replace("{1,2}", "{2}") if following.startswith("%") else expression
