"""One process at a time works towards an output file."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from passerby.atomic_files import sweep_temporaries_of
from passerby.errors import DataError, InUseError


@contextmanager
def alone_at(out: Path) -> Iterator[None]:
    """Keep other processes from writing a file, by a hidden lock beside it; the folder is made where it is missing.

    What `write_atomically` left of the file when an earlier process was killed is removed.

    Raises:
        InUseError: another process is writing the file.
        DataError: the disk has no lock to give.
        OSError: the folder cannot be written into.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out.with_name(f".{out.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InUseError(f"another process is writing {out}: wait for it, or name another file") from error
    except OSError as error:
        if error.filename is not None:  # the file cannot be written
            raise
        raise DataError(f"{out}: cannot be locked ({error.strerror or error}): name a file on another disk") from error
    try:
        sweep_temporaries_of(out, alone=True)
        yield
        with suppress(PermissionError):  # where open files cannot be removed, this one stays
            Path(lock.lock_file).unlink(missing_ok=True)  # while it is held: afterwards it may be another's
    finally:
        lock.release()
