"""Concatenation of training splits."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from passerby.data.split import JUNK, IntegerColumn, Split
from passerby.errors import DataError


def concatenate(splits: Sequence[Split]) -> Split:
    """One training split out of several; equal identity names in different sets stay different people.

    Identities, cameras and tracks are renumbered one set after the other. A column is kept only if every set has it.
    True identities are the same person in all sets if they are called the same.

    Raises:
        DataError: nothing to concatenate, or labels that hold everywhere beside labels that hold inside a camera.
    """
    if not splits:
        raise DataError("no data set to concatenate: name at least one in data")
    if len(splits) == 1:
        return splits[0]
    if len({split.scope for split in splits}) > 1:
        raise DataError("labels that hold in all cameras and labels that hold inside one cannot be joined")
    root = Path(os.path.commonpath([split.root.resolve() for split in splits]))
    paths: list[pa.Array] = []
    for split in splits:
        prefix = split.root.resolve().relative_to(root).as_posix()
        strings = split.paths.combine_chunks() if isinstance(split.paths, pa.ChunkedArray) else split.paths
        paths.append(strings if prefix == "." else pc.binary_join_element_wise(prefix, strings, "/"))
    cameras = _joined([split.cameras for split in splits], [len(split.camera_names) for split in splits])
    identities = _joined([split.identities for split in splits], [len(split.identity_names) for split in splits])
    assert identities is not None
    truth, true_names = _joined_truth(splits)
    return Split(
        root=root,
        paths=pa.chunked_array(paths, type=pa.string()),
        identities=identities,
        identity_names=_numbered_names([split.identity_names for split in splits]),
        cameras=cameras,
        camera_names=() if cameras is None else _numbered_names([split.camera_names for split in splits]),
        tracks=_joined([split.tracks for split in splits], [_track_count(split) for split in splits]),
        frames=_joined([split.frames for split in splits], [0] * len(splits)),
        scope=splits[0].scope,
        true_identities=truth,
        true_identity_names=true_names,
    )


def _joined(columns: Sequence[IntegerColumn | None], sizes: Sequence[int]) -> IntegerColumn | None:
    """The columns in a row, each raised by the label counts before it (`JUNK` stays); None if one is missing."""
    present = [column for column in columns if column is not None]
    if len(present) < len(columns):
        return None
    offsets = np.cumsum([0, *sizes[:-1]])
    return np.concatenate(
        [np.where(column == JUNK, JUNK, column + offset) for column, offset in zip(present, offsets, strict=True)]
    )


def _joined_truth(splits: Sequence[Split]) -> tuple[IntegerColumn | None, tuple[str, ...]]:
    """True identities in a row, numbered over the names of all; None if one set has none."""
    names = tuple(sorted({name for split in splits for name in split.true_identity_names}))
    places = {name: place for place, name in enumerate(names)}
    columns = []
    for split in splits:
        if split.true_identities is None:
            return None, ()
        numbers = np.array([*(places[name] for name in split.true_identity_names), JUNK], dtype=np.int64)
        columns.append(numbers[split.true_identities])  # the last place is for JUNK, index -1
    return np.concatenate(columns), names


def _numbered_names(lists: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(f"{number}/{name}" for number, names in enumerate(lists) for name in names)


def _track_count(split: Split) -> int:
    return 0 if split.tracks is None or not len(split.tracks) else int(split.tracks.max()) + 1
