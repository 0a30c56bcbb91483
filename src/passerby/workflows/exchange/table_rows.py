"""Rows of a table of people, grouped into tracklets, with checks that name the file and the row."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.printable import printable_line

_TEXTS = ("path", "identity", "camera", "video", "track", "caption", "name", "notes")
_NUMBERS = ("frame", "frames", "begins", "ends", "height", "visible", "time")


@dataclass(frozen=True)
class PeopleTable:
    """A table of people.

    Attributes:
        file: where it lies; paths are relative to its folder.
        rows: its columns but for the features; texts are strings.
        embeddings, halves: float32 [N, D] and [N, 2 D], NaN where a row has none; None where no row has.
    """

    file: Path
    rows: pa.Table
    embeddings: NDArray[np.float32] | None
    halves: NDArray[np.float32] | None

    def groups(self) -> Iterator[list[int]]:
        """Rows of each tracklet, in the order in which tracklets first occur; each row without `track` by itself."""
        if "track" not in self.rows.column_names:
            yield from ([row] for row in range(self.rows.num_rows))
            return
        found: dict[Any, list[int]] = {}
        names = [self.rows[name].to_pylist() for name in ("camera", "video") if name in self.rows.column_names]
        for row, track in enumerate(self.rows["track"].to_pylist()):
            alone = track is None or not track.strip()
            found.setdefault(row if alone else (track, *(each[row] for each in names)), []).append(row)
        yield from found.values()

    def at(self, row: int) -> str:
        """The place of a row, for messages."""
        return f"{printable_line(str(self.file))}: row {row + 1}"


def read_people(file: Path) -> tuple[PeopleTable, pa.Schema]:
    """Read a table of people, Parquet or CSV, and its schema as it was stored.

    Raises:
        DataError: it cannot be read, has neither pictures nor features, or features that cannot be compared.
    """
    try:
        if file.suffix.lower() == ".csv":
            texts = pa.csv.ConvertOptions(column_types={name: pa.string() for name in _TEXTS}, strings_can_be_null=True)
            stored = pa.csv.read_csv(file, convert_options=texts)
        else:
            stored = pa.parquet.read_table(file)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        errno = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(errno) if errno else " ".join(str(error).split())
        raise DataError(f"{printable_line(str(file))}: is no table that can be read ({reason})") from error
    if not {"path", "embedding"} & set(stored.column_names):
        raise DataError(f"{printable_line(str(file))}: has neither a column `path` nor `embedding`: add one")
    rows = stored.drop_columns([name for name in ("embedding", "halves") if name in stored.column_names])
    for place, name in enumerate(rows.column_names):
        if name in _TEXTS:
            rows = rows.set_column(place, name, _text(rows[name], name, file))
        elif name in _NUMBERS:
            _check_numbers(rows[name], name, file)
    if not rows.num_columns:  # a table without columns forgets how many rows it has
        rows = rows.append_column("path", pa.nulls(stored.num_rows, pa.string()))
    if not stored.num_rows:
        raise DataError(f"{printable_line(str(file))}: has no rows")
    features = [_vectors(stored, name, file) for name in ("embedding", "halves")]
    return PeopleTable(file, rows, *features), stored.schema


def _text(column: pa.ChunkedArray, name: str, file: Path) -> pa.ChunkedArray:
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowException as error:
        raise DataError(f"{printable_line(str(file))}: column `{name}` holds {column.type}, not text") from error


def _check_numbers(column: pa.ChunkedArray, name: str, file: Path) -> None:
    """Refuse what is no finite number, nor in the column `time` a moment."""
    kind = column.type
    if pa.types.is_null(kind) or (name == "time" and pa.types.is_timestamp(kind)):
        return
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        wanted = "seconds or moments such as 2026-05-01T08:00:00Z" if name == "time" else "numbers"
        raise DataError(f"{printable_line(str(file))}: column `{name}` holds {kind}, not {wanted}")
    wrong = np.flatnonzero(np.asarray(pc.is_finite(column).fill_null(True)) == 0)
    if wrong.size:
        raise DataError(f"{printable_line(str(file))}: row {wrong[0] + 1}: its {name} is not finite: leave it empty")


def _vectors(table: pa.Table, name: str, file: Path) -> NDArray[np.float32] | None:
    if name not in table.column_names:
        return None
    column = table[name]
    if not (pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type)):
        raise DataError(f"{printable_line(str(file))}: column `{name}` holds {column.type}, not lists of numbers")
    there = np.asarray(pc.is_valid(column), np.bool_)
    lengths = set(pc.unique(pc.list_value_length(column.filter(pa.array(there)))).to_pylist())
    if len(lengths) > 1 or 0 in lengths:
        raise DataError(f"{printable_line(str(file))}: column `{name}` holds lists of different lengths: see its rows")
    if not lengths:
        return None
    flat = pc.list_flatten(column)
    values = np.full((len(there), lengths.pop()), np.nan, np.float32)
    values[there] = np.asarray(pc.cast(flat, pa.float32())).reshape(int(there.sum()), -1)
    wrong = np.flatnonzero(there & ~(np.isfinite(values).all(1) & (np.linalg.norm(values, axis=1) > 0)))
    if wrong.size:
        raise DataError(
            f"{printable_line(str(file))}: row {wrong[0] + 1}: its {name} is not finite or has no length: leave it out"
        )
    return values
