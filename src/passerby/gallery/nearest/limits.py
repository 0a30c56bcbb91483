"""From how many features on a gallery searches approximately, and how much that has to find: settings of a gallery."""

import math
from typing import NamedTuple

from passerby.errors import GalleryError
from passerby.gallery.database import Transaction
from passerby.gallery.schema import read_setting, write_setting

_LEAST, _FLOOR = "index_from", "index_recall_floor"


class Limits(NamedTuple):
    """When a search may be approximate.

    Attributes:
        least: features of a model; with fewer, all are compared.
        floor: recall, measured on the gallery itself; where less is found, all are compared.
    """

    least: int = 1_000_000
    floor: float = 0.95


def read_limits(transaction: Transaction) -> Limits:
    """The limits of a gallery."""
    least, floor = read_setting(transaction, _LEAST), read_setting(transaction, _FLOOR)
    known = Limits()
    return Limits(known.least if least is None else int(least), known.floor if floor is None else float(floor))


def write_limits(transaction: Transaction, least: int | None, floor: float | None) -> None:
    """Set limits; None leaves one as it is.

    Raises:
        GalleryError: they cannot be.
    """
    if least is not None:
        if least < 1:
            raise GalleryError(f"a gallery searches approximately from 1 feature on or more, not {least}")
        write_setting(transaction, _LEAST, str(least))
    if floor is not None:
        if not (math.isfinite(floor) and 0 < floor <= 1):
            raise GalleryError(f"the least recall is a share above 0 and at most 1, not {floor}")
        write_setting(transaction, _FLOOR, repr(float(floor)))
