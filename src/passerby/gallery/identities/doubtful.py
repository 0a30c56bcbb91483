"""The part of a gallery that asks people: its least certain joins, and their answers."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from passerby.errors import GalleryError
from passerby.gallery.audit import write_entry
from passerby.gallery.columns.columns import Columns
from passerby.gallery.columns.matrix import Matrix
from passerby.gallery.database import Database, Transaction
from passerby.gallery.identities.apart import read_circumstances
from passerby.gallery.identities.decisions import persons_of, read_confirmed, read_decisions
from passerby.gallery.identities.doubts import Doubt, Known, doubts, join_of, known_of
from passerby.gallery.identities.history import identity_of, state_of_identities
from passerby.gallery.identities.identifying import default_false_links, threshold_for
from passerby.gallery.identities.settling import settle
from passerby.gallery.probability.calibration import calibration_of
from passerby.gallery.records import ModelKey
from passerby.gallery.schema import read_setting

THRESHOLD = "identify_threshold"
"""Setting: the mean cosine from which on `identify` last took groups for one person."""

_ATTEMPTS = 5


class Settled(NamedTuple):
    """What became of an answer.

    Attributes:
        change: its number in the history.
        moved: how many tracklets have another identity now.
    """

    change: int
    moved: int


class Doubtful(ABC):
    """What a gallery is least certain of."""

    _database: Database
    _actor: str

    @abstractmethod
    def _matrix(self, model: ModelKey | None) -> Matrix:
        """The features of a model."""

    def doubts(self, count: int = 50, *, model: ModelKey | None = None) -> list[Doubt]:
        """The joins that are least certain, first: groups that are nearly too unlike, or nearly alike enough.

        Left out are those that people have decided, those of two confirmed identities, and whoever cannot be one
        person. Of galleries with more than 20,000 identities those with most tracklets are compared.

        Args:
            count: how many at most.
            model: by whose features tracklets are compared.

        Raises:
            GalleryError: nobody has identified anybody yet, or the gallery has no features of this model.
        """
        if count < 1:
            raise GalleryError(f"count must be at least 1, not {count}")
        columns = self._matrix(model).columns()
        with self._database.reading() as transaction:
            known = _read(transaction, columns)
        return doubts(known, self._threshold(model, columns), count)

    def settle(
        self, first: int, second: int, *, same: bool, model: ModelKey | None = None, reason: str = ""
    ) -> Settled:
        """Say whether two tracklets are one person, and let it take effect at once; `undo` takes all of it back.

        One person: their identities become one. Two people that were one identity: the smaller of the two groups that
        were joined leaves it. `identify` keeps to what was said.

        Args:
            first: number of a tracklet.
            second: of another one.
            same: whether they are one person.
            model: by whose features the groups are told.
            reason: for the log.

        Raises:
            GalleryError: there is no such tracklet, or it contradicts other decisions or confirmed identities.
        """
        first, second = min(first, second), max(first, second)
        for _ in range(_ATTEMPTS):
            columns = self._matrix(model).columns()
            with self._database.reading() as transaction:
                state = state_of_identities(transaction)
                join = None if same else _join(transaction, columns, first, second)
            with self._database.writing() as transaction:
                if state_of_identities(transaction) != state:
                    continue
                settled = Settled(*settle(transaction, self._actor, first, second, same=same, join=join))
                write_entry(transaction, self._actor, "decide", reason, {"same": int(same), "moved": settled.moved})
                return settled
        raise GalleryError(f"{self._database.location}: others keep changing identities: answer again")

    def _threshold(self, model: ModelKey | None, columns: Columns) -> float:
        with self._database.reading() as transaction:
            kept = read_setting(transaction, THRESHOLD)
        if kept is not None:
            return float(kept)
        matrix = self._matrix(model)
        calibration = calibration_of(self._database, matrix.model, matrix.dim, len(columns.tracklets))
        if not calibration.rates:
            raise GalleryError(
                f"{self._database.location}: nobody has said from which likeness on people are one: identify them "
                "first, `passerby gallery identify`, with --threshold where too few were seen at once"
            )
        return threshold_for(calibration, default_false_links(), len(columns.tracklets))


def _join(transaction: Transaction, columns: Columns, first: int, second: int) -> Doubt | None:
    """The join by which two tracklets are one identity; None where they are not, or have no features."""
    owner = identity_of(transaction, first)
    if owner is None or owner != identity_of(transaction, second):
        return None
    known = _read(transaction, columns, owner, (first, second))
    return join_of(known, first, second) if {first, second} <= set(known.numbers.tolist()) else None


def _read(
    transaction: Transaction, columns: Columns, identity: int | None = None, anew: tuple[int, int] | None = None
) -> Known:
    """What doubts are drawn from: of all tracklets, or of one identity's; without what was said of a pair before."""
    chosen = "" if identity is None else " WHERE identity = ?"
    statement = f"SELECT id, coalesce(identity, 0) FROM tracklets{chosen} ORDER BY id"
    rows = transaction.rows(statement, () if identity is None else (identity,))
    owners = np.array(rows, np.int64).reshape(len(rows), 2)
    owners = owners[np.isin(owners[:, 0], columns.tracklets)]
    confirmed = read_confirmed(transaction)
    decisions = [each for each in read_decisions(transaction) if each[:2] != anew]
    persons = persons_of(confirmed, decisions)
    circumstances = read_circumstances(transaction, owners[:, 0], confirmed, decisions)
    return known_of(columns, owners[:, 0], owners[:, 1], persons, circumstances)
