"""All features of one model in memory, kept in step with the gallery, and the exact search in them."""

import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.database import Database, Transaction
from passerby.gallery.schema import read_setting
from passerby.gallery.vectors import from_bytes, widened

_FULL_PRECISION = 200_000
"""Up to so many rows are held as float32 too, which products need: 400 MB at 512 dimensions. More go by blocks."""

_BLOCK = 1_024
"""Rows at a time where they are copied first: a processor's cache holds them."""

_GATHERING_COSTS = 6
"""How many times longer it takes to gather a row and multiply it than to multiply it in its place."""

_LOADED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Columns:
    """The features of one model, and what filters ask of their tracklets; row i of each belongs together.

    Attributes:
        tracklets: int64 [N], numbers of tracklets, in the order in which their features were added.
        features: float16 [N, D].
        exact: the same as float32 [N, D]; None where that would take too much memory.
        cameras: int32 [N], places in `camera_names`.
        taken_from, taken_to: int64 [N], microseconds since 1970, the smallest number where unknown.
        heights, visible: float32 [N].
        identities: int64 [N], 0 where unknown.
    """

    tracklets: NDArray[np.int64]
    features: NDArray[np.float16]
    exact: NDArray[np.float32] | None
    cameras: NDArray[np.int32]
    camera_names: tuple[str, ...]
    taken_from: NDArray[np.int64]
    taken_to: NDArray[np.int64]
    heights: NDArray[np.float32]
    visible: NDArray[np.float32]
    identities: NDArray[np.int64]


UNKNOWN_TIME = np.iinfo(np.int64).min


class Matrix:
    """The columns of one model, read again only as far as the gallery has changed.

    Args:
        database: of the gallery.
        model: the model's row.
        dim: length of its features.
    """

    def __init__(self, database: Database, model: int, dim: int) -> None:
        self._database, self.model, self.dim = database, model, dim
        self._lock = threading.Lock()
        self._state: tuple[str, str, int] | None = None
        self._columns: Columns | None = None

    def columns(self) -> Columns:
        """The columns as the gallery is now."""
        with self._lock, self._database.reading() as transaction:
            removals = read_setting(transaction, "removals") or "0"
            moves = read_setting(transaction, "moves") or "0"
            newest = _newest(transaction, self.model)
            known = self._columns
            if known is None or self._state is None or self._state[0] != removals:
                known = _join(None, *_read(transaction, self.model, self.dim, 0))
            elif self._state[2] != newest:
                known = _join(known, *_read(transaction, self.model, self.dim, self._state[2]))
            elif self._state[1] == moves and self._columns is not None:
                return self._columns
            self._columns = _with_identities(transaction, known)
            self._state = removals, moves, newest
            return self._columns


