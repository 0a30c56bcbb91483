"""Reading of table files, CSV or Parquet, within bounds and with checks of the names of their columns."""

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from passerby.data.formats.schema import OTHER_NAMES, SCHEMA
from passerby.data.image_files import examples
from passerby.data.limits import MAX_TABLE_BYTES, check_regular, limit
from passerby.errors import DataError

_READ = ("path", "identity", "camera", "video", "track", "frame", "split")
_NOT_UTF8 = "it is not UTF-8 text; save it as CSV in UTF-8"


def read_table(file: Path, *, besides: Sequence[str] = ()) -> pa.Table:
    """Read the columns that loading needs: text as strings, `frame` as it is stored.

    Rows of a Parquet file that have a box but no `path` at all are left out: `passerby track` lists every box that was
    observed, and keeps a picture of some.

    Args:
        file: CSV or Parquet.
        besides: more columns of text to read, if the table has them.

    Raises:
        DataError: the file cannot be read, has no `path` column, has a column whose name is nearly one of `SCHEMA` or
            means one elsewhere, or exceeds the bound of `passerby.data.limits`.
    """
    try:
        check_regular(file)
        names = _column_names(file)
        _check_names(file, names)
        wanted = [name for name in (*_READ, *besides) if name in names]
        if file.suffix.lower() == ".csv":
            _check_bytes(file, file.stat().st_size)
            # Text is read as text, or identity 0002 would come back as 2.
            options = pa.csv.ConvertOptions(
                column_types={name: pa.string() for name in wanted if name != "frame"}, include_columns=wanted
            )
            return pa.csv.read_csv(file, convert_options=options)
        return _read_parquet(file, wanted)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"table {file} cannot be read: {_reason(file, error)}") from error


def _reason(file: Path, error: Exception) -> str:
    """The reason why Arrow cannot read a file, with a remedy where there is one."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    first = "".join(mark for mark in str(error).splitlines()[0] if mark.isprintable()).rstrip(":. ")
    if file.suffix.lower() != ".csv":
        return f"it is not Parquet, or not all of it ({first})"
    with file.open("rb") as stream:
        start = stream.read(4)
    if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in first or b"\0" in start:
        return _NOT_UTF8
    if "Empty CSV file" in first:
        return "it has no rows; write one for each image below the names of the columns"
    return first


def _read_parquet(file: Path, wanted: list[str]) -> pa.Table:
    """Some columns, their texts as strings; a DataError if they would take more memory than the bound.

    Text is first read as it is stored, each different value once: a file of megabytes can name the same long path for
    millions of rows.
    """
    kinds = pa.parquet.read_schema(file)
    texts = [name for name in wanted if _is_text(kinds.field(name).type)]
    with pa.parquet.ParquetFile(file, read_dictionary=texts) as opened:
        groups = [opened.metadata.row_group(number) for number in range(opened.metadata.num_row_groups)]
        columns = [group.column(number) for group in groups for number in range(group.num_columns)]
        stored = sum(each.total_uncompressed_size for each in columns if each.path_in_schema.split(".")[0] in wanted)
        _check_bytes(file, max(stored, 8 * opened.metadata.num_rows * len(wanted)))
        boxes = [name for name in ("width",) if name in kinds.names and name not in wanted]
        table = opened.read(columns=[*wanted, *boxes])
    table = with_pictures(table).select(wanted)
    _check_bytes(file, sum(_text_bytes(chunk) for column in table.columns for chunk in column.chunks))
    for place, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(place, table.column_names[place], pc.cast(column, column.type.value_type))
    return table


Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


def with_pictures(rows: Rows) -> Rows:
    """The rows that have a picture: all but those with a box (`width`) whose `path` is null."""
    if not {"path", "width"} <= set(rows.schema.names) or not rows["path"].null_count:
        return rows
    return rows.filter(pc.or_(pc.is_valid(rows["path"]), pc.is_null(rows["width"])))


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string))


def _text_bytes(chunk: pa.Array) -> int:
    """Bytes of an array whose texts are written out for every row."""
    if not pa.types.is_dictionary(chunk.type):
        return int(chunk.nbytes)
    values = chunk.dictionary
    if not _is_text(values.type):
        return 8 * len(chunk)
    counts = np.bincount(np.asarray(chunk.indices.drop_null()), minlength=len(values))
    lengths = np.asarray(pc.fill_null(pc.binary_length(values), 0), dtype=np.int64)
    return int(counts[: len(lengths)] @ lengths)


def _check_bytes(file: Path, count: int) -> None:
    most = limit(MAX_TABLE_BYTES)
    if count > most:
        raise DataError(
            f"table {file} would take {count / 2**30:,.1f} GiB of memory, more than the bound of {most / 2**30:,.1f} "
            f"GiB: split it, shorten its paths, or raise the variable {MAX_TABLE_BYTES} (bytes)"
        )


def _column_names(file: Path) -> list[str]:
    names: list[str] = (
        pa.csv.open_csv(file).schema.names if file.suffix.lower() == ".csv" else pa.parquet.read_schema(file).names
    )
    return names


def _check_names(file: Path, names: list[str]) -> None:
    """Check that no column name is repeated or nearly one of `SCHEMA`, and that there is a `path`."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"table {file} has two columns named {twice[0]!r}; drop one")
    for name in names:
        near = get_close_matches(name.strip().lower(), [known for known in SCHEMA if known not in names], 1, cutoff=0.8)
        if name not in SCHEMA and near:
            raise DataError(f"table {file} has a column {name!r} but none named {near[0]!r}; rename it")
    for ours, others in OTHER_NAMES.items():
        foreign = [name for name in names if ours not in names and name.strip().lower() in others]
        if foreign:
            raise DataError(f"table {file} has a column {foreign[0]!r} but none named {ours!r}; rename it")
    if any("\0" in name for name in names):  # UTF-16 that Arrow takes for odd letters
        raise DataError(f"table {file} cannot be read: {_NOT_UTF8}")
    if "path" not in names:
        hint = "; separate columns by commas" if len(names) == 1 and any(mark in names[0] for mark in ";\t|") else ""
        raise DataError(f"table {file} has no column 'path' (it has {examples(names, 8)}){hint}")
