"""Take what was erased out of a gallery's lists of features, and out of what was computed from it."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.database import Database, Transaction, in_parts
from passerby.gallery.nearest.clustering import mean_of
from passerby.gallery.nearest.inverted_lists import InvertedLists
from passerby.gallery.nearest.sidecar import read_sidecar, sidecar_of, write_sidecar
from passerby.gallery.vectors import from_bytes


def forget_erased(database: Database) -> None:
    """Rewrite the lists of all models without what is not in the gallery any more; those that are damaged are removed.

    Raises:
        GalleryError: the disk is full or read-only.
    """
    if database.dialect == "postgresql":  # there they go with their tracklets
        return
    with database.writing() as transaction:
        for model, dim in transaction.rows("SELECT id, dim FROM models ORDER BY id"):
            file = sidecar_of(database, model)
            if not file.exists():
                continue
            try:
                known = read_sidecar(transaction, file, model, dim)
            except GalleryError:  # nobody can tell what is in it; searches are exact without
                file.unlink()
                continue
            left = without_erased(transaction, model, dim, known)
            if left is not known:
                write_sidecar(transaction, file, model, left)


def without_erased(transaction: Transaction, model: int, dim: int, lists: InvertedLists) -> InvertedLists:
    """The lists without tracklets that the gallery does not have; the same where it has all of them."""
    gone = ~np.isin(lists.tracklets, tracklets_of(transaction, model))
    if not gone.any():
        return lists
    mean: Callable[[NDArray[np.int64]], NDArray[np.float16]] = partial(_mean, transaction, model, dim)
    return lists.without(gone, mean)


def tracklets_of(transaction: Transaction, model: int) -> NDArray[np.int64]:
    """Tracklets with features of a model, int64 [N], in the order in which these were added."""
    return np.array(
        transaction.rows("SELECT tracklet FROM features WHERE model = ? ORDER BY id", (model,)), np.int64
    ).reshape(-1)


def _mean(transaction: Transaction, model: int, dim: int, tracklets: NDArray[np.int64]) -> NDArray[np.float16]:
    kept: list[bytes] = []
    for some, marks in in_parts(tracklets.tolist()):
        statement = f"SELECT vector FROM features WHERE model = ? AND tracklet IN ({marks})"
        kept += [row[0] for row in transaction.rows(statement, (model, *some))]
    return mean_of(from_bytes(kept, dim))
