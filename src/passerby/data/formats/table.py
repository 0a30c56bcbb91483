"""Tables of images, CSV or Parquet: the schema, and reading and checking its columns."""

import os
import posixpath
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from passerby.data.image_files import examples, missing_files
from passerby.errors import DataError

_BLANK = frozenset({"", "nan", "none", "null"})


def unique_paths(table: pa.Table, file: Path) -> pa.Array:
    """The `path` column, normalised and relative to the table's folder.

    Raises:
        DataError: a path is blank or occurs twice.
    """
    column = required_text(table, "path", file).combine_chunks()
    # Only the few that need it are normalised one by one.
    odd = np.flatnonzero(np.array(pc.match_substring_regex(column, r"^/|(^|/)\.{0,2}/|/\.{1,2}$"), dtype=bool))
    if odd.size:
        values = column.to_pylist()
        for row in odd:
            values[row] = _relative(values[row], file.parent)
        column = pa.array(values, type=pa.string())
    counted = pc.value_counts(column)
    repeated = counted.filter(pc.greater(counted.field("counts"), 1)).field("values").to_pylist()
    if repeated:
        raise DataError(f"table {file} names images more than once: {examples(repeated)}; keep one row of each")
    return column


def image_paths(table: pa.Table, file: Path) -> pa.Array:
    """The column that `unique_paths` gives, of images that are all on disk.

    Raises:
        DataError: a path is blank or occurs twice, or images are not on disk.
    """
    column = unique_paths(table, file)
    missing = missing_files(file.parent, column.to_pylist())
    if missing:
        hint = ", folders set off by /" if any("\\" in path for path in missing) else ""
        raise DataError(
            f"{len(missing):,} of {len(column):,} images named by table {file} are missing: {examples(missing)}; "
            f"paths are relative to {file.parent}{hint}"
        )
    return column


def required_text(table: pa.Table, name: str, file: Path, among: NDArray[np.bool_] | None = None) -> pa.ChunkedArray:
    """A text column without blanks, trimmed; a blank ("", NaN, None, null) is a DataError that names the row.

    Args:
        table, name, file: the column, and the table for messages.
        among: bool [N], the rows that must not be blank; all by default. Others are null where they are.
    """
    column = _text(table, name, file)
    is_blank = _is_blank(column)
    blank = np.flatnonzero(is_blank if among is None else is_blank & among)
    if blank.size:
        remedy = "fill them, drop the rows, or drop the column" if name != "path" else "fill them or drop the rows"
        raise DataError(f"column {name!r} of table {file} is empty {_rows(table, blank)}; {remedy}")
    return column if among is None else pc.if_else(pa.array(is_blank), None, column)


def optional_text(table: pa.Table, name: str, file: Path) -> pa.ChunkedArray | None:
    """A text column as `required_text` gives it; None if the table lacks it or all of it is blank."""
    if name not in table.column_names or bool(_is_blank(_text(table, name, file)).all()):
        return None
    return required_text(table, name, file)


def is_filled(table: pa.Table, name: str, file: Path) -> NDArray[np.bool_]:
    """Which rows have something in a text column, bool [N]; none if the table lacks it."""
    if name not in table.column_names:
        return np.zeros(table.num_rows, dtype=np.bool_)
    return ~_is_blank(_text(table, name, file))


def identity_names(table: pa.Table, file: Path, among: NDArray[np.bool_] | None = None) -> pa.ChunkedArray:
    """The `identity` column as `required_text` gives it; a DataError if it holds only true and false."""
    column = required_text(table, "identity", file, among)
    if set(pc.unique(pc.utf8_lower(column)).to_pylist()) <= {"true", "false"}:
        raise DataError(f"column 'identity' of table {file} holds true and false only: name the person on each image")
    return column


def optional_cameras(table: pa.Table, file: Path) -> pa.ChunkedArray | None:
    """The `camera` column as `optional_text` gives it; a negative number, a usual mark for unknown, is a DataError."""
    column = optional_text(table, "camera", file)
    if column is not None:
        negative = np.flatnonzero(np.array(pc.match_substring_regex(column, r"^-\d+$"), dtype=bool))
        if negative.size:
            raise DataError(
                f"column 'camera' of table {file} is negative {_rows(table, negative)}; name the cameras, or drop the "
                "column if they are unknown"
            )
    return column


def optional_integers(table: pa.Table, name: str, file: Path) -> NDArray[np.int64] | None:
    """A column of whole numbers, int64; None if the table lacks it or all of it is blank."""
    column = table[name] if name in table.column_names else None
    if column is not None and pa.types.is_floating(column.type):
        _check_whole(table, name, file)
    if optional_text(table, name, file) is None:
        return None
    try:
        return np.array(pc.cast(column, pa.int64()), dtype=np.int64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"column {name!r} of table {file} must hold whole numbers: {str(error).splitlines()[0]}"
        ) from error


def _relative(path: str, folder: Path) -> str:
    """The path without `.` and `..` inside, and relative to the folder if it was absolute."""
    if posixpath.isabs(path):
        return os.path.relpath(os.path.realpath(path), os.path.realpath(folder))
    return posixpath.normpath(path)


def _text(table: pa.Table, name: str, file: Path) -> pa.ChunkedArray:
    """A column as trimmed strings; whole numbers that were stored as floats lose their `.0`."""
    column = table[name]
    if pa.types.is_boolean(column.type):
        raise DataError(f"column {name!r} of table {file} must hold text or whole numbers, not true and false")
    try:
        if pa.types.is_floating(column.type):
            _check_whole(table, name, file)
            column = pc.cast(pc.if_else(pc.is_nan(column), None, column), pa.int64())
        return pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    except pa.ArrowNotImplementedError as error:
        raise DataError(
            f"column {name!r} of table {file} must hold text or whole numbers, not {column.type}"
        ) from error
    except pa.ArrowInvalid as error:
        raise DataError(
            f"column {name!r} of table {file} must hold text or whole numbers: {str(error).splitlines()[0]}"
        ) from error


def _check_whole(table: pa.Table, name: str, file: Path) -> None:
    """Check that a column of floating-point numbers holds whole ones only; NaN is a blank."""
    column = table[name]
    odd = pc.or_(pc.not_equal(column, pc.floor(column)), pc.greater_equal(pc.abs(column), 2.0**63))
    fractional = pc.and_not(odd, pc.is_nan(column)).fill_null(False)
    broken = np.flatnonzero(np.array(fractional, dtype=bool))
    if broken.size:
        value = column[int(broken[0])].as_py()
        kinds = "whole numbers" if name == "frame" else "text or whole numbers"
        raise DataError(f"column {name!r} of table {file} must hold {kinds}, but has {value:g} {_rows(table, broken)}")


def _is_blank(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    lowered = pc.utf8_lower(pc.fill_null(column, ""))
    return np.array(pc.is_in(lowered, value_set=pa.array(sorted(_BLANK))), dtype=bool)


def _rows(table: pa.Table, rows: NDArray[np.int64]) -> str:
    """`in 4 of 10 rows, the first of them row 3 (b.jpg)`; the row below the header is row 1."""
    first = int(rows[0])
    path = table["path"][first].as_py()
    named = f" ({path})" if path else ""
    return f"in {rows.size:,} of {table.num_rows:,} rows, the first of them row {first + 1}{named}"
