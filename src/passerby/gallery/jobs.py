"""Videos that a service was given to index: what was asked, how far it is, and how it ended; kept with the gallery."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from passerby.errors import NotInGalleryError
from passerby.gallery.audit import write_entry
from passerby.gallery.database import Database, Row, Transaction
from passerby.gallery.times import moment, now

JobState = Literal["queued", "running", "cancelling", "done", "failed", "cancelled"]
STATES: tuple[JobState, ...] = get_args(JobState)
ENDED: frozenset[JobState] = frozenset({"done", "failed", "cancelled"})

_COLUMNS = "id, made, changed, actor, state, request, progress, message"


class Job(NamedTuple):
    """A video that is to be indexed.

    Attributes:
        number: names it.
        made, changed: when it was asked for, and when it changed last (UTC).
        actor: who asked.
        state: queued, running, cancelling, or one of `ENDED`.
        request: what was asked.
        progress: how far it is.
        message: why it failed.
    """

    number: int
    made: datetime
    changed: datetime
    actor: str
    state: JobState
    request: Mapping[str, Any]
    progress: Mapping[str, Any]
    message: str


class Jobs:
    """The part of a gallery that remembers what its service has to do."""

    _database: Database
    _actor: str

    def add_job(self, request: Mapping[str, Any], *, reason: str = "") -> Job:
        """Remember something to do."""
        statement = (
            "INSERT INTO jobs (made, changed, actor, state, request, progress)"
            f" VALUES (?, ?, ?, 'queued', ?, '{{}}') RETURNING {_COLUMNS}"
        )
        with self._database.writing() as transaction:
            row = transaction.rows(statement, (now(), now(), self._actor, json.dumps(dict(request))))[0]
            write_entry(transaction, self._actor, "add video", reason, {"job": row[0]})
        return _job(row)

    def jobs(self, states: Sequence[JobState] = STATES, *, limit: int | None = None) -> list[Job]:
        """Jobs in some states, the newest first.

        Args:
            states: which.
            limit: how many at most; None for all.
        """
        marks = ", ".join("?" * len(states))
        at_most = "" if limit is None else f" LIMIT {int(limit)}"
        statement = f"SELECT {_COLUMNS} FROM jobs WHERE state IN ({marks}) ORDER BY id DESC{at_most}"
        with self._database.reading() as transaction:
            return [_job(row) for row in transaction.rows(statement, states)]

    def job(self, number: int) -> Job:
        """A job by its number.

        Raises:
            NotInGalleryError: there is none.
        """
        with self._database.reading() as transaction:
            return _read(transaction, number)

    def change_job(
        self,
        number: int,
        state: JobState,
        *,
        before: Sequence[JobState],
        message: str = "",
        progress: Mapping[str, Any] | None = None,
    ) -> bool:
        """Let a job go from one state to another; returns whether it did.

        Args:
            number: of the job.
            state: what it is from now on.
            before: it changes only if it is one of these.
            message: why it failed.
            progress: how far it is; None leaves that.

        Raises:
            NotInGalleryError: there is none.
        """
        with self._database.writing() as transaction:
            job = _read(transaction, number)
            if job.state not in before:
                return False
            told = json.dumps(dict(job.progress if progress is None else progress))
            statement = "UPDATE jobs SET state = ?, message = ?, progress = ?, changed = ? WHERE id = ?"
            transaction.run(statement, (state, message, told, now(), number))
            if state == "cancelling":
                write_entry(transaction, self._actor, "cancel video", "", {"job": number})
        return True

    def tell_progress(self, number: int, progress: Mapping[str, Any]) -> None:
        """Write how far a job is."""
        with self._database.writing() as transaction:
            statement = "UPDATE jobs SET progress = ?, changed = ? WHERE id = ?"
            transaction.run(statement, (json.dumps(dict(progress)), now(), number))


def _read(transaction: Transaction, number: int) -> Job:
    rows = transaction.rows(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (number,))
    if not rows:
        raise NotInGalleryError(f"there is no job {number}")
    return _job(rows[0])


def _job(row: Row) -> Job:
    number, made, changed, actor, state, request, progress, message = row
    return Job(number, moment(made), moment(changed), actor, state, json.loads(request), json.loads(progress), message)
