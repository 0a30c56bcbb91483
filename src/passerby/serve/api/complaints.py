"""What is wrong with a request, in one line."""

from collections.abc import Sequence
from typing import Any

from passerby.printable import printable_line

_WHERE = {"body", "query", "path", "header"}
_SHOWN = 3


def complaint(faults: Sequence[Any]) -> str:
    """The faults that pydantic found, by field."""
    told = []
    for fault in faults[:_SHOWN]:
        place = ".".join(str(part) for part in fault["loc"] if part not in _WHERE)
        text = str(fault["msg"]).removeprefix("Value error, ")
        told.append(f"{place}: {text}" if place else text)
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return printable_line("; ".join(told) + more)
