"""Make the graph of a model's features on a PostgreSQL server, and measure what it finds."""

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.columns.columns import Columns
from passerby.gallery.database import Database, Transaction
from passerby.gallery.nearest.inverted_lists import COUNTS, Recall
from passerby.gallery.nearest.recall import most_alike, queries_of
from passerby.gallery.nearest.server_graph import (
    ITERATIVE_SINCE,
    ServerGraph,
    count_features,
    drop_graph,
    insert_into_graph,
    read_graph,
    table_of,
    write_graph,
)
from passerby.gallery.vectors import from_bytes
from passerby.progress import Progress

_WIDTHS = (40, 80, 160, 320, 640, 1_000)
"""How many vectors a scan may keep in mind; a thousand is pgvector's limit."""

_NAME = "vector"
_HALFVEC_SINCE = (0, 7)
_MOST_DIMENSIONS = 4_000
_AT_ONCE = 1_000
_UNMEASURED = Recall((0.0,) * len(COUNTS), 0, None)


def build_graph(database: Database, model: int, columns: Columns, floor: float, *, rebuild: bool, show: bool) -> None:
    """Make a model's graph in one transaction, unless there is a whole one, and measure what it finds.

    Others read meanwhile, and wait with adding.

    Args:
        database: of the gallery, on a server.
        model: the model's row.
        columns: its features.
        floor: of the recall.
        rebuild: make it anew even where it is whole.
        show: whether to show progress.

    Raises:
        GalleryError: the server has no pgvector, or too old a one; this user may not add it; or features are too long.
    """
    with database.writing() as transaction:
        graph = read_graph(database, transaction, model)
        if graph is None or rebuild or graph.missing(transaction):
            drop_graph(database, transaction, model)
            graph = _made(database, transaction, model, columns.features.shape[1], show=show)
        write_graph(transaction, graph._replace(recall=_UNMEASURED))
    measured = _measured(database, graph, columns, floor, show=show)
    with database.writing() as transaction:
        if read_graph(database, transaction, model) is not None:  # nobody has removed it meanwhile
            write_graph(transaction, measured)


def _made(database: Database, transaction: Transaction, model: int, dim: int, *, show: bool) -> ServerGraph:
    schema, version = _extension(database, transaction)
    if dim > _MOST_DIMENSIONS:
        raise GalleryError(
            f"{database.location}: pgvector indexes at most {_MOST_DIMENSIONS:,} dimensions, not {dim:,}"
        )
    graph = ServerGraph(model, schema, version >= ITERATIVE_SINCE, _WIDTHS[0], _UNMEASURED)
    table = table_of(model)
    transaction.run(
        f"CREATE TABLE {table} (tracklet BIGINT PRIMARY KEY REFERENCES tracklets ON DELETE CASCADE,"
        f" vector {schema}.halfvec({dim}) NOT NULL)"
    )
    # statistics would keep samples of vectors that are erased later
    transaction.run(f"ALTER TABLE {table} ALTER COLUMN vector SET STATISTICS 0")
    transaction.run(f"ALTER TABLE {table} ALTER COLUMN vector SET STORAGE EXTERNAL")
    statement = "SELECT id, tracklet, vector FROM features WHERE model = ? AND id > ? ORDER BY id LIMIT ?"
    after = 0
    with Progress("storing", count_features(transaction, model), unit="features", quiet=not show) as progress:
        while rows := transaction.rows(statement, (model, after, _AT_ONCE)):
            features = from_bytes([row[2] for row in rows], dim)
            insert_into_graph(transaction, graph, list(zip([row[1] for row in rows], features, strict=True)))
            after = rows[-1][0]
            progress.advance(len(rows))
    transaction.run(f"CREATE INDEX {table}_nearest ON {table} USING hnsw (vector {schema}.halfvec_ip_ops)")
    return graph


def _extension(database: Database, transaction: Transaction) -> tuple[str, tuple[int, int]]:
    """The schema of pgvector, quoted, and its version; it is added to the database where it is not yet."""
    known = (
        "SELECT quote_ident(nspname), extversion FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace"
        " WHERE extname = ?"
    )
    rows = transaction.rows(known, (_NAME,))
    if not rows:
        if not transaction.rows("SELECT 1 FROM pg_available_extensions WHERE name = ?", (_NAME,)):
            raise GalleryError(
                f"{database.location}: the server has no pgvector: searches stay exact until an administrator adds it"
            )
        transaction.run(f"CREATE EXTENSION {_NAME}")
        rows = transaction.rows(known, (_NAME,))
    schema, text = rows[0]
    major, minor = (int(part) for part in text.split(".")[:2])
    if (major, minor) < _HALFVEC_SINCE:
        raise GalleryError(
            f"{database.location}: its pgvector {text} is older than 0.7: an administrator has to update it"
        )
    return schema, (major, minor)


def _measured(database: Database, graph: ServerGraph, columns: Columns, floor: float, *, show: bool) -> ServerGraph:
    """The graph with the least width at which half of what the floor lets go is still found, and what it finds."""
    drawn = queries_of(columns.features)
    wanted = min(COUNTS[-1], len(columns.tracklets) - 1)
    alike = columns.tracklets[most_alike(columns.features, drawn, wanted, show=show)]
    for width in _WIDTHS:
        graph = graph._replace(width=width)
        with database.reading() as transaction:
            recall = _recall(transaction, graph, columns, drawn, alike)
        graph = graph._replace(recall=recall)
        if min(recall.shares[:2]) >= (1 + floor) / 2:
            break
    return graph


def _recall(
    transaction: Transaction,
    graph: ServerGraph,
    columns: Columns,
    drawn: NDArray[np.int64],
    alike: NDArray[np.int64],
) -> Recall:
    found = np.zeros(len(COUNTS))
    for place, row in enumerate(drawn):
        query, own = columns.features[row].astype(np.float32), int(columns.tracklets[row])
        numbers = [each for each in graph.nearest(transaction, query, COUNTS[-1] + 1) if each != own]
        for which, count in enumerate(COUNTS):
            found[which] += len(set(numbers[:count]) & set(alike[place, :count].tolist()))
    looked_for = len(drawn) * np.minimum(COUNTS, alike.shape[1])
    shares = np.where(looked_for > 0, found / np.maximum(looked_for, 1), 1.0)
    return Recall(tuple(shares.tolist()), len(drawn), None)
