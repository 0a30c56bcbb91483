"""Arrays in `.npy` files, read a few rows at a time.

Nothing is memory-mapped: where a mapped file is cut short, or the disk is full under a hole of it, the system ends the
process without a message. Reads and writes raise errors instead.
"""

from collections.abc import Iterable, Iterator
from io import FileIO
from itertools import pairwise
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from passerby.atomic_files import write_atomically
from passerby.errors import DataError
from passerby.tracklets.distance import Integers

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}

_BROKEN = (ValueError, TypeError, SyntaxError, OverflowError, RecursionError, MemoryError, TokenError)
"""What reading the header raises where it is not one."""


class ArrayFile:
    """An array in a file that is open for reading.

    Args:
        opened: at any place; it is closed with the array.
        file: its name.

    Raises:
        DataError: it is not a `.npy` file of numbers in C order, or its size is not what its header says.
    """

    def __init__(self, opened: FileIO, file: Path) -> None:
        self._opened, self.file = opened, file
        self.shape, self.dtype = self._read_header()
        self._start = opened.tell()
        self._row_bytes = self.dtype.itemsize * prod(self.shape[1:])
        size, expected = opened.seek(0, 2), self._start + self.shape[0] * self._row_bytes
        if size != expected:
            raise DataError(
                f"{file} is not a whole array: its header says shape {list(self.shape)} and {self.dtype}, which take "
                f"{expected:,} bytes, but it has {size:,}: write it again"
            )

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: slice | Integers, /) -> NDArray[Any]:
        """Rows of the array, in the order of `places`, which are at least 0.

        Raises:
            DataError: the file has been cut short.
        """
        if isinstance(places, slice):
            begin, end, _ = places.indices(len(self))
            rows = np.empty((max(0, end - begin), *self.shape[1:]), self.dtype)
            self._fill(rows, begin)
            return rows
        ascending = bool((np.diff(places) > 0).all())
        unique, inverse = (places, None) if ascending else np.unique(places, return_inverse=True)
        rows = np.empty((unique.size, *self.shape[1:]), self.dtype)
        for run in _runs(unique):
            self._fill(rows[run], int(unique[run.start]))
        return rows if inverse is None else rows[inverse]

    def _fill(self, rows: NDArray[Any], first: int) -> None:
        """Read the rows from `first` on into an array."""
        if not rows.nbytes:
            return
        self._opened.seek(self._start + first * self._row_bytes)
        wanted = rows.view(np.uint8).reshape(-1).data
        while wanted:
            count = self._opened.readinto(wanted)
            if not count:
                raise DataError(f"{self.file} was cut short while it was read: make it again, and leave it alone")
            wanted = wanted[count:]

    def _read_header(self) -> tuple[tuple[int, ...], np.dtype[Any]]:
        self._opened.seek(0)
        try:
            version = npy.read_magic(self._opened)
            if version not in _HEADERS:
                raise ValueError(f"format {version[0]}.{version[1]} is for records")
            shape, by_columns, dtype = _HEADERS[version](self._opened)
        except _BROKEN as error:
            reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
            raise DataError(f"{self.file} is not an array that np.save wrote: {reason}") from error
        if dtype.kind not in "fiub":
            raise DataError(f"{self.file} holds {_kind(dtype)}, not numbers: save a plain array of floats")
        if by_columns and len(shape) > 1:
            raise DataError(f"{self.file} is stored by columns: save np.ascontiguousarray(features) instead")
        if not shape or min(shape) < 0:
            raise DataError(f"{self.file} has shape {list(shape)}, which is not one of rows")
        return shape, dtype


def _kind(dtype: np.dtype[Any]) -> str:
    return "Python objects" if dtype.hasobject else "text" if dtype.kind in "SU" else f"{dtype.name[:40]}"


def open_array(file: Path) -> ArrayFile:
    """An array on disk.

    Raises:
        DataError: as of `ArrayFile`; or there is no such file, or something that is not a file.
    """
    if not file.is_file():
        raise DataError(f"{file} is not a file on disk")
    return ArrayFile(file.open("rb", buffering=0), file)


def write_array(file: Path, shape: tuple[int, ...], dtype: DTypeLike, parts: Iterable[NDArray[Any]]) -> None:
    """Write an array in parts, one after the other; the file is whole or not there.

    Raises:
        OSError: the disk is full.
    """
    with write_atomically(file) as temporary, temporary.open("wb") as opened:
        write_header(opened, shape, dtype)
        for part in parts:
            opened.write(np.ascontiguousarray(part, dtype).data)


def write_header(opened: IO[bytes], shape: tuple[int, ...], dtype: DTypeLike) -> None:
    """Write what stands before the rows of an array."""
    described = {"descr": npy.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(opened, described)


def write_rows(opened: IO[bytes], start: int, places: Integers, rows: NDArray[Any]) -> None:
    """Write rows, C-contiguous, at their places in an array whose rows begin at the byte `start`."""
    order = np.argsort(places, kind="stable")
    ordered, row_bytes = places[order], rows.itemsize * prod(rows.shape[1:])
    for run in _runs(ordered):
        opened.seek(start + int(ordered[run.start]) * row_bytes)
        opened.write(rows[order[run]].data)


def _runs(places: Integers) -> Iterator[slice]:
    """Where ascending places follow each other without a gap."""
    borders = np.flatnonzero(np.diff(places, prepend=-2, append=-2) != 1)
    for begin, end in pairwise(borders.tolist()):
        yield slice(begin, end)
