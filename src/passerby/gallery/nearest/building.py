"""Make the index of a gallery's features, or bring it up to date."""

import numpy as np

from passerby.atomic_files import sweep_temporaries_of
from passerby.errors import GalleryError
from passerby.gallery.columns.columns import Columns
from passerby.gallery.database import Database, Transaction
from passerby.gallery.nearest.clustering import cluster, nearest_lists
from passerby.gallery.nearest.condition import condition_of
from passerby.gallery.nearest.forgetting import without_erased
from passerby.gallery.nearest.graph_building import build_graph
from passerby.gallery.nearest.inverted_lists import InvertedLists
from passerby.gallery.nearest.limits import Limits, read_limits
from passerby.gallery.nearest.recall import choose_probes
from passerby.gallery.nearest.server_graph import drop_graph
from passerby.gallery.nearest.sidecar import sidecar_of, write_sidecar

_GROWN = 1.5
"""Lists are made anew when there are so many times the features that they were made of."""


def build_index(database: Database, model: int, columns: Columns, *, rebuild: bool = False, show: bool = False) -> None:
    """Put all features of a model into an index, and measure what that finds.

    On a server that is a graph, see `build_graph`; in a folder, lists beside the gallery's file.

    Lists that are there are extended, as long as there are not too many more features than they were made of.

    Args:
        database: of the gallery.
        model: the model's row.
        columns: its features.
        rebuild: make them anew.
        show: whether to show progress.

    Raises:
        GalleryError: there are too few features, or the disk is full.
        DeviceError: FAISS is not installed, and the lists have to be made anew.
    """
    count, dim = columns.features.shape
    with database.reading() as transaction:
        limits = read_limits(transaction)
        known = condition_of(database, transaction, model, dim, columns.tracklets).lists
    if count < limits.least:
        raise GalleryError(
            f"{database.location}: has {count:,} features of this model, and below {limits.least:,} a search that "
            "compares all is fast: leave it so, or set another number (--from)"
        )
    if database.dialect == "postgresql":
        build_graph(database, model, columns, limits.floor, rebuild=rebuild, show=show)
        return
    file = sidecar_of(database, model)
    sweep_temporaries_of(file)
    lists = _lists_of(columns, None if rebuild else known, limits, show=show)
    with database.writing() as transaction:  # nobody erases meanwhile
        write_sidecar(transaction, file, model, without_erased(transaction, model, dim, lists))


def remove_index(database: Database, transaction: Transaction, model: int) -> bool:
    """Remove the index of a model's features; returns whether there was one."""
    if database.dialect == "postgresql":
        return drop_graph(database, transaction, model)
    file = sidecar_of(database, model)
    there = file.exists()
    file.unlink(missing_ok=True)
    return there


def _lists_of(columns: Columns, known: InvertedLists | None, limits: Limits, *, show: bool) -> InvertedLists:
    features, trained = columns.features, len(columns.tracklets)
    if known is not None and len(columns.tracklets) <= _GROWN * known.trained:
        fresh = nearest_lists(features[len(known.lists) :], known.centroids, show=show)
        lists, centroids, trained = np.concatenate([known.lists, fresh]), known.centroids, known.trained
    else:
        lists, centroids = cluster(features, show=show)
    probes, recall = choose_probes(features, lists, centroids, limits.floor, show=show)
    return InvertedLists(columns.tracklets, lists, centroids, probes, trained, recall)
