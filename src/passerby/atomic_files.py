"""Files that are whole wherever they exist, whatever kills the process that writes them."""

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.(?P<process>\d+)-[0-9a-f]{8}\.partial")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError that does not say which file it is about, as on a full disk, say this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` to write to; afterwards it takes the place of `path`.

    The content is on the disk before the name is. The file gets the permissions that the umask says, whatever the
    library that wrote it thinks of them. Several processes may write the same path: the last one to finish wins.

    Args:
        path: of the file; its folder is made where it is missing.

    Raises:
        OSError: the folder cannot be written to, or the disk is full; it names the file. `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    temporary.open("xb").close()
    permissions = stat.S_IMODE(temporary.stat().st_mode)
    try:
        with naming(path):
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
        temporary.chmod(permissions)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text as `write_atomically` does."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sweep_temporaries(folder: Path) -> list[Path]:
    """Remove what `write_atomically` left in a folder and below it when its process was killed.

    Returns:
        The files removed; files of processes that live are left alone.
    """
    stale = []
    for path in sorted(folder.rglob(".*.partial")):
        name = _TEMPORARY.fullmatch(path.name)
        if name and path.is_file() and not _lives(int(name["process"])):
            path.unlink(missing_ok=True)
            stale.append(path)
    return stale


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
