"""Checks of the arguments that programs give: what is out of range or of another type is named, not met far inside."""

import numbers

from passerby.errors import DataError


def check_whole_number(name: str, value: object, *, at_least: int) -> None:
    """Check that an argument is a whole number.

    Raises:
        DataError: it is something else, a truth value too, or less.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < at_least:
        raise DataError(f"{name} must be a whole number, at least {at_least}, not {value!r}")


def check_share(name: str, value: object) -> None:
    """Check that an argument is a number from 0 to 1.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, float | int) or isinstance(value, bool) or not 0 <= value <= 1:
        raise DataError(f"{name} must be a number from 0 to 1, not {value!r}")


def check_type(name: str, value: object, kind: type) -> None:
    """Check that an argument is of a type.

    Raises:
        DataError: it is of another.
    """
    if not isinstance(value, kind):
        raise DataError(f"{name} must be {kind.__name__}, not {value!r}")
