"""Whether files are what they were when their reading began."""

from collections.abc import Sequence
from pathlib import Path

from passerby.errors import DataError

Stamps = list[tuple[str, int, int, int]]
"""Of each file its path, size, time of writing in nanoseconds, and inode."""


def stamps(files: Sequence[Path]) -> Stamps:
    """The stamps of files; -1 for what is not there."""
    return [(str(file.resolve()), *_state(file)) for file in files]


def check_unchanged(before: Stamps, files: Sequence[Path]) -> None:
    """Refuse results of files that were written while they were read.

    Raises:
        DataError: a file has another stamp than before.
    """
    for old, new, file in zip(before, stamps(files), files, strict=True):
        if old != new:
            raise DataError(f"{file} was changed while it was read: run this again when it is complete")


def _state(file: Path) -> tuple[int, int, int]:
    try:
        state = file.stat()
    except OSError:
        return -1, -1, -1
    return state.st_size, state.st_mtime_ns, state.st_ino
