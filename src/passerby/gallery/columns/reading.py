"""Read columns from a gallery, and on from where reading ended, in memory that grows in place."""

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.columns.columns import UNKNOWN_TIME, Columns
from passerby.gallery.columns.growing import Growing
from passerby.gallery.database import Row, Transaction
from passerby.gallery.vectors import from_bytes, widened

_FULL_PRECISION = 200_000
"""Up to so many rows are held as float32 too, which products need: 400 MB at 512 dimensions. More go by blocks."""

_AT_ONCE = 2_000
_IDENTITIES_AT_ONCE = 50_000


class ReadColumns:
    """The columns of a model as far as they are read; nothing of them was deleted since.

    Args:
        transaction: counts them.
        model: the model's row.
        dim: length of its features.
    """

    def __init__(self, transaction: Transaction, model: int, dim: int) -> None:
        count: int = transaction.rows("SELECT count(*) FROM features WHERE model = ?", (model,))[0][0]
        self._model, self._dim, self._newest = model, dim, 0
        self._features: Growing[np.float16] = Growing(np.float16, (dim,), count)
        self._exact: Growing[np.float32] | None = None
        self._tracklets: Growing[np.int64] = Growing(np.int64, (), count)
        self._cameras: Growing[np.int32] = Growing(np.int32, (), count)
        self._taken: Growing[np.int64] = Growing(np.int64, (2,), count)
        self._heights: Growing[np.float32] = Growing(np.float32, (), count)
        self._visible: Growing[np.float32] = Growing(np.float32, (), count)
        self._camera_places: dict[str, int] = {}

    def read_on(self, transaction: Transaction) -> bool:
        """Read what was added since; returns whether there was any."""
        statement = (
            "SELECT features.id, vector, tracklets.id, camera, taken_from, taken_to, height, visible FROM features"
            " JOIN tracklets ON tracklets.id = features.tracklet WHERE model = ? AND features.id > ?"
            " ORDER BY features.id LIMIT ?"
        )
        found_any = False
        while rows := transaction.rows(statement, (self._model, self._newest, _AT_ONCE)):
            self._append(rows)
            self._newest, found_any = rows[-1][0], True
        return found_any

    def widen(self) -> bool:
        """Hold what was read as float32 too, as far as there are few enough rows; returns whether that changed."""
        rows = self._features.rows
        if len(rows) > _FULL_PRECISION:
            changed, self._exact = self._exact is not None, None
            return changed
        if self._exact is None:
            self._exact = Growing(np.float32, (self._dim,), len(rows))
        begun = len(self._exact.rows)
        for first in range(begun, len(rows), _AT_ONCE):
            self._exact.append(widened(rows[first : first + _AT_ONCE]))
        return len(rows) > begun

    def columns(self, transaction: Transaction) -> Columns:
        """The columns so far, with the identities that tracklets have now."""
        return Columns(
            tracklets=self._tracklets.rows,
            features=self._features.rows,
            exact=None if self._exact is None or len(self._exact.rows) < len(self._features.rows) else self._exact.rows,
            cameras=self._cameras.rows,
            camera_names=tuple(self._camera_places),
            taken_from=self._taken.rows[:, 0],
            taken_to=self._taken.rows[:, 1],
            heights=self._heights.rows,
            visible=self._visible.rows,
            identities=_identities(transaction, self._tracklets.rows),
        )

    def _append(self, rows: list[Row]) -> None:
        _, vectors, tracklets, cameras, begins, ends, heights, visible = zip(*rows, strict=True)
        self._features.append(from_bytes(vectors, self._dim))
        for camera in cameras:
            self._camera_places.setdefault(camera, len(self._camera_places))
        self._tracklets.append(np.array(tracklets, np.int64))
        self._cameras.append(np.array([self._camera_places[camera] for camera in cameras], np.int32))
        moments = [[UNKNOWN_TIME if moment is None else moment for moment in each] for each in (begins, ends)]
        self._taken.append(np.array(moments, np.int64).T)
        self._heights.append(np.array(heights, np.float32))
        self._visible.append(np.array(visible, np.float32))


def _identities(transaction: Transaction, tracklets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The identities of tracklets int64 [N], 0 where unknown."""
    identities = np.zeros(len(tracklets), np.int64)
    ascending = bool((tracklets[1:] > tracklets[:-1]).all())
    order = None if ascending else np.argsort(tracklets)  # features of a second model may have come in another order
    statement = "SELECT id, identity FROM tracklets WHERE identity IS NOT NULL AND id > ? ORDER BY id LIMIT ?"
    after = 0
    while len(tracklets) and (rows := transaction.rows(statement, (after, _IDENTITIES_AT_ONCE))):
        known = np.array(rows, np.int64)
        places = np.minimum(np.searchsorted(tracklets, known[:, 0], sorter=order), len(tracklets) - 1)
        places = places if order is None else order[places]
        present = tracklets[places] == known[:, 0]
        identities[places[present]] = known[present, 1]
        after = rows[-1][0]
    return identities
