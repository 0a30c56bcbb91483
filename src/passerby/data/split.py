"""Images and their labels as columns.

A `Split` is a value: an Arrow string column of paths and NumPy columns of labels, so that four million rows cost a few
hundred megabytes. A `Benchmark` is three of them and the rule by which they are evaluated.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from passerby.errors import DataError

JUNK = -1
"""The identity of a gallery image that counts neither as right nor as wrong."""

IntegerColumn = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Images of one part of a data set, as columns of equal length N.

    Attributes:
        root: folder that `paths` are relative to.
        paths: Arrow string column [N], POSIX paths relative to `root`.
        identities: int64 [N], labels `0..C-1`, or `JUNK`. Of a training split every label occurs.
        identity_names: the original name of each label, [C]; query and gallery of a benchmark share one list.
        cameras: int64 [N], labels `0..K-1`, or None where cameras are unknown.
        camera_names: the original name of each camera label, [K]; empty where cameras are unknown.
        tracks: int64 [N], tracklet numbers, or None.
        frames: int64 [N], frame numbers, or None.
    """

    root: Path
    paths: pa.ChunkedArray | pa.Array
    identities: IntegerColumn
    identity_names: tuple[str, ...]
    cameras: IntegerColumn | None = None
    camera_names: tuple[str, ...] = ()
    tracks: IntegerColumn | None = None
    frames: IntegerColumn | None = None

    def __post_init__(self) -> None:
        for name in ("identities", "cameras", "tracks", "frames"):
            column = getattr(self, name)
            if column is not None and (column.dtype != np.int64 or column.shape != (len(self.paths),)):
                raise DataError(
                    f"column {name!r} must be int64 of length {len(self.paths)}, not {column.dtype} {column.shape}"
                )

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, row: int) -> Path:
        """The image file of one row."""
        return self.root / str(self.paths[row])

    @property
    def identity_count(self) -> int:
        """Number of different identities that occur, junk excluded."""
        return int(np.unique(self.identities[self.identities != JUNK]).size)

    @property
    def camera_count(self) -> int:
        """Number of different cameras that occur; 0 where cameras are unknown."""
        return 0 if self.cameras is None else int(np.unique(self.cameras).size)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Split":
        """The same split with only these rows (indices, or a mask of length N); labels are kept as they are."""
        indices = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return replace(
            self,
            paths=self.paths.take(pa.array(indices)),
            identities=self.identities[indices],
            cameras=None if self.cameras is None else self.cameras[indices],
            tracks=None if self.tracks is None else self.tracks[indices],
            frames=None if self.frames is None else self.frames[indices],
        )

    def relabelled(self) -> "Split":
        """The same rows without junk, labels renumbered `0..C-1` in the order of their old numbers."""
        kept = self.take(self.identities != JUNK)
        labels, identities = np.unique(kept.identities, return_inverse=True)
        names = tuple(kept.identity_names[label] for label in labels)
        return replace(kept, identities=identities.astype(np.int64), identity_names=names)


@dataclass(frozen=True)
class Benchmark:
    """A training split and a query/gallery pair, with the rule for comparing them.

    Attributes:
        name: how the benchmark is called in recipes and reports.
        train: training images, identities `0..C-1`; None for sets that have no training half.
        query: images to search for; shares its identity and camera labels with `gallery`.
        gallery: images to search in.
        same_camera_rule: whether a gallery image of the query's own identity and camera is left out of the ranking.
    """

    name: str
    train: Split | None
    query: Split
    gallery: Split
    same_camera_rule: bool = True


def split_from_names(
    root: Path,
    paths: Sequence[str],
    identities: Sequence[str],
    cameras: Sequence[str] | None,
    *,
    junk: frozenset[str] = frozenset({"-1"}),
    identity_names: tuple[str, ...] | None = None,
    camera_names: tuple[str, ...] | None = None,
    tracks: IntegerColumn | None = None,
    frames: IntegerColumn | None = None,
) -> Split:
    """A split from original names; labels are numbered in sorted order of the names, so they never depend on the disk.

    Names given as `identity_names` and `camera_names` fix the numbering (query and gallery share one); otherwise the
    names that occur are used. Identities named in `junk` become `JUNK`.
    """
    if identity_names is None:
        identity_names = tuple(sorted(set(identities) - junk))
    if camera_names is None:
        camera_names = tuple(sorted(set(cameras))) if cameras is not None else ()
    identity_labels = {name: label for label, name in enumerate(identity_names)} | dict.fromkeys(junk, JUNK)
    camera_labels = {name: label for label, name in enumerate(camera_names)}
    return Split(
        root=root,
        paths=pa.array(list(paths), type=pa.string()),
        identities=np.array([identity_labels[name] for name in identities], dtype=np.int64),
        identity_names=identity_names,
        cameras=None if cameras is None else np.array([camera_labels[name] for name in cameras], dtype=np.int64),
        camera_names=camera_names,
        tracks=tracks,
        frames=frames,
    )


def concatenate(splits: Sequence[Split]) -> Split:
    """One training split out of several; equal identity names in different sets stay different people.

    Identities and cameras are renumbered one set after the other. Cameras are kept only if every set has them.
    """
    if not splits:
        raise DataError("no data set to concatenate: name at least one in data")
    if len(splits) == 1:
        return splits[0]
    root = Path(os.path.commonpath([split.root.resolve() for split in splits]))
    columns: dict[str, list[NDArray[np.int64]]] = {"identities": [], "cameras": []}
    paths: list[str] = []
    identity_names: list[str] = []
    camera_names: list[str] = []
    with_cameras = all(split.cameras is not None for split in splits)
    for number, split in enumerate(splits):
        prefix = split.root.resolve().relative_to(root).as_posix()
        paths.extend(f"{prefix}/{path}" for path in split.paths.to_pylist())
        columns["identities"].append(np.where(split.identities == JUNK, JUNK, split.identities + len(identity_names)))
        identity_names.extend(f"{number}/{name}" for name in split.identity_names)
        if with_cameras and split.cameras is not None:
            columns["cameras"].append(split.cameras + len(camera_names))
            camera_names.extend(f"{number}/{name}" for name in split.camera_names)
    return Split(
        root=root,
        paths=pa.array(paths, type=pa.string()),
        identities=np.concatenate(columns["identities"]),
        identity_names=tuple(identity_names),
        cameras=np.concatenate(columns["cameras"]) if with_cameras else None,
        camera_names=tuple(camera_names),
    )
