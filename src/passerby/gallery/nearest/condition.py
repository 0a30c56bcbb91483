"""Whether a gallery's lists of features may be used, and if not, why."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.database import Database, Transaction
from passerby.gallery.nearest.inverted_lists import InvertedLists
from passerby.gallery.nearest.limits import read_limits
from passerby.gallery.nearest.sidecar import read_sidecar, sidecar_of


class Condition(NamedTuple):
    """What there is of a model's lists.

    Attributes:
        lists: as they are in the file; None where there is none, or it is damaged or outdated.
        used: whether searches go by them.
        note: why not, in one line; None where they are used, or where there are none.
    """

    lists: InvertedLists | None
    used: bool
    note: str | None


NONE = Condition(None, False, None)


def condition_of(
    database: Database, transaction: Transaction, model: int, dim: int, tracklets: NDArray[np.int64]
) -> Condition:
    """Look at the lists of a model.

    Args:
        database: of the gallery.
        transaction: reads it.
        model: the model's row.
        dim: length of its features.
        tracklets: int64 [N], those with features of it, in the order in which they were added.
    """
    file = sidecar_of(database, model)
    if file is None:
        return NONE
    try:
        lists = read_sidecar(transaction, file, model, dim)
    except FileNotFoundError:
        return NONE
    except GalleryError as error:
        return Condition(None, False, f"all tracklets were compared, for {error}")
    if not lists.covers(tracklets):
        return Condition(None, False, f"all tracklets were compared, for {_outdated(file)}")
    limits = read_limits(transaction)
    if len(tracklets) < limits.least:
        note = f"all tracklets were compared: the index of features is for {limits.least:,} and more"
        return Condition(lists, False, note)
    if not lists.recall.enough_for(limits.floor):
        note = (
            f"all tracklets were compared: the index of features finds {lists.recall.at_10:.3f} of the ten most alike"
        )
        return Condition(lists, False, f"{note}, and below {limits.floor:g} it is not used")
    return Condition(lists, True, None)


def _outdated(file: Path) -> str:
    return f"{file}: does not fit the gallery: `passerby gallery index-features` makes it anew"
