"""Data sets by name or path: public benchmarks, and tables and folders of one's own.

| what | how it is read |
|---|---|
| a table, CSV or Parquet | the schema of `passerby.data.formats.schema`; its `split` column parts it, else all train |
| the same with `local_identity` and `camera` | labels that hold inside their camera only, to train on |
| `people/<identity>/*.jpg` | a folder per identity: all train, cameras unknown |
| `people/<camera>/<identity>/*.jpg` | identities that hold inside their camera only: all train |
| `people/{train,query,gallery}/` and one of these two | parted; outside of train identities hold everywhere |
| `people/{bounding_box_train,query,bounding_box_test}/` | Market layout |
| `people/*.jpg` | images of unknown identity: to embed, not to train on |
"""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from passerby.data.benchmarks import is_benchmark, load_benchmark, near_names
from passerby.data.formats.identity_folders import benchmark_of_identity_folders
from passerby.data.formats.local_columns import LOCAL_COLUMNS, LocalColumns, read_local_columns
from passerby.data.formats.schema import TABLE_SUFFIXES
from passerby.data.formats.table import (
    identity_names,
    image_paths,
    optional_cameras,
    optional_integers,
    optional_text,
    required_text,
)
from passerby.data.formats.table_file import read_table
from passerby.data.image_files import describe_others, examples, image_files, is_image, sub_folders
from passerby.data.number_names import one_number_remarks
from passerby.data.split import PARTS, Benchmark, IntegerColumn, Split, names_in_order, split_from_names
from passerby.errors import DataError
from passerby.output_paths import expanded
from passerby.progress import log_line

JUNK_NAME = "-1"


def open_data(name_or_path: str, root: str | Path | None = None, *, check_counts: bool = True) -> Benchmark:
    """Open the data that `data.name` in a recipe or `--data` on the command line names.

    Args:
        name_or_path: the name of a public benchmark, or a table or folder of one's own.
        root: for a benchmark, the folder that holds its own sub-folders, or its parent; nothing else takes one.
        check_counts: for a benchmark, whether counts other than the published ones are an error.

    Raises:
        DataError: it is neither a known name nor on disk, or what is on disk is not as it should be.
    """
    path = expanded(name_or_path)
    if is_benchmark(name_or_path):
        if root is None:
            raise DataError(f"{name_or_path} is a benchmark: name the folder it is in with --root or data.root")
        return load_benchmark(name_or_path, root, check_counts=check_counts)
    if not path.exists():
        raise DataError(
            f"{name_or_path!r} is neither a benchmark nor a table or folder on disk{near_names(name_or_path) or ';'} "
            "`passerby data list` shows the benchmarks"
        )
    if root is not None:
        raise DataError(f"{name_or_path} is not a benchmark and takes no root ({root}): leave --root or data.root out")
    return load_folder(path) if path.is_dir() else load_table(path)


def load_table(path: str | Path) -> Benchmark:
    """Load a CSV or Parquet table with the columns of `table.SCHEMA`; without `split`, all rows are for training.

    Labels are numbered in sorted order of the names, for training and for query and gallery apart. Images
    of a table without an `identity` column can be embedded, not trained on. Training rows that have a `local_identity`
    instead get camera-local labels; see `passerby.data.camera_labels`.

    Raises:
        DataError: the table is not as it should be; the message names the column and the first row or image at fault.
    """
    file = Path(path)
    images, parts, local = _read_rows(file)
    for kind, names in (("identities", images.identity_names), ("cameras", images.camera_names)):
        for remark in one_number_remarks(kind, names):
            log_line(f"table {file}: {remark}", show=True)
    rows = {part: np.flatnonzero(parts == number) for number, part in enumerate(PARTS)}
    test = np.concatenate([rows["query"], rows["gallery"]])
    train = images.take(rows["train"]) if rows["train"].size else None
    if train is not None and local is not None:
        train = local.label(train, rows["train"])
    searched = _only_names_that_occur(images, test)
    return Benchmark(
        name=str(path),
        train=train.relabelled() if train is not None and train.identity_names else train,
        query=searched.take(rows["query"]) if rows["query"].size else None,
        gallery=searched.take(rows["gallery"]) if rows["gallery"].size else None,
        same_camera_rule=images.cameras is not None,
    )


def load_folder(path: str | Path) -> Benchmark:
    """Load a folder of images in any of the layouts that the top of this file lists.

    Raises:
        DataError: there are no images in it, or they lie as in none of these layouts.
    """
    folder = Path(path)
    if {"bounding_box_train", "bounding_box_test"} & set(sub_folders(folder)):
        market = load_benchmark("market-layout", folder)
        return Benchmark(str(path), market.train, market.query, market.gallery, market.same_camera_rule)
    others: Counter[str] = Counter()
    paths = image_files(folder, recursive=True, others=others)
    if not paths:
        besides = f" (but {describe_others(others)})" if others else ""
        raise DataError(
            f"{folder} holds no images{besides}: give a folder per identity, a table, or a folder of images"
        )
    _log_others(folder, others)
    flat = [path for path in paths if "/" not in path]
    if not flat:
        return benchmark_of_identity_folders(str(path), folder, paths)
    if len(flat) < len(paths):
        folders = sorted({path.partition("/")[0] for path in paths if "/" in path})
        raise DataError(
            f"{folder} holds both images ({examples(flat)}) and folders of images ({examples(folders)}); "
            "move one of the two elsewhere"
        )
    return Benchmark(str(path), _unknown(folder, flat), None, None, same_camera_rule=False)


