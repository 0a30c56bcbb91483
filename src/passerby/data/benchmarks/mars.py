"""MARS (Zheng et al., ECCV 2016): tracklets of the people of Market-1501, compared track by track.

MARS/
    bbox_train/  0001/0001C1T0001F001.jpg ...   identity, camera, tracklet, frame
    bbox_test/   0000/ (distractors), 00-1/ (junk), 0002/ ...
    info/        train_name.txt, test_name.txt, tracks_train_info.mat, tracks_test_info.mat, query_IDX.mat

A row of `tracks_*_info` is a tracklet: first and last line of the list of names (from 1), identity, camera. `query_IDX`
names the tracklets (from 1) that are queries; the others are the gallery. Junk is dropped, distractors stay.
"""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.data.benchmarks.public_benchmark import (
    Images,
    Parts,
    PublicBenchmark,
    check_present,
    numbered,
    read_lines,
)
from passerby.data.limits import check_regular
from passerby.data.split import JUNK
from passerby.errors import DataError

_NOT_MATLAB = (
    *(OSError, ValueError, TypeError, KeyError, IndexError, EOFError, NotImplementedError, MemoryError),
    *(struct.error, zlib.error),
)
"""What other and damaged files raise."""


def _read(folder: Path, paths: Mapping[str, str]) -> Parts:
    train_names, test_names = (_names(folder / paths[part]) for part in ("training names", "test names"))
    train = _table(folder / paths["training tracklets"], "track_train_info", len(train_names))
    test = _table(folder / paths["test tracklets"], "track_test_info", len(test_names))
    queries = read_matrix(folder / paths["queries"], "query_IDX").ravel() - 1
    if not queries.size:
        raise DataError(f"{folder / paths['queries']} names no tracklets: fetch the official file again")
    if queries.min() < 0 or queries.max() >= len(test):
        raise DataError(f"{folder / paths['queries']} names tracklets that are not among the {len(test):,} of the test")
    is_query = np.isin(np.arange(len(test)), queries)
    return Parts(
        _images(folder, paths["train"], train_names, train, np.arange(len(train))),
        _images(folder, paths["test"], test_names, test, np.flatnonzero(is_query)),
        _images(folder, paths["test"], test_names, test, np.flatnonzero(~is_query)),
    )


def read_matrix(file: Path, name: str) -> NDArray[np.int64]:
    """A matrix of whole numbers out of a MATLAB file, int64 of two dimensions.

    Raises:
        DataError: the file cannot be read, has no such matrix, or the matrix holds something else; names the row.
    """
    from scipy.io import loadmat  # a third of a second, for whoever embeds nothing of this data set
    from scipy.io.matlab import MatReadError

    try:
        check_regular(file)
        content = loadmat(file)
    except (MatReadError, *_NOT_MATLAB) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{file} is not a MATLAB file that can be read: {reason}") from error
    if name not in content:
        raise DataError(f"{file} holds no matrix {name!r}: fetch the official file again")
    matrix = np.asarray(content[name])
    if matrix.ndim != 2 or matrix.dtype.kind not in "iuf":
        raise DataError(f"{file}: {name!r} is not a matrix of numbers: fetch the official file again")
    whole = np.isfinite(matrix) & (np.abs(matrix) < 2**53)
    whole[whole] = matrix[whole] == np.floor(matrix[whole])
    if not whole.all():
        row, column = np.argwhere(~whole)[0].tolist()
        raise DataError(
            f"{file}: row {row + 1} of {name!r} holds {matrix[row, column]:g}, which is no whole number: fetch the "
            "official file again"
        )
    return matrix.astype(np.int64)


def _names(file: Path) -> list[str]:
    return [name for line in read_lines(file) for name in line.split()]


def _table(file: Path, name: str, images: int) -> NDArray[np.int64]:
    """Tracklets [T, 4]: first and last image, identity, camera."""
    table = read_matrix(file, name)
    if table.ndim != 2 or table.shape[1] != 4 or not len(table):
        raise DataError(f"{file}: tracklets need four columns, but the matrix is {list(table.shape)}")
    if table[:, 0].min() < 1 or table[:, 1].max() > images or (table[:, 0] > table[:, 1]).any():
        raise DataError(f"{file} names images that are not among the {images:,} of the list: fetch both files again")
    return table


def _images(folder: Path, part: str, names: list[str], table: NDArray[np.int64], chosen: NDArray[np.int64]) -> Images:
    """The images of the chosen tracklets without junk, tracklet after tracklet."""
    tracks: list[int] = []
    frames: list[int] = []
    images = Images([], [], cameras := [], tracks, frames)
    for track in chosen.tolist():
        first, last, identity, camera = table[track].tolist()
        if identity == JUNK:
            continue
        for frame, name in enumerate(names[first - 1 : last], start=1):
            images.paths.append(f"{part}/{name[:4]}/{name}")
            images.identities.append(f"{identity:04d}")
            cameras.append(str(camera))
            tracks.append(track)
            frames.append(frame)
    if not images.paths:
        raise DataError(f"mars: {folder / part} has no tracklets of people; unpack the whole archive")
    check_present("mars", folder, images.paths)
    return images


MARS = PublicBenchmark(
    name="mars",
    title="MARS",
    folders=("MARS", "mars", "MARS-v160809"),
    contents={
        "train": ("bbox_train",),
        "test": ("bbox_test",),
        "training names": ("info/train_name.txt",),
        "test names": ("info/test_name.txt",),
        "training tracklets": ("info/tracks_train_info.mat",),
        "test tracklets": ("info/tracks_test_info.mat",),
        "queries": ("info/query_IDX.mat",),
    },
    read=_read,
    counts=None,
    cameras=numbered(6),
    obtain="the authors' page (Liang Zheng, MARS); info/ from github.com/liangzheng06/MARS-evaluation",
    terms="research only",
    tracklets=True,
)
