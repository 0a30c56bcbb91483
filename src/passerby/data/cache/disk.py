"""Errors of the disk that a pixel cache is on: too little room, or no permission to write."""

import errno
import shutil
from pathlib import Path

from passerby.errors import DeviceError

_ANOTHER = "name another folder (data.cache_folder in a recipe, or the variable PASSERBY_CACHE)"


def check_room(file: Path, total: int, images: str) -> None:
    """Check that a file which is going to be filled fits on its disk.

    Args:
        file: of pixels, in the folder of a cache; it is there, and part of it may have been written already.
        total: bytes that it will have.
        images: what is in it, for the message.

    Raises:
        DeviceError: it does not.
    """
    present = getattr(file.stat(), "st_blocks", 0) * 512
    free = shutil.disk_usage(file.parent).free
    if total - present > free:
        raise DeviceError(
            f"no room for the pixel cache in {file.parent.parent}: {images}, {gibibytes(total)}, but {gibibytes(free)} "
            f"are free; free some, {_ANOTHER}, or load without a cache (data.cache=none)"
        )


def not_written(folder: Path, error: OSError) -> str:
    """The message for an error of writing to the folder of caches: the reason and a remedy."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"the pixel cache cannot be kept in {folder}, for that is a file or lies in one: {_ANOTHER}"
    room = "free some room or " if error.errno == errno.ENOSPC else ""
    kept = "; what is written already will be used" if room else ""
    return f"cannot write the pixel cache in {folder}: {error.strerror or error}; {room}{_ANOTHER}{kept}"


def gibibytes(count: int) -> str:
    """Bytes in GiB or MiB."""
    return f"{count / 2**30:.2f} GiB" if count >= 2**27 else f"{count / 2**20:.1f} MiB"
