"""One process at a time trains in a run's folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from passerby.errors import PasserbyError

_NAME = ".lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder, which is made where it is missing.

    The operating system holds the lock for the process, so that it ends with it, however it ends; the empty file that
    stays means nothing. For the first of several processes that train together.

    Raises:
        PasserbyError: another process trains there.
        OSError: the folder cannot be written into.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _NAME)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise PasserbyError(
            f"{folder}: another process trains there: wait until it is done, or choose another folder with --out"
        ) from None
    try:
        yield
    finally:
        lock.release()
