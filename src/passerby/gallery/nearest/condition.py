"""Whether a gallery's index of features may be used, and if not, why."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.database import Database, Transaction
from passerby.gallery.nearest.inverted_lists import InvertedLists, Recall
from passerby.gallery.nearest.limits import Limits, read_limits
from passerby.gallery.nearest.server_graph import read_graph
from passerby.gallery.nearest.sidecar import REMEDY, read_sidecar, sidecar_of

_EXACT = "all tracklets were compared"


class Condition(NamedTuple):
    """What there is of the index of a model's features.

    Attributes:
        recall: as it was measured; None where there is no index, or it is damaged or outdated.
        indexed: how many features are in it.
        used: whether searches go by it.
        note: why not, in one line; None where they do, or where there is no index.
        lists: of a gallery in a folder.
    """

    recall: Recall | None = None
    indexed: int = 0
    used: bool = False
    note: str | None = None
    lists: InvertedLists | None = None


def condition_of(
    database: Database, transaction: Transaction, model: int, dim: int, tracklets: NDArray[np.int64]
) -> Condition:
    """Look at the index of a model's features.

    Args:
        database: of the gallery.
        transaction: reads it.
        model: the model's row.
        dim: length of its features.
        tracklets: int64 [N], those with features of it, in the order in which they were added.
    """
    if database.dialect == "postgresql":
        return _of_graph(database, transaction, model, len(tracklets))
    file = sidecar_of(database, model)
    try:
        lists = read_sidecar(transaction, file, model, dim)
    except FileNotFoundError:
        return Condition()
    except GalleryError as error:
        return Condition(note=f"{_EXACT}, for {error}")
    if not lists.covers(tracklets):
        return Condition(note=f"{_EXACT}, for {file}: does not fit the gallery: {REMEDY}")
    note = why_not(read_limits(transaction), lists.recall, len(tracklets))
    return Condition(lists.recall, len(lists.tracklets), note is None, note, lists)


def why_not(limits: Limits, recall: Recall, features: int) -> str | None:
    """Why a whole index is not used; None where it is.

    Args:
        limits: of the gallery.
        recall: of the index.
        features: how many the gallery has.
    """
    if features < limits.least:
        return f"{_EXACT}: the index of features is for {limits.least:,} and more"
    if not recall.queries:
        return f"{_EXACT}: what the index of features finds is not measured: {REMEDY}"
    if not recall.enough_for(limits.floor):
        found = f"finds {recall.at_10:.3f} of the ten most alike, and below {limits.floor:g} it is not used"
        return f"{_EXACT}: the index of features {found}"
    return None


def _of_graph(database: Database, transaction: Transaction, model: int, features: int) -> Condition:
    graph = read_graph(database, transaction, model)
    if graph is None:
        return Condition()
    if missing := graph.missing(transaction):
        return Condition(note=f"the index of features lacks {missing:,} of {features:,}: {REMEDY}")
    note = why_not(read_limits(transaction), graph.recall, features)
    return Condition(graph.recall, features, note is None, note)
