"""Bounds on what files of others may cost, and opening of regular files only.

A small file can ask for much: a PNG of a few kilobytes for gigabytes of pixels, a Parquet file of repeated paths for
more memory than there is. What exceeds a bound is refused with the name of the environment variable that raises it.
"""

import os
import stat
from io import BufferedReader
from pathlib import Path

from passerby.errors import DataError

MAX_PIXELS = "PASSERBY_MAX_PIXELS"
"""Variable: pixels of an image, width × height; 100 million by default."""

MAX_TABLE_BYTES = "PASSERBY_MAX_TABLE_BYTES"
"""Variable: bytes of the columns of a table once they are read; 4 GiB by default."""

_DEFAULTS = {MAX_PIXELS: 100_000_000, MAX_TABLE_BYTES: 4 * 2**30}
_BYTES_PER_PIXEL = 8  # of four channels of 16 bits: no image file of so many pixels is larger, but for its notes
_NOTES = 64 * 2**20
_KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))


def limit(variable: str) -> int:
    """The value of one of the bounds.

    Raises:
        DataError: its environment variable is no whole number above 0.
    """
    text = os.environ.get(variable, "")
    if not text:
        return _DEFAULTS[variable]
    if not text.isdecimal() or not int(text):
        raise DataError(f"{variable} must be a whole number above 0, not {text!r}")
    return int(text)


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading, without waiting for the other end of a pipe.

    Raises:
        OSError: it cannot be opened.
        DataError: it is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_mode(path, os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def open_image_file(path: Path) -> BufferedReader:
    """Open an image file as `open_regular` does, if it is no larger than so many pixels can be.

    Raises:
        OSError: it cannot be opened.
        DataError: it is not a regular file, or too large.
    """
    stream = open_regular(path)
    size = os.fstat(stream.fileno()).st_size
    if size > _BYTES_PER_PIXEL * limit(MAX_PIXELS) + _NOTES:
        stream.close()
        raise DataError(f"image {path} cannot be read: it has {size:,} bytes; {pixels_remedy()}")
    return stream


def pixels_remedy() -> str:
    """The end of a message about an image that exceeds the bound on pixels."""
    return f"make it smaller, or raise the bound of {limit(MAX_PIXELS):,} pixels with the variable {MAX_PIXELS}"


def check_regular(path: Path) -> None:
    """Check that a path is that of a regular file, followed through links.

    Raises:
        OSError: it cannot be looked at.
        DataError: it is not a regular file.
    """
    _check_mode(path, path.stat().st_mode)


def _check_mode(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a device")
        raise DataError(f"{path} cannot be read: it is {kind}, not a regular file")
