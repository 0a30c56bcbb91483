"""Look for a query: by an index of features where one may be used, and else among all."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.columns.matrix import Matrix
from passerby.gallery.database import Database
from passerby.gallery.nearest.condition import why_not
from passerby.gallery.nearest.limits import read_limits
from passerby.gallery.nearest.server_graph import read_graph
from passerby.gallery.nearest.shortlists import Ready, Shortlists
from passerby.gallery.search import EVERYTHING, Filters, Found, nearest


class Looked(NamedTuple):
    """What was found, and how.

    Attributes:
        found: the tracklets.
        features: how many there are; where a server searched, about so many.
        recall: share of the ten most alike that are found so; None where all were compared.
        note: why an index that is there was not used, or None.
    """

    found: Found
    features: int
    recall: float | None
    note: str | None


def look(
    database: Database,
    matrix: Matrix,
    shortlists: Shortlists,
    query: NDArray[np.float32],
    filters: Filters,
    count: int,
    *,
    by_identity: bool,
    exact: bool,
) -> Looked:
    """Find what is most like a query.

    Args:
        database: of the gallery.
        matrix: the features of the model.
        shortlists: of the gallery.
        query: float32 [D], of length 1.
        filters: which tracklets count; with any, all that pass are compared.
        count: how many at most.
        by_identity: of each identity only its best tracklet; by a server's index it cannot be told.
        exact: compare all.
    """
    note = None
    if not (exact or by_identity or filters != EVERYTHING) and len(query) == matrix.dim:
        asked = _ask_server(database, matrix, query, count)
        if isinstance(asked, Looked):
            return asked
        note = asked
    columns = matrix.columns()
    ready = Ready(None, None) if exact else shortlists.of(matrix, columns)
    found = nearest(columns, query, filters, count, by_identity=by_identity, shortlist=ready.shortlist)
    return Looked(found, len(columns.tracklets), None if found.exact else ready.recall, ready.note or note)


def _ask_server(database: Database, matrix: Matrix, query: NDArray[np.float32], count: int) -> Looked | str | None:
    """What the server's graph finds; why it is not used, or None, where it is not."""
    if database.dialect != "postgresql":
        return None
    with database.reading() as transaction:
        graph = read_graph(database, transaction, matrix.model)
        if graph is None:
            return None
        limits, features = read_limits(transaction), graph.size(transaction)
        note = why_not(limits, graph.recall, features)
        if note is not None or count > graph.recall.enough_for(limits.floor):
            return note
        found = graph.search(transaction, query, count)
    return Looked(Found(found, exact=False), features, graph.recall.at_10, None)
