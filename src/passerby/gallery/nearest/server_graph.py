"""The index of a model's features on a PostgreSQL server: pgvector's graph (HNSW) of float16 vectors.

It is a table of its own beside the gallery's. What is added comes into it in the same transaction, and what is erased
leaves it likewise. Scores are computed here from the gallery's own features, as those of an exact search are.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.database import Database, Transaction
from passerby.gallery.nearest.inverted_lists import Recall
from passerby.gallery.schema import read_setting, write_setting
from passerby.gallery.vectors import from_bytes, widened

ITERATIVE_SINCE = (0, 8)
"""The version of pgvector from which on a scan goes on until enough rows are found."""


class ServerGraph(NamedTuple):
    """What is known of a model's graph.

    Attributes:
        model: the model's row.
        schema: of the server's extension, quoted.
        iterative: whether scans go on until enough rows are found.
        width: how many vectors a scan keeps in mind (`hnsw.ef_search`).
        recall: measured with that.
    """

    model: int
    schema: str
    iterative: bool
    width: int
    recall: Recall

    @property
    def table(self) -> str:
        """The name of its table."""
        return table_of(self.model)

    def nearest(self, transaction: Transaction, query: NDArray[np.float32], count: int) -> list[int]:
        """Numbers of the tracklets that the graph finds most like a query, float32 [D]; those more alike first."""
        prepare_scan(transaction, self.width, iterative=self.iterative)
        statement = (
            f"SELECT tracklet FROM {self.table} ORDER BY vector OPERATOR({self.schema}.<#>) ?::text::{self.schema}"
            ".halfvec LIMIT ?"
        )
        return [row[0] for row in transaction.rows(statement, (as_text(query), count))]

    def search(self, transaction: Transaction, query: NDArray[np.float32], count: int) -> list[tuple[int, float]]:
        """Numbers and cosines of the tracklets that the graph finds most like a query, best first.

        Args:
            transaction: reads them.
            query: float32 [D], of length 1.
            count: how many at most.
        """
        numbers = self.nearest(transaction, query, count)
        if not numbers:
            return []
        statement = f"SELECT tracklet, vector, id FROM features WHERE model = ? AND tracklet IN ({_marks(numbers)})"
        rows = sorted(transaction.rows(statement, (self.model, *numbers)), key=lambda row: row[2])
        scores = np.vecdot(widened(from_bytes([row[1] for row in rows], len(query))), query)
        order = np.argsort(-scores, kind="stable")  # of equally similar ones the older first
        return [(rows[place][0], float(scores[place])) for place in order]

    def size(self, transaction: Transaction) -> int:
        """About how many features it has: the server's estimate, for counting a million takes longer than a search."""
        rows = transaction.rows("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(?)", (self.table,))
        return rows[0][0] if rows and rows[0][0] > 0 else count_features(transaction, self.model)

    def missing(self, transaction: Transaction) -> int:
        """How many features it lacks, or has too many; 0 where it fits the gallery."""
        if transaction.rows("SELECT to_regclass(?)::text", (self.table,)) == [(None,)]:
            return count_features(transaction, self.model)
        statement = (
            f"SELECT count(*) FROM {self.table} FULL JOIN (SELECT tracklet FROM features WHERE model = ?) AS known"
            " USING (tracklet)"
            f" WHERE known.tracklet IS NULL OR {self.table}.vector IS NULL"
        )
        missing: int = transaction.rows(statement, (self.model,))[0][0]
        return missing


def read_graph(database: Database, transaction: Transaction, model: int) -> ServerGraph | None:
    """What is known of a model's graph; None where there is none."""
    kept = read_setting(transaction, _setting(model)) if database.dialect == "postgresql" else None
    if kept is None:
        return None
    known = json.loads(kept)
    recall = known.pop("recall")
    return ServerGraph(**known, recall=Recall(**{**recall, "shares": tuple(recall["shares"])}))


def write_graph(transaction: Transaction, graph: ServerGraph) -> None:
    """Keep what is known of a graph."""
    write_setting(transaction, _setting(graph.model), json.dumps({**graph._asdict(), "recall": asdict(graph.recall)}))


def drop_graph(database: Database, transaction: Transaction, model: int) -> bool:
    """Remove a model's graph; returns whether there was one."""
    there = read_graph(database, transaction, model) is not None
    if there:
        transaction.run(f"DROP TABLE IF EXISTS {table_of(model)}")
        transaction.run("DELETE FROM settings WHERE key = ?", (_setting(model),))
    return there


def insert_into_graph(
    transaction: Transaction, graph: ServerGraph, features: Sequence[tuple[int, NDArray[np.floating]]]
) -> None:
    """Add tracklets with their features to a graph; those it has stay as they are."""
    statement = f"INSERT INTO {graph.table} (tracklet, vector) VALUES (?, ?::text::{graph.schema}.halfvec)"
    statement += " ON CONFLICT (tracklet) DO NOTHING"
    transaction.run_many(statement, [(number, as_text(feature)) for number, feature in features])


def prepare_scan(transaction: Transaction, width: int, *, iterative: bool) -> None:
    """Have this transaction scan the graph, so widely."""
    transaction.run(f"SET LOCAL hnsw.ef_search = {width}")
    transaction.run("SET LOCAL enable_seqscan = off")
    transaction.run("SET LOCAL enable_sort = off")
    if iterative:
        transaction.run("SET LOCAL hnsw.iterative_scan = strict_order")


def count_features(transaction: Transaction, model: int) -> int:
    """How many features of a model the gallery has."""
    count: int = transaction.rows("SELECT count(*) FROM features WHERE model = ?", (model,))[0][0]
    return count


def table_of(model: int) -> str:
    """The name of a model's graph."""
    return f"feature_graph_{model}"


def as_text(feature: NDArray[np.floating]) -> str:
    """A vector as pgvector reads it, with the float16 numbers that the gallery keeps."""
    return f"[{','.join(map(repr, feature.astype(np.float16).astype(np.float64).tolist()))}]"


def _setting(model: int) -> str:
    return f"feature_graph {model}"


def _marks(numbers: Sequence[int]) -> str:
    return ", ".join("?" * len(numbers))
