"""Tables of tracklets: `path, video, track, frame` and an embedding, in the table or in a file beside it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.data.formats.table import TABLE_SUFFIXES, optional_integers, read_table, required_text
from passerby.errors import DataError
from passerby.tracklets.distance import Integers

_BATCH_ROWS = 16384


@dataclass(frozen=True)
class TrackletTable:
    """N samples as a table names them.

    Attributes:
        file: the table.
        features: where the embeddings are: the table itself, another table, or an array (`.npy`).
        videos: int64 [N], videos numbered in the order in which they first occur.
        tracklets: int64 [N], likewise by name, so equal names in two videos have one number.
        frames: int64 [N], or None where the table has none.
        count: N.
    """

    file: Path
    features: Path
    videos: Integers
    tracklets: Integers
    frames: Integers | None
    count: int


def open_tracklets(file: Path, features: Path | None = None) -> TrackletTable:
    """Read which video, tracklet and frame each row is from.

    Args:
        file: CSV or Parquet with the columns `path`, `video` and `track`; `frame` says the order inside of a tracklet.
        features: a table with `path` and `embedding` (as `passerby embed` writes it), or an array `.npy` of shape
            [N, D] in the order of the table; None for an `embedding` column in the table itself.

    Raises:
        DataError: a file or column is missing, or a value is blank.
    """
    if file.suffix.lower() not in TABLE_SUFFIXES or not file.is_file():
        raise DataError(f"{file} is not a table on disk: name a CSV or Parquet file with columns path, video and track")
    table = read_table(file)
    for name in ("video", "track"):
        if name not in table.column_names:
            raise DataError(
                f"table {file} has no column {name!r}: denoising needs to know every image's video and track"
            )
    if not table.num_rows:
        raise DataError(f"table {file} has no rows")
    beside = file if features is None else features
    if not beside.is_file():
        raise DataError(f"features {beside} are not on disk: make them with `passerby embed`")
    if beside == file and (file.suffix.lower() == ".csv" or "embedding" not in pq.read_schema(file).names):
        raise DataError(
            f"table {file} has no column 'embedding': make one with `passerby embed`, name it by --features"
        )
    return TrackletTable(
        file=file,
        features=beside,
        videos=_numbered(required_text(table, "video", file)),
        tracklets=_numbered(required_text(table, "track", file)),
        frames=optional_integers(table, "frame", file),
        count=table.num_rows,
    )


def check_output(out: Path, *inputs: Path) -> None:
    """Refuse to write over an input, or Parquet under a name that says CSV.

    Raises:
        DataError: `out` is such a file.
    """
    if out.suffix.lower() == ".csv":
        raise DataError(f"{out} would be Parquet with the name of a CSV table: name it {out.with_suffix('.parquet')}")
    for file in inputs:
        if out.resolve() == file.resolve():
            raise DataError(f"{out} is also the input, which would be lost: name another file to write")


def read_features(table: TrackletTable, to: Path, rows: Integers | None = None) -> NDArray[np.float32]:
    """The embeddings as a memory-mapped array float32 [N, D], one row for each of the table's.

    An `.npy` file is used where it is. Embeddings in tables are unpacked to the file `to`, batch by batch;
    with `rows` only those rows of the table are, and the others are zero.

    Raises:
        DataError: shapes or numbers of rows do not fit, or an image of the table has no embedding.
    """
    if table.features.suffix.lower() == ".npy":
        array: NDArray[Any] = np.load(table.features, mmap_mode="r", allow_pickle=False)
        if array.ndim != 2 or len(array) != table.count or not np.issubdtype(array.dtype, np.floating):
            raise DataError(
                f"{table.features} has shape {list(array.shape)} and type {array.dtype}; the table {table.file} needs "
                f"floats of shape [{table.count}, D]"
            )
        return array
    if not to.exists():
        with write_atomically(to) as temporary:
            _unpack(table, temporary, rows)
    unpacked: NDArray[np.float32] = np.load(to, mmap_mode="r")
    return unpacked


def _unpack(table: TrackletTable, to: Path, wanted: Integers | None) -> None:
    file = pq.ParquetFile(table.features)
    if "embedding" not in file.schema_arrow.names:
        raise DataError(f"table {table.features} has no column 'embedding': make it with `passerby embed`")
    places = _places(table)
    needed = np.ones(table.count, np.bool_)
    if wanted is not None:
        needed[:] = False
        needed[wanted] = True
    array: np.memmap[Any, np.dtype[np.float32]] | None = None
    begin = 0
    for part in _embeddings(file, table.features):
        if array is None:
            array = np.lib.format.open_memmap(to, "w+", np.float32, (table.count, part.shape[1]))
        rows = np.arange(begin, begin + len(part)) if places is None else places[begin : begin + len(part)]
        used = (rows >= 0) & needed[rows]
        array[rows[used]] = part[used]
        begin += len(part)
    if array is not None:
        array.flush()


def _places(table: TrackletTable) -> Integers | None:
    """The row of the table that each row of another table of embeddings belongs to, -1 for none; None for one table.

    Raises:
        DataError: an image of the table has no embedding there, or more than one.
    """
    if table.features == table.file:
        return None
    paths, others = (_absolute(file) for file in (table.file, table.features))
    found = np.array(pc.fill_null(pc.index_in(others, value_set=paths), -1), dtype=np.int64)
    counts = np.bincount(found[found >= 0], minlength=table.count)
    if (counts != 1).any():
        row = int(np.flatnonzero(counts != 1)[0])
        what = "no embedding" if counts[row] == 0 else "more than one embedding"
        raise DataError(
            f"{table.features} has {what} of {paths[row]} and {int((counts != 1).sum()) - 1:,} others of {table.file}: "
            "embed that table again"
        )
    return found


def _absolute(file: Path) -> pa.Array:
    """Where a table's images are, from the root on and with `/`; only unusual paths are taken apart one by one."""
    paths = required_text(read_table(file), "path", file).cast(pa.large_string()).combine_chunks()
    folder = os.path.realpath(file.parent)
    unusual = pc.match_substring_regex(paths, r"(^|/)\.{0,2}(/|$)|\\|^[A-Za-z]:")
    ends = [pa.scalar(text, paths.type) for text in (folder.replace(os.sep, "/").rstrip("/"), "/")]
    below = pc.binary_join_element_wise(ends[0], paths, ends[1])
    normal = [os.path.normpath(os.path.join(folder, path)) for path in paths.filter(unusual).to_pylist()]  # noqa: PTH118
    return pc.replace_with_mask(below, unusual, pa.array([path.replace(os.sep, "/") for path in normal], below.type))


def _embeddings(file: pq.ParquetFile, name: Path) -> Iterator[NDArray[np.float32]]:
    """The embedding column, float32 [n, D] at a time."""
    width = None
    for batch in file.iter_batches(_BATCH_ROWS, columns=["embedding"]):
        column = batch.column(0)
        flat = np.asarray(pc.list_flatten(column), dtype=np.float32)
        lengths = np.unique(np.asarray(pc.list_value_length(column).fill_null(0)))
        width = int(lengths[0]) if width is None else width
        if lengths.size != 1 or lengths[0] != width or not width:
            raise DataError(
                f"column 'embedding' of table {name} holds vectors of different lengths, or none: embed again"
            )
        yield flat.reshape(-1, width)


def _numbered(column: pa.ChunkedArray) -> Integers:
    """Numbers in the order in which values first occur, int64 [N]."""
    encoded = pa.chunked_array(column).combine_chunks().dictionary_encode()
    return np.array(encoded.indices, dtype=np.int64)
