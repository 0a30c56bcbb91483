"""The files of a pixel cache, as `PixelCache` reads them and `Builder` writes them.

A cache is a folder:

    manifest.json     format, count, size, interpolation
    records.npy       where each image lies and what its file was like, `RECORD` [N]
    status.npy        uint8 [N]: `PENDING`, `DONE` or `UNREADABLE`
    unreadable.json   what was wrong with each unreadable image
    pixels.bin        uint8, each image as channel, row, column
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.atomic_files import naming, write_atomically
from passerby.data.cache.pixel_file import PixelFile
from passerby.errors import DataError, DeviceError

PENDING, DONE, UNREADABLE = 0, 1, 2
RECORD = np.dtype([("offset", "i8"), ("height", "i4"), ("width", "i4"), ("file_bytes", "i8"), ("modified_ns", "i8")])
"""Offset in pixels.bin, height and width of an image; size and modification time of its file (-1 where missing)."""

ASIDE = ".damaged"
"""Ends the name of a cache that was moved aside."""

_JSON_FILES = ("manifest.json", "unreadable.json")
_DAMAGES = (FileNotFoundError, EOFError, ValueError, KeyError, TypeError, SyntaxError, TokenError)
"""What reading a damaged file raises; other errors of the operating system are not the file's, and may pass."""


class Stored(NamedTuple):
    """The columns of a cache, `RECORD` [N] and uint8 [N], and the file of its pixels."""

    records: NDArray[np.void]
    status: NDArray[np.uint8]
    pixels: PixelFile


def read_stored(folder: Path) -> Stored:
    """The columns and pixels of a cache, complete or half built.

    Raises:
        DataError: they are damaged.
        DeviceError: they cannot be read for another reason, such as too many open files.
    """
    with translate_damage(folder):
        return _read_stored(folder)


def read_json(file: Path) -> Any:
    """The content of a JSON file of a cache. Raises as `read_stored` does."""
    with translate_damage(file.parent):
        return _read_json(file)


def find_damage(folder: Path, *, complete: bool) -> str | None:
    """The first fault of the files of a cache, without a look at its pixels; None if they are whole.

    Args:
        folder: where the cache is.
        complete: whether it is; one that is half built may lack files.

    Raises:
        DeviceError: a file cannot be read, which says nothing about what is in it.
    """
    try:
        if complete:
            manifest, complaints = (_read_json(folder / name) for name in _JSON_FILES)
            if len(_read_stored(folder).status) != manifest["images"] or not isinstance(complaints, list):
                raise ValueError("its files do not fit together")
        elif (folder / "status.npy").exists():
            _read_stored(folder)
    except _DAMAGES as error:
        return _reason(error)
    except OSError as error:
        raise _not_read(folder, error) from error
    return None


def move_aside(folder: Path) -> Path:
    """Rename a damaged cache, which a run may have open; its new place."""
    names = (folder.with_name(f"{folder.name}.{number}{ASIDE}") for number in count(1))
    return folder.rename(next(name for name in names if not name.exists()))


@contextmanager
def translate_damage(folder: Path) -> Iterator[None]:
    """Turn what reading a damaged cache raises into an error that says what to do about it."""
    try:
        yield
    except _DAMAGES as error:
        raise DataError(
            f"the pixel cache {folder} is damaged ({_reason(error)}): start again, and it will be built again"
        ) from error
    except OSError as error:
        raise _not_read(folder, error) from error


def _not_read(folder: Path, error: OSError) -> DeviceError:
    file = Path(error.filename).name if error.filename is not None else "one of its files"
    return DeviceError(
        f"the pixel cache {folder} cannot be read ({file}: {error.strerror or error}), which does not say that it is "
        "damaged, so it is kept: start again once that is mended, or name another folder with data.cache_folder"
    )


def _read_json(file: Path) -> Any:
    with naming(file):
        return json.loads(file.read_text("utf-8"))


def _read_array(file: Path) -> NDArray[Any]:
    with naming(file):
        array: NDArray[Any] = np.load(file)
    return array


def _read_stored(folder: Path) -> Stored:
    status = _read_array(folder / "status.npy")  # before the records: an image is done only when its record is written
    records = _read_array(folder / "records.npy")
    if records.dtype != RECORD or records.shape != status.shape:
        raise ValueError("records.npy and status.npy do not fit together")
    file = folder / "pixels.bin"
    with naming(file):
        pixels = PixelFile(file)
    done = records[status == DONE]
    if len(done) and (done["offset"] + pixel_counts(done)).max() > len(pixels):
        raise ValueError("pixels.bin is too short")
    return Stored(records, status, pixels)


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def write_array(file: Path, array: NDArray[np.generic]) -> None:
    """Write a .npy file that is complete wherever it exists."""
    with write_atomically(file) as temporary, temporary.open("wb") as stream:
        np.save(stream, array)


def update_array(file: Path, array: NDArray[np.uint8]) -> None:
    """Write other values into a .npy file that `write_array` made of an array of this shape."""
    with naming(file), file.open("r+b") as stream:
        stream.seek(-array.nbytes, os.SEEK_END)
        stream.write(array.tobytes())


def pixel_counts(records: NDArray[np.void]) -> NDArray[np.int64]:
    """Bytes of each image, int64 [N]."""
    counts: NDArray[np.int64] = 3 * records["height"].astype(np.int64) * records["width"]
    return counts
