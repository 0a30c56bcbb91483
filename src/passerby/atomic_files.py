"""Files that are whole wherever they exist, whatever kills the process that writes them."""

import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from glob import escape
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}\.partial")
_BOOT, _PROCESSES = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


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
    temporary = _temporary_name(path)
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


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A new hidden folder beside `path`, removed in the end; what killed processes left there is removed first.

    Args:
        path: for whose content the folder is; its own folder is made where it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in sorted(path.parent.glob(".*.partial")):
        name = _TEMPORARY.fullmatch(left.name)
        if name is not None and left.is_dir() and name["machine"] == _machine() and not _lives(int(name["process"])):
            shutil.rmtree(left, ignore_errors=True)
    temporary = _temporary_name(path)
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep_temporaries(folder: Path, *, alone: bool = False) -> list[Path]:
    """Remove what `write_atomically` left in a folder and below it when its process was killed.

    Args:
        folder: where to look.
        alone: nobody else can be writing there, as where one holds a lock: what is left is removed whoever wrote it.
            Otherwise files of living processes are left alone, and files of other machines and containers, of whose
            processes nothing is known.

    Returns:
        The files removed.
    """
    return [path for path in sorted(folder.rglob(".*.partial")) if _is_swept(path, alone=alone)]


def sweep_temporaries_of(path: Path, *, alone: bool = False) -> list[Path]:
    """Remove what `write_atomically` left of one file; see `sweep_temporaries`."""
    found = path.parent.glob(f".{escape(path.name)}.*.partial")
    return [temporary for temporary in sorted(found) if _is_swept(temporary, alone=alone)]


def _is_swept(path: Path, *, alone: bool) -> bool:
    name = _TEMPORARY.fullmatch(path.name)
    if name is None or not path.is_file():
        return False
    if not alone and (name["machine"] != _machine() or _lives(int(name["process"]))):
        return False
    path.unlink(missing_ok=True)
    return True


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.partial")


@cache
def _machine() -> str:
    """Tells where a process number means the same, 8 hexadecimal digits: computer, since its start, and container."""
    known = [socket.gethostname()]
    with suppress(OSError):  # only Linux has these
        known += [_BOOT.read_text("ascii"), str(_PROCESSES.readlink())]
    return hashlib.blake2b("\n".join(known).encode(), digest_size=4).hexdigest()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
