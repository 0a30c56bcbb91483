"""Reads every image of a data set once, to find those that cannot be decoded and those with equal content."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.data.limits import open_image_file
from passerby.data.pixels.decoding import read_image
from passerby.errors import DataError
from passerby.worker_processes import worker_pool

_DIGEST_SIZE = 16
_CHUNK = 128
_BLOCK = 1 << 20
_WORTH_PROCESSES = 2000
"""Below this many images, starting processes takes longer than the work."""

Chunk = tuple[int, bytes, list[tuple[int, str]]]
"""First row of a chunk, its digests one after the other, and the complaints by row."""


@dataclass(frozen=True)
class FileScan:
    """The results of reading N files.

    Attributes:
        digests: bytes [N], equal where contents are equal; meaningless for missing files.
        complaints: by row, why the image cannot be used.
    """

    digests: NDArray[np.bytes_]
    complaints: dict[int, str]

    def duplicates(self) -> list[NDArray[np.int64]]:
        """Groups of rows with the same content, each in row order, by their first row; unreadable files left out."""
        usable = np.ones(self.digests.size, dtype=np.bool_)
        usable[list(self.complaints)] = False
        rows = np.flatnonzero(usable)
        _, group_of_row, counts = np.unique(self.digests[rows], return_inverse=True, return_counts=True)
        repeated = rows[counts[group_of_row] > 1]
        order = np.argsort(self.digests[repeated], kind="stable")
        ordered = repeated[order]
        borders = np.flatnonzero(self.digests[ordered][1:] != self.digests[ordered][:-1]) + 1
        groups = np.split(ordered, borders) if ordered.size else []
        return sorted(groups, key=lambda group: int(group[0]))


def scan_files(
    files: Sequence[Path],
    *,
    decode: bool = True,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> FileScan:
    """Read all files, in several processes when there are many.

    Args:
        files: image files.
        decode: whether to decode every image to its end; otherwise only missing files are noticed.
        workers: number of processes; None for as many as there are cores, at most 8.
        on_progress: called with the number of files read since the last call.

    Raises:
        DataError: a process was killed from outside.
    """
    digests = np.zeros(len(files), dtype=f"S{_DIGEST_SIZE}")
    complaints: dict[int, str] = {}
    for first, chunk_digests, chunk_complaints in _scan(files, decode, _process_count(workers, len(files))):
        of_chunk = np.frombuffer(chunk_digests, dtype=digests.dtype)
        digests[first : first + of_chunk.size] = of_chunk
        complaints.update(chunk_complaints)
        if on_progress is not None:
            on_progress(of_chunk.size)
    return FileScan(digests, dict(sorted(complaints.items())))


def _process_count(asked: int | None, files: int) -> int:
    if asked is not None:
        return asked
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8) if files >= _WORTH_PROCESSES else 1


def _scan(files: Sequence[Path], decode: bool, processes: int) -> Iterator[Chunk]:
    """The chunks as they are done, in any order."""
    starts = range(0, len(files), _CHUNK)
    if processes <= 1:
        for first in starts:
            yield _scan_chunk(first, files[first : first + _CHUNK], decode)
        return
    with worker_pool(processes) as pool:
        try:
            futures = [pool.submit(_scan_chunk, first, files[first : first + _CHUNK], decode) for first in starts]
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise DataError("a process that checks images was killed, perhaps for memory: try --workers 1") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _digest(file: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=_DIGEST_SIZE)
    with open_image_file(file) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def _scan_chunk(first: int, files: Sequence[Path], decode: bool) -> Chunk:
    digests = bytearray()
    complaints: list[tuple[int, str]] = []
    for row, file in enumerate(files, start=first):
        digest = bytes(_DIGEST_SIZE)
        try:
            if decode:
                read_image(file)
            digest = _digest(file)
        except DataError as error:
            complaints.append((row, str(error)))
        except FileNotFoundError:
            complaints.append((row, f"image {file} is missing"))
        except OSError as error:
            complaints.append((row, f"image {file} cannot be read: {error.strerror}"))
        digests += digest
    return first, bytes(digests), complaints
