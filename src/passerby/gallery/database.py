"""What a gallery asks of the database that holds it: transactions, rows, and the removal of what was deleted."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

Value = str | int | float | bytes | None
"""What a column can hold."""

Row = tuple[Any, ...]
"""A row of the result; which types its columns have, the statement says."""

_AT_ONCE = 500
"""Values in one statement: databases take only so many parameters."""


def in_parts(values: Sequence[Value]) -> Iterator[tuple[Sequence[Value], str]]:
    """Values for `IN (…)`, in parts that one statement takes: each part, and the `?` that stand for it."""
    for first in range(0, len(values), _AT_ONCE):
        some = values[first : first + _AT_ONCE]
        yield some, ", ".join("?" * len(some))


class Transaction(Protocol):
    """Statements that take effect together or not at all. Parameters stand as `?` in every statement."""

    def rows(self, statement: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Carry out a statement and give the rows it returns."""
        ...

    def run(self, statement: str, parameters: Sequence[Value] = ()) -> int:
        """Carry out a statement and give the number of rows it changed."""
        ...

    def run_many(self, statement: str, parameters: Iterable[Sequence[Value]]) -> None:
        """Carry out a statement once for each set of parameters."""
        ...


class Database(Protocol):
    """Where a gallery is kept."""

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Whose SQL it speaks, where the two differ."""
        ...

    @property
    def location(self) -> str:
        """The folder, or the address without a password, for messages."""
        ...

    @property
    def places(self) -> Sequence[Path]:
        """Files and folders that hold the gallery's data, as far as this computer can see them."""
        ...

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that sees one state of the gallery and changes nothing."""
        ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction that no other writer overlaps; when the block ends without an exception it is on disk.

        Raises:
            GalleryError: the disk is full, read-only or damaged, or another writer held the gallery for too long;
                nothing has changed then.
        """
        ...

    def check_may_purge(self) -> None:
        """See, before anything is deleted, whether `purge` will be allowed.

        Raises:
            GalleryError: a right is missing.
        """
        ...

    def purge(self) -> None:
        """Remove what was deleted from every file: logs, free pages, indexes. When it returns, the bytes are gone."""
        ...

    def faults(self) -> Sequence[str]:
        """What the database finds wrong with itself: torn pages, indexes that disagree, references to nothing."""
        ...

    def leftovers(self) -> Sequence[Path]:
        """Files beside the gallery's own that are no part of it."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
