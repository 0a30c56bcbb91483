"""The file of a pixel cache's pixels, read piece by piece."""

import os
import threading
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class PixelFile:
    """An open file of uint8, which processes and threads may share.

    It is not mapped into memory: where a mapped file is cut off while it is open, the system ends the process without a
    word (SIGBUS); reading past its end is an error that can be told.

    Args:
        file: to read; stays open as long as this object lives.
    """

    def __init__(self, file: Path) -> None:
        with file.open("rb", buffering=0) as stream:
            self._descriptor = os.dup(stream.fileno())
        weakref.finalize(self, os.close, self._descriptor)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> NDArray[np.uint8]:
        """So many bytes from `offset` on. Raises as `read_into` does."""
        return self.read_into(offset, np.empty(length, np.uint8))

    def read_into(self, offset: int, target: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Fill a contiguous array with the bytes from `offset` on, and return it.

        Raises:
            ValueError: the file ends before.
            OSError: it cannot be read.
        """
        rest = target.data.cast("B")
        while rest:
            count = self._read_some(offset, rest)
            if not count:
                raise ValueError("pixels.bin is too short")
            offset, rest = offset + count, rest[count:]
        return target

    def _read_some(self, offset: int, target: memoryview) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._descriptor, [target], offset)
        with self._lock:  # Windows has one position in a file, which threads share
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            data = os.read(self._descriptor, len(target))
        target[: len(data)] = data
        return len(data)
