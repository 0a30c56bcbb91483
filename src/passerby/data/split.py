"""Images and their labels as columns.

A `Split` is a value: an Arrow string column of paths and NumPy columns of labels, so that four million rows cost a few
hundred megabytes. A `Benchmark` is up to three of them and the rule by which they are evaluated.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.labels import JUNK as JUNK

PARTS = ("train", "query", "gallery")
"""The parts of a data set, as the `split` column of a table and the sub-folders of a folder name them."""

IntegerColumn = NDArray[np.int64]

LabelScope = Literal["global", "camera"]
"""Whether an identity means the same person in every camera, or holds inside its own camera only."""


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
        scope: of the identities. With `"camera"` each is one person in one camera, named `camera/local name`, and
            numbered camera by camera; see `passerby.data.camera_labels`.
        true_identities: int64 [N], the identity in all cameras, or `JUNK` where unknown; None if not given.
            For statistics only: training never sees them.
        true_identity_names: the name of each of these labels.
    """

    root: Path
    paths: pa.ChunkedArray | pa.Array
    identities: IntegerColumn
    identity_names: tuple[str, ...]
    cameras: IntegerColumn | None = None
    camera_names: tuple[str, ...] = ()
    tracks: IntegerColumn | None = None
    frames: IntegerColumn | None = None
    scope: LabelScope = "global"
    true_identities: IntegerColumn | None = None
    true_identity_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("identities", "cameras", "tracks", "frames", "true_identities"):
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
            true_identities=None if self.true_identities is None else self.true_identities[indices],
        )

    def relabelled(self) -> "Split":
        """The same rows without junk, labels renumbered `0..C-1` in the order of their old numbers."""
        kept = self.take(self.identities != JUNK)
        labels, identities = np.unique(kept.identities, return_inverse=True)
        names = tuple(kept.identity_names[label] for label in labels)
        return replace(kept, identities=identities.astype(np.int64), identity_names=names)

    def with_occurring_cameras(self) -> "Split":
        """The same rows, cameras renumbered `0..K-1` in the order of their old numbers without those of no image."""
        if self.cameras is None:
            return self
        labels, cameras = np.unique(self.cameras, return_inverse=True)
        names = tuple(self.camera_names[label] for label in labels)
        return replace(self, cameras=cameras.astype(np.int64), camera_names=names)

    def without_truth(self) -> "Split":
        """The same rows and labels without the true identities."""
        return replace(self, true_identities=None, true_identity_names=())


@dataclass(frozen=True)
class Benchmark:
    """The data of an experiment: training images, a query/gallery pair, or both, and the rule for comparing them.

    Public benchmarks and the user's own data have this one type. Use `training_split` and `query_and_gallery` where a
    part is needed: they say what is missing.

    Attributes:
        name: how the data is called in recipes and reports.
        train: training images, identities `0..C-1`; None for sets that have no training half.
        query: images to search for; shares its identity and camera labels with `gallery`. None without an evaluation.
        gallery: images to search in; None without an evaluation.
        same_camera_rule: whether a gallery image of the query's own identity and camera is left out of the ranking.
        tracklets: whether query and gallery are compared tracklet by tracklet, and not image by image.
        multi_query_images: more images of the queries' identities by their cameras, for multi-query evaluation only.
    """

    name: str
    train: Split | None
    query: Split | None
    gallery: Split | None
    same_camera_rule: bool = True
    tracklets: bool = False
    multi_query_images: Split | None = None

    def training_split(self) -> Split:
        """The training images; a DataError where there are none, or where nobody says who is on them."""
        if self.train is None or not len(self.train):
            raise DataError(f"{self.name} has no training images: it can be evaluated on, not trained on")
        if not self.train.identity_names:
            raise DataError(
                f"{self.name} has images but no identities: training needs a folder per identity, "
                "or a table whose column 'identity' is filled ('local_identity', where labels hold inside each camera)"
            )
        return self.train

    def query_and_gallery(self) -> tuple[Split, Split]:
        """The pair to evaluate on; a DataError that names the half that is missing or whose people are unknown."""
        for part, split in (("query", self.query), ("gallery", self.gallery)):
            if split is None or not len(split):
                raise DataError(
                    f"{self.name} has no {part} images, so nothing can be evaluated: "
                    "name a benchmark, or a table whose 'split' column has query and gallery rows"
                )
            if not split.identity_names:
                raise DataError(
                    f"{self.name} does not say who is on its {part} images, so nothing can be evaluated: "
                    "give its table an 'identity' column"
                )
        assert self.query is not None
        assert self.gallery is not None
        return self.query, self.gallery