def list_images(sources: str | Path | Sequence[str | Path]) -> Split:
    """List images to embed, in the order given: image files, tables (all rows) and folders (all images below them).

    An image that is named more than once is taken once, which is reported.

    Identities are read from tables only; elsewhere they are `JUNK`, and so are they all if the sources mix.

    Raises:
        DataError: a source is not on disk, is of no known kind, or holds no images.
    """
    listed = [sources] if isinstance(sources, str | Path) else list(sources)
    paths = [Path(source).expanduser() for source in listed]
    if len(paths) == 1 and paths[0].suffix.lower() in TABLE_SUFFIXES and paths[0].is_file():
        return _read_rows(paths[0])[0]
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            others: Counter[str] = Counter()
            names = image_files(path, recursive=True, others=others)
            _log_others(path, others)
            if not names:
                raise DataError(f"folder {path} holds no images")
            files.extend(path / name for name in names)
        elif not path.exists():
            raise DataError(f"{path} does not exist: name an image, a folder of images, or a table")
        elif not path.is_file():
            raise DataError(f"{path} is not a regular file: name an image, a folder of images, or a table")
        elif path.suffix.lower() in TABLE_SUFFIXES:
            rows = _read_rows(path)[0]
            files.extend(rows.root / name for name in rows.paths.to_pylist())
        elif is_image(path.name):
            files.append(path)
        else:
            raise DataError(f"{path} is neither an image, a folder, nor a table (.csv, .parquet)")
    if not files:
        raise DataError("no images named: give image files, folders or tables")
    if len(paths) == 1 and paths[0].is_dir():
        root = paths[0]
    else:
        files = _each_once([Path(os.path.abspath(file)) for file in files])  # noqa: PTH100 - links must not be followed
        root = Path(os.path.commonpath([file.parent for file in files]))
    return _unknown(root, [file.relative_to(root).as_posix() for file in files])


def _log_others(folder: Path, others: Counter[str]) -> None:
    if others:
        log_line(
            f"{folder}: left out, for their suffixes are not those of images: {describe_others(others)}", show=True
        )


def _each_once(files: list[Path]) -> list[Path]:
    """The files in their order without repetitions; reports how many there were."""
    different = list(dict.fromkeys(files))
    repeated = len(files) - len(different)
    if repeated:
        log_line(f"{repeated:,} of {len(files):,} images are named more than once and are taken once", show=True)
    return different


def _read_rows(file: Path) -> tuple[Split, NDArray[np.int64], LocalColumns | None]:
    """All rows of a table, the position of the part of each in `PARTS`, int64 [N], and camera-local labels."""
    if file.suffix.lower() not in TABLE_SUFFIXES:
        if is_image(file.name):
            raise DataError(f"{file} is an image: name a folder of images, or a table ({', '.join(TABLE_SUFFIXES)})")
        raise DataError(f"{file} is not a table: its name must end in {', '.join(TABLE_SUFFIXES)}")
    table = read_table(file, besides=LOCAL_COLUMNS)
    if not table.num_rows:
        raise DataError(f"table {file} has no rows; write one for each image")
    paths = image_paths(table, file)
    parts = _parts(table, file)
    local = read_local_columns(table, file, parts == PARTS.index("train"))
    if "identity" not in table.column_names:
        identities: pa.Array | pa.ChunkedArray = pa.array([JUNK_NAME] * len(paths))
    elif local is None:
        identities = identity_names(table, file)
    else:
        identities = pc.fill_null(identity_names(table, file, ~local.rows), JUNK_NAME)
    images = split_from_names(
        file.parent,
        paths,
        identities,
        optional_cameras(table, file),
        tracks=_tracks(table, file),
        frames=optional_integers(table, "frame", file),
    )
    return images, parts, local


def _parts(table: pa.Table, file: Path) -> NDArray[np.int64]:
    if "split" not in table.column_names:
        return np.zeros(table.num_rows, dtype=np.int64)
    column = required_text(table, "split", file)
    positions = pc.index_in(column, value_set=pa.array(PARTS))
    unknown = np.flatnonzero(np.array(pc.is_null(positions), dtype=bool))
    if unknown.size:
        row = int(unknown[0])
        raise DataError(
            f"table {file} row {row + 1}: split {column[row].as_py()!r} is unknown; use train, query or gallery"
        )
    return np.array(positions, dtype=np.int64)


def _tracks(table: pa.Table, file: Path) -> IntegerColumn | None:
    """Tracklet numbers `0..T-1` in sorted order of video and track: equal names in two videos are two tracklets."""
    tracks, videos = optional_text(table, "track", file), optional_text(table, "video", file)
    if tracks is None:
        return None
    if videos is not None:
        # A separator that no file name holds keeps ("a", "bc") and ("ab", "c") apart.
        tracks = pc.binary_join_element_wise(videos, tracks, "\0")
    return np.array(pc.index_in(tracks, value_set=pa.array(names_in_order(tracks))), dtype=np.int64)


def _only_names_that_occur(images: Split, rows: NDArray[np.int64]) -> Split:
    """The same rows, with identities numbered over those of the given rows only; others become `JUNK`."""
    labels = np.unique(images.identities[rows])
    labels = labels[labels >= 0]
    numbers = np.full(len(images.identity_names) + 1, -1, dtype=np.int64)  # the last place is for JUNK, index -1
    numbers[labels] = np.arange(labels.size)
    return Split(
        root=images.root,
        paths=images.paths,
        identities=numbers[images.identities],
        identity_names=tuple(images.identity_names[label] for label in labels),
        cameras=images.cameras,
        camera_names=images.camera_names,
        tracks=images.tracks,
        frames=images.frames,
    )


def _unknown(root: Path, paths: list[str]) -> Split:
    return split_from_names(root, paths, [JUNK_NAME] * len(paths), None)
