"""The indexes of a gallery's features in memory, kept in step with their files and with the gallery."""

import threading
from pathlib import Path
from typing import NamedTuple

from passerby.gallery.columns.columns import Columns
from passerby.gallery.columns.matrix import Matrix
from passerby.gallery.database import Database
from passerby.gallery.nearest.condition import condition_of
from passerby.gallery.nearest.inverted_lists import Shortlist
from passerby.gallery.nearest.limits import Limits, read_limits
from passerby.gallery.nearest.sidecar import sidecar_of


class Ready(NamedTuple):
    """What a search goes by.

    Attributes:
        shortlist: None where all is compared.
        note: why all is compared though there is an index; else None.
    """

    shortlist: Shortlist | None
    note: str | None

    @property
    def recall(self) -> float | None:
        """Share of the ten most alike that the short list has; None where all is compared."""
        return None if self.shortlist is None else self.shortlist.recall.at_10


class _Known(NamedTuple):
    file: tuple[int, int, int]
    limits: Limits
    columns: Columns
    ready: Ready


class Shortlists:
    """One for each model.

    Args:
        database: of the gallery.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._known: dict[int, _Known] = {}

    def of(self, matrix: Matrix, columns: Columns) -> Ready:
        """What a search for features of a model goes by now.

        Args:
            matrix: of the model.
            columns: of it, as the search sees them.
        """
        file = None
        if self._database.dialect == "sqlite":
            file = _stamp(sidecar_of(self._database, matrix.model))
        if file is None:
            return Ready(None, None)
        with self._lock, self._database.reading() as transaction:
            limits, known = read_limits(transaction), self._known.get(matrix.model)
            if known is None or known.columns is not columns or (known.file, known.limits) != (file, limits):
                found = condition_of(self._database, transaction, matrix.model, matrix.dim, columns.tracklets)
                shortlist = Shortlist(found.lists, limits.floor) if found.used and found.lists is not None else None
                known = _Known(file, limits, columns, Ready(shortlist, found.note))
                self._known[matrix.model] = known
            return known.ready


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