def split_from_names(
    root: Path,
    paths: Sequence[str] | pa.Array | pa.ChunkedArray,
    identities: Sequence[str] | pa.Array | pa.ChunkedArray,
    cameras: Sequence[str] | pa.Array | pa.ChunkedArray | None,
    *,
    junk: frozenset[str] = frozenset({"-1"}),
    identity_names: tuple[str, ...] | None = None,
    camera_names: tuple[str, ...] | None = None,
    tracks: IntegerColumn | None = None,
    frames: IntegerColumn | None = None,
) -> Split:
    """A split from original names; labels are numbered in sorted order of the names, so they never depend on the disk.

    Names given as `identity_names` and `camera_names` fix the numbering (query and gallery share one); otherwise the
    names that occur are used. Identities named in `junk` become `JUNK`. A name that is not in a given list, or the name
    of a file or folder that is not UTF-8, is a DataError.
    """
    path_column = _path_column(root, paths)
    identity_column = _strings(identities)
    camera_column = None if cameras is None else _strings(cameras)
    if identity_names is None:
        identity_names = names_in_order(identity_column, besides=junk)
    if camera_names is None:
        camera_names = () if camera_column is None else names_in_order(camera_column)
    return Split(
        root=root,
        paths=path_column,
        identities=_labels(identity_column, identity_names, junk, "identity"),
        identity_names=identity_names,
        cameras=None if camera_column is None else _labels(camera_column, camera_names, frozenset(), "camera"),
        camera_names=camera_names,
        tracks=tracks,
        frames=frames,
    )


def names_in_order(*columns: pa.Array | pa.ChunkedArray, besides: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The different names in these string columns, sorted, without those in `besides`."""
    names = {name for column in columns for name in pc.unique(column).to_pylist()}
    return tuple(sorted(names - besides))


def _strings(values: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    return pa.array(list(values), type=pa.string())


def _path_column(root: Path, paths: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The paths as a column; a DataError names a file or folder whose name is not UTF-8."""
    try:
        str(root).encode()
        return _strings(paths)
    except UnicodeEncodeError as error:
        for path in (root, *(root / str(path) for path in paths)):
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            if shown != str(path):  # Python keeps such names as lone surrogates
                raise DataError(f"the name of {shown} is not UTF-8: rename it (convmv renames many)") from error
        raise


def _labels(
    column: pa.Array | pa.ChunkedArray, names: tuple[str, ...], junk: frozenset[str], kind: str
) -> IntegerColumn:
    """The position of every value in `names`, int64 [N]; `JUNK` for values in `junk`."""
    positions = pc.index_in(column, value_set=pa.array(names, type=pa.string()))
    labels: IntegerColumn = np.array(pc.fill_null(positions, -1), dtype=np.int64)
    unnamed = np.flatnonzero(labels == -1)
    if unnamed.size:
        known = np.array(pc.is_in(column, value_set=pa.array(sorted(junk), type=pa.string())), dtype=bool)
        strangers = unnamed[~known[unnamed]]
        if strangers.size:
            raise DataError(f"{kind} {column[int(strangers[0])].as_py()!r} is not among the {len(names)} names given")
        labels[unnamed] = JUNK
    return labels