def best(
    columns: Columns, query: NDArray[np.float32], rows: NDArray[np.int64] | None, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The rows nearest to a query among some, exactly: similar ones first, equal ones by age.

    Args:
        columns: where to search.
        query: float32 [D], of length 1.
        rows: int64 [M], ascending, which to compare; None for all.
        count: how many at most.

    Returns:
        Rows int64 [K] and their cosines float32 [K].
    """
    similarity = _similarities(columns, query, rows)
    if len(similarity) > count:
        bound = np.partition(similarity, len(similarity) - count)[len(similarity) - count]
        candidates = np.flatnonzero(similarity >= bound)
    else:
        candidates = np.arange(len(similarity))
    ordered = candidates[np.lexsort((candidates, -similarity[candidates]))][:count]
    return (ordered if rows is None else rows[ordered]).astype(np.int64), similarity[ordered]


def _similarities(columns: Columns, query: NDArray[np.float32], rows: NDArray[np.int64] | None) -> NDArray[np.float32]:
    # np.vecdot reads memory twice as fast as the product with a vector in BLAS that NumPy brings along, and a row's
    # cosine does not depend on which others are computed with it
    total = len(columns.tracklets) if rows is None else len(rows)
    if columns.exact is not None and (rows is None or total * _GATHERING_COSTS > len(columns.tracklets)):
        everything: NDArray[np.float32] = np.vecdot(columns.exact, query)
        return everything if rows is None else everything[rows]
    found = np.empty(total, np.float32)
    for first in range(0, total, _BLOCK):
        some = slice(first, first + _BLOCK)
        wanted = some if rows is None else rows[some]
        part = widened(columns.features[wanted]) if columns.exact is None else columns.exact[wanted]
        found[some] = np.vecdot(part, query)
    return found


_Rows = list[tuple[int, str, int | None, int | None, float, float]]


def _newest(transaction: Transaction, model: int) -> int:
    newest: int | None = transaction.rows("SELECT max(id) FROM features WHERE model = ?", (model,))[0][0]
    return newest or 0


def _read(transaction: Transaction, model: int, dim: int, after: int) -> tuple[_Rows, NDArray[np.float16]]:
    """What was added after a row of features: the tracklets' columns, and the features [N, D]."""
    statement = (
        "SELECT features.id, vector, tracklets.id, camera, taken_from, taken_to, height, visible FROM features"
        " JOIN tracklets ON tracklets.id = features.tracklet WHERE model = ? AND features.id > ?"
        " ORDER BY features.id LIMIT ?"
    )
    counted = "SELECT count(*) FROM features WHERE model = ? AND id > ?"
    features = np.empty((transaction.rows(counted, (model, after))[0][0], dim), np.float16)  # the largest part, once
    rows: _Rows = []
    while found := transaction.rows(statement, (model, after, _LOADED_AT_ONCE)):
        features[len(rows) : len(rows) + len(found)] = from_bytes([row[1] for row in found], dim)
        rows.extend((row[2], row[3], row[4], row[5], row[6], row[7]) for row in found)
        after = found[-1][0]
    return rows, features


def _join(known: Columns | None, rows: _Rows, features: NDArray[np.float16]) -> Columns:
    names = list(known.camera_names) if known else []
    places = {name: place for place, name in enumerate(names)}
    for row in rows:
        places.setdefault(row[1], len(places))
    times = [[UNKNOWN_TIME if row[which] is None else row[which] for row in rows] for which in (2, 3)]
    fresh = Columns(
        tracklets=np.array([row[0] for row in rows], np.int64),
        features=features,
        exact=None,
        cameras=np.array([places[row[1]] for row in rows], np.int32),
        camera_names=tuple(places),
        taken_from=np.array(times[0], np.int64),
        taken_to=np.array(times[1], np.int64),
        heights=np.array([row[4] for row in rows], np.float32),
        visible=np.array([row[5] for row in rows], np.float32),
        identities=np.zeros(len(rows), np.int64),
    )
    return fresh if known is None else _concatenated(known, fresh)


def _concatenated(known: Columns, fresh: Columns) -> Columns:
    return Columns(
        tracklets=np.concatenate([known.tracklets, fresh.tracklets]),
        features=np.concatenate([known.features, fresh.features]),
        exact=None,
        cameras=np.concatenate([known.cameras, fresh.cameras]),
        camera_names=fresh.camera_names,
        taken_from=np.concatenate([known.taken_from, fresh.taken_from]),
        taken_to=np.concatenate([known.taken_to, fresh.taken_to]),
        heights=np.concatenate([known.heights, fresh.heights]),
        visible=np.concatenate([known.visible, fresh.visible]),
        identities=np.concatenate([known.identities, fresh.identities]),
    )


def _with_identities(transaction: Transaction, columns: Columns) -> Columns:
    """The columns with the identities that tracklets have now, and with float32 features where there is room."""
    rows = transaction.rows("SELECT id, identity FROM tracklets WHERE identity IS NOT NULL ORDER BY id")
    known = np.array(rows, np.int64).reshape(len(rows), 2)
    identities = np.zeros(len(columns.tracklets), np.int64)
    if len(identities) and len(known):
        order = np.argsort(columns.tracklets)  # features of a second model may have come in another order
        places = np.searchsorted(columns.tracklets, known[:, 0], sorter=order)
        rows_of_known = order[np.minimum(places, len(order) - 1)]
        present = columns.tracklets[rows_of_known] == known[:, 0]
        identities[rows_of_known[present]] = known[present, 1]
    exact = columns.exact
    if exact is None and len(columns.features) <= _FULL_PRECISION:
        exact = widened(columns.features)
    return replace(columns, identities=identities, exact=exact)
