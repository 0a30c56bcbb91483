"""Size and modification time of every image of a run: whether each file is still what it was when the run began.

A fingerprint of paths and labels does not cover what is in the files, and reading them all would cost as much as an
epoch. Sizes and times cost seconds, and no program changes an image without changing one of them. A copy of the data
may have times of its own, however: where the times of all files of a data set differ, only sizes are compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.data.cache.naming import file_stats
from passerby.data.pixels.reading import find_unreadable
from passerby.data.split import PARTS, Benchmark, Split
from passerby.errors import DataError, RecipeError

FileStamps = Mapping[str, NDArray[np.int64]]
"""Bytes and times (ns) of the files of each part of each data set, int64 [N]; the keys are `NUMBER.PART.bytes`, …"""

_TOLERANCE = 2 * 10**9
"""Nanoseconds by which the times of two copies may differ: some file systems count in steps of two seconds."""
_MAX_NAMED = 3


class ComparedFiles(NamedTuple):
    """The result of comparing files.

    Attributes:
        unread: whether a data set is a copy, of which no pixel has been read yet.
        stamps: what to remember of the files from now on.
    """

    unread: bool
    stamps: FileStamps


def measure_files(sets: Sequence[Benchmark]) -> dict[str, NDArray[np.int64]]:
    """Size and time of every file of the data sets; -1 where it is missing."""
    stamps: dict[str, NDArray[np.int64]] = {}
    for number, each in enumerate(sets):
        for part, split in _parts(each):
            stamps[f"{number}.{part}.bytes"], stamps[f"{number}.{part}.times"] = file_stats(split)
    return stamps


def write_stamps(file: Path, stamps: FileStamps) -> None:
    """Write stamps as a compressed NumPy archive."""
    with write_atomically(file) as temporary, temporary.open("wb") as stream:
        arrays: dict[str, Any] = dict(stamps)
        np.savez_compressed(stream, **arrays)


def read_stamps(file: Path) -> dict[str, NDArray[np.int64]]:
    """Read what `write_stamps` wrote.

    Raises:
        RecipeError: the file is damaged.
    """
    try:
        with np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen kinds for damaged files
        raise RecipeError(
            f"{file}: is damaged, so nobody can tell whether the images are the same: start a new run with --out"
        ) from error


def check_same_files(
    before: FileStamps, now: FileStamps, sets: Sequence[Benchmark], record: Path, *, skip_unreadable: bool = False
) -> ComparedFiles:
    """Compare the files of data sets whose lists are the same.

    Args:
        before, now: as `measure_files` gives it.
        sets: the data sets.
        record: the file that holds `before`, named in errors.
        skip_unreadable: allow images that have changed by becoming unreadable, for they are left out. Their earlier
            stamps are kept, so that they may be restored.

    Raises:
        DataError: counts and names the images that have changed.
    """
    copied, stamps = False, dict(now)
    for number, each in enumerate(sets):
        changes = {part: _changes(before, now, f"{number}.{part}") for part, _ in _parts(each)}
        is_copy = all(change.all_touched for change in changes.values())
        copied |= is_copy
        for part, split in _parts(each):
            key, change = f"{number}.{part}", changes[part]
            rows = np.flatnonzero(change.resized if is_copy else change.resized | change.touched)
            if skip_unreadable and len(rows):
                unreadable = find_unreadable(split, "looking at changed images", rows=rows, show=False)
                lost = np.fromiter(unreadable, np.int64)
                for name in (f"{key}.bytes", f"{key}.times"):
                    stamps[name] = now[name].copy()
                    stamps[name][lost] = before[name][lost]
                rows = np.setdiff1d(rows, lost)
            if len(rows):
                raise _changed(f"{each.name}: {len(rows):,} of {len(split):,} {part}", split, rows, record, change)
    return ComparedFiles(copied, stamps)


class _Changes(NamedTuple):
    """Which files of a part have another size, and which another time, bool [N] each; whether all times differ."""

    resized: NDArray[np.bool_]
    touched: NDArray[np.bool_]
    all_touched: bool


def _parts(benchmark: Benchmark) -> Iterator[tuple[str, Split]]:
    for part in PARTS:
        split: Split | None = getattr(benchmark, part)
        if split is not None:
            yield part, split


def _changes(before: FileStamps, now: FileStamps, key: str) -> _Changes:
    old, new = before[f"{key}.times"], now[f"{key}.times"]
    missing = (old < 0) | (new < 0)
    touched = ~missing & (np.abs(old - new) > _TOLERANCE)
    return _Changes(before[f"{key}.bytes"] != now[f"{key}.bytes"], touched, bool((touched | missing).all()))


def _changed(images: str, split: Split, rows: NDArray[np.int64], record: Path, change: _Changes) -> DataError:
    shown = ", ".join(str(split.path(int(row))) for row in rows[:_MAX_NAMED]) + (
        ", …" if len(rows) > _MAX_NAMED else ""
    )
    only_times = "" if change.resized.any() else f"; if nothing but their times has changed, delete {record}"
    return DataError(
        f"{images} images have changed since the run began ({shown}): restore them, or start a new run with "
        f"--out{only_times}"
    )
