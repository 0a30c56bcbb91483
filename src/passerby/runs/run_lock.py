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
    stays means nothing. Only on a disk without such locks (Lustre as it is often mounted) is the file the lock: it
    names process and machine, and goes when the process ends; one that was killed is noticed on its own machine, but on
    others keeps everybody out until somebody removes the file. For the first of several processes that train together.

    Raises:
        PasserbyError: another process trains there, or the disk has no lock to give.
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
    except OSError as error:
        if error.filename is not None:  # the file cannot be written
            raise
        reason = error.strerror or error
        raise PasserbyError(f"{folder}: cannot be locked ({reason}): choose a folder on another disk") from error
    try:
        yield
    finally:
        lock.release()
