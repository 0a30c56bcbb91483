"""The features of a table of tracklets, from an array or from a column of embeddings; checked before they are used."""

from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.data.formats.table_file import read_table, with_pictures
from passerby.errors import DataError
from passerby.tracklets.array_file import ArrayFile, open_array, write_header, write_rows
from passerby.tracklets.distance import Integers, first_without_direction
from passerby.tracklets.tables.paths import absolute_paths
from passerby.tracklets.tables.table import TrackletTable

MAX_DIM = 65_536
"""Dimensions of a feature; a file that claims more is refused before anything is read."""

_BATCH_BYTES = 64 << 20
_CHECKED_ROWS = 8192


def read_features(table: TrackletTable, to: Path) -> ArrayFile:
    """The features as an array float [N, D] in a file, one row for each of the table's.

    An `.npy` file is used where it is. Embeddings in tables are unpacked to the file `to`, batch by batch.

    Raises:
        DataError: shapes or numbers of rows do not fit, an image of the table has no embedding, or a feature is zero,
            NaN or infinite.
    """
    if (array := _array_beside(table)) is not None:
        return array
    with write_atomically(to) as temporary, temporary.open("wb") as opened:
        _unpack(table, opened, None)
    return open_array(to)


def read_some_features(table: TrackletTable, to: IO[bytes], rows: Integers | None) -> ArrayFile:
    """The features as `read_features` gives them, of which only some rows are unpacked and checked.

    Args:
        table: names the samples.
        to: an empty file to unpack embeddings to, open without a buffer until the features have been used.
        rows: int64, of the table; None for all.
    """
    if (array := _array_beside(table, rows)) is not None:
        return array
    assert isinstance(to, FileIO), "files without a buffer are of this kind"
    with open(to.fileno(), "wb", closefd=False) as opened:
        _unpack(table, opened, rows)
    return ArrayFile(to, table.features)


def _array_beside(table: TrackletTable, rows: Integers | None = None) -> ArrayFile | None:
    """The `.npy` file of a table; None if its features are in a table."""
    if table.features.suffix.lower() != ".npy":
        return None
    array = open_array(table.features)
    if len(array.shape) != 2 or len(array) != table.count or array.dtype.kind != "f" or not array.shape[1]:
        raise DataError(
            f"{table.features} has shape {list(array.shape)} and type {array.dtype}; the table {table.file} needs "
            f"floats of shape [{table.count}, D]"
        )
    numbers = np.arange(table.count) if rows is None else rows
    for start in range(0, numbers.size, _CHECKED_ROWS):
        part = numbers[start : start + _CHECKED_ROWS]
        _check_vectors(table, array[part], part)
    return array


def _check_vectors(table: TrackletTable, vectors: NDArray[Any], rows: Integers) -> None:
    """Refuse features of these rows of the table that are zero, NaN or infinite."""
    broken = first_without_direction(vectors)
    if broken is not None:
        row = int(rows[broken])
        raise DataError(
            f"the feature of {read_table(table.file)['path'][row]} (row {row + 1} of {table.file}) in {table.features} "
            "is zero, NaN or infinite: embed that image again, or drop its row"
        )


def _unpack(table: TrackletTable, opened: IO[bytes], wanted: Integers | None) -> None:
    """Write embeddings as an array in the order of the table; rows that are not wanted are left as a hole."""
    places = _places(table)
    needed = np.ones(table.count, np.bool_)
    if wanted is not None:
        needed[:] = False
        needed[wanted] = True
    begin = first_byte = 0
    for part in _embeddings(table.features):
        if not begin:
            write_header(opened, (table.count, part.shape[1]), np.float32)
            first_byte = opened.tell()
            opened.truncate(first_byte + table.count * part[0].nbytes)
        rows = np.arange(begin, begin + len(part)) if places is None else places[begin : begin + len(part)]
        used = np.flatnonzero((rows >= 0) & needed[rows])
        _check_vectors(table, part[used], rows[used])
        write_rows(opened, first_byte, rows[used], part[used])
        begin += len(part)


def _places(table: TrackletTable) -> Integers | None:
    """The row of the table that each row of another table of embeddings belongs to, -1 for none; None for one table.

    Raises:
        DataError: an image of the table has no embedding there, or more than one.
    """
    if table.features == table.file:
        return None
    paths, others = (absolute_paths(read_table(file), file) for file in (table.file, table.features))
    rows = np.array(pc.fill_null(pc.index_in(others, value_set=paths), -1), dtype=np.int64)
    counts = np.bincount(rows[rows >= 0], minlength=table.count)
    if (counts != 1).any():
        row = int(np.flatnonzero(counts != 1)[0])
        what = "no embedding" if counts[row] == 0 else "more than one embedding"
        raise DataError(
            f"{table.features} has {what} of {paths[row]} and {int((counts != 1).sum()) - 1:,} others of {table.file}: "
            "embed that table again"
        )
    return rows


def _embeddings(file: Path) -> Iterator[NDArray[np.float32]]:
    """The embedding column of a Parquet file, float32 [n, D] at a time.

    Raises:
        DataError: there is none, it is damaged, or it is not one vector of floats of one length for each row.
    """
    try:
        opened = pq.ParquetFile(file)
        dim = _dim(opened, file)
        read = [name for name in ("embedding", "path", "width") if name in opened.schema_arrow.names]
        for batch in opened.iter_batches(max(1, _BATCH_BYTES // (4 * dim)), columns=read):
            column = with_pictures(batch)["embedding"]
            lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
            if (lengths != dim).any():
                raise DataError(
                    f"column 'embedding' of table {file} holds vectors of different lengths, or none: embed again"
                )
            yield np.asarray(pc.list_flatten(column), dtype=np.float32).reshape(-1, dim)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"embeddings of table {file} cannot be read: {str(error).splitlines()[0][:120]}") from error


def _dim(opened: pq.ParquetFile, file: Path) -> int:
    """How many values a vector of the column has, from what the file says before any are read."""
    schema, metadata = opened.schema_arrow, opened.metadata
    if "embedding" not in schema.names:
        raise DataError(f"table {file} has no column 'embedding': make it with `passerby embed`")
    kind = schema.field("embedding").type
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(is_list(kind) for is_list in lists) or not pa.types.is_floating(kind.value_type):
        raise DataError(f"column 'embedding' of table {file} holds {str(kind)[:60]}, not lists of floats: embed again")
    leaf = next(number for number in range(metadata.num_columns) if _is_embedding(metadata, number))
    dim = 0
    for group in (metadata.row_group(number) for number in range(metadata.num_row_groups)):
        values = group.column(leaf).num_values
        dim = dim or values // max(1, group.num_rows)
        if dim > MAX_DIM or values > group.num_rows * MAX_DIM:
            raise DataError(
                f"column 'embedding' of table {file} claims {values:,} values in {group.num_rows:,} rows; features "
                f"have at most {MAX_DIM:,} dimensions"
            )
    if not dim:
        raise DataError(f"column 'embedding' of table {file} holds vectors of different lengths, or none: embed again")
    return int(dim)


def _is_embedding(metadata: pq.FileMetaData, column: int) -> bool:
    return str(metadata.schema.column(column).path).split(".")[0] == "embedding"
