"""Sizes and modification times of all images of a run: whether each file is still what it was when the run began.

A fingerprint of paths and labels says nothing of what is in the files, and reading them all would cost as much as an
epoch. Sizes and times are asked for in seconds, and no program changes an image without changing one of them. Data may
be copied, however, and a copy may have times of its own: where the times of all files of a data set differ, they say
nothing, and sizes alone are compared.
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

FileColumns = Mapping[str, NDArray[np.int64]]
"""Bytes and times (ns) of the files of each part of each data set, int64 [N]; the keys are `NUMBER.PART.bytes`, …"""

LEFT_OUT = "left_out"
"""Key of rows that are not trained on, int64 [n], beside the columns in the same file; see `OpenedData`."""
_TOLERANCE = 2 * 10**9
"""Nanoseconds by which the times of two copies may differ: some file systems count in steps of two seconds."""
_NAMED = 3


def measure_files(sets: Sequence[Benchmark]) -> dict[str, NDArray[np.int64]]:
    """Size and time of every file of the data sets; -1 where it is missing."""
    found: dict[str, NDArray[np.int64]] = {}
    for number, each in enumerate(sets):
        for part, split in _parts(each):
            found[f"{number}.{part}.bytes"], found[f"{number}.{part}.times"] = file_stats(split)
    return found


class Comparison(NamedTuple):
    """What comparing files has shown.

    Attributes:
        unread: whether a data set is new or a copy, of which nobody has read a pixel yet.
        columns: what to remember of the files from now on.
    """

    unread: bool
    columns: FileColumns


def write_file_record(file: Path, columns: FileColumns) -> None:
    """Keep what `measure_files` found, compressed."""
    with write_atomically(file) as temporary, temporary.open("wb") as stream:
        arrays: dict[str, Any] = dict(columns)
        np.savez_compressed(stream, **arrays)


def read_file_record(file: Path) -> dict[str, NDArray[np.int64]]:
    """What `write_file_record` kept.

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


def refuse_changed_files(
    before: FileColumns, now: FileColumns, sets: Sequence[Benchmark], place: Path, *, skip_unreadable: bool = False
) -> Comparison:
    """Refuse to go on where images were changed.

    Args:
        before, now: as `measure_files` gives it.
        sets: the data sets, with the same images as before.
        place: of the record, named in errors.
        skip_unreadable: do not mind images that have changed by becoming unreadable, for they are left out. What they
            were is remembered, so that they may be restored.

    Raises:
        DataError: counts and names the images that have changed.
    """
    copied, columns = False, dict(now)
    for number, each in enumerate(sets):
        is_copy = _is_copy(before, now, number, each)
        copied |= is_copy
        for part, split in _parts(each):
            resized, touched = _changes(before, now, f"{number}.{part}")
            rows = np.flatnonzero(resized if is_copy else resized | touched)
            if skip_unreadable and len(rows):
                found = find_unreadable(split, "looking at changed images", rows=rows, show=False)
                lost = np.fromiter(found, np.int64)
                for name in (f"{number}.{part}.bytes", f"{number}.{part}.times"):
                    columns[name] = now[name].copy()
                    columns[name][lost] = before[name][lost]
                rows = np.setdiff1d(rows, lost)
            if len(rows):
                _refuse(f"{each.name}: {len(rows):,} of {len(split):,} {part}", split, rows, place, bool(resized.any()))
    return Comparison(copied, columns)


def _parts(benchmark: Benchmark) -> Iterator[tuple[str, Split]]:
    for part in PARTS:
        split = getattr(benchmark, part)
        if split is not None:
            yield part, split


def _changes(before: FileColumns, now: FileColumns, key: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which files of a part have another size, and which another time, bool [N] each."""
    old, new = before[f"{key}.times"], now[f"{key}.times"]
    there = (old >= 0) & (new >= 0)
    return before[f"{key}.bytes"] != now[f"{key}.bytes"], there & (np.abs(old - new) > _TOLERANCE)


def _is_copy(before: FileColumns, now: FileColumns, number: int, benchmark: Benchmark) -> bool:
    """Whether every file that was and is there has another time."""
    for part, _ in _parts(benchmark):
        key = f"{number}.{part}"
        missing = (before[f"{key}.times"] < 0) | (now[f"{key}.times"] < 0)
        if not (_changes(before, now, key)[1] | missing).all():
            return False
    return True


def _refuse(images: str, split: Split, rows: NDArray[np.int64], place: Path, resized: bool) -> None:
    shown = ", ".join(str(split.path(int(row))) for row in rows[:_NAMED]) + (", …" if len(rows) > _NAMED else "")
    only_times = "" if resized else f"; if nothing but their times has changed, delete {place}"
    raise DataError(
        f"{images} images have changed since the run began ({shown}): restore them, or start a new run with "
        f"--out{only_times}"
    )
