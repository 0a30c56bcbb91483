"""The true visible fraction of people, read from a table such as that of a synthetic world."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from passerby.data.formats.table import unique_paths
from passerby.data.formats.table_file import read_table
from passerby.data.split import Split
from passerby.errors import DataError

TABLE_OF_WORLD = "people.parquet"
"""The table beside the images of a synthetic world."""


def read_visibility(split: Split, table: Path) -> NDArray[np.float64]:
    """The visible fraction of each image of a split, float64 [N], NaN where the table has none.

    Args:
        split: the images.
        table: CSV or Parquet with the columns `path`, relative to the table, and `visible`.

    Raises:
        DataError: the table cannot be read, lacks a column, or names an image twice.
    """
    content = read_table(table, besides=("visible",))
    if "visible" not in content.column_names:
        raise DataError(f"table {table} has no column 'visible'")
    paths = unique_paths(content, table).to_pylist()
    column = content["visible"]
    if pa.types.is_string(column.type):
        column = pc.if_else(pc.equal(column, ""), None, column)
    try:
        values = pc.cast(column, pa.float64()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"column 'visible' of table {table} must hold numbers: {str(error).splitlines()[0]}") from error
    known = {_normal(table.parent / path): value for path, value in zip(paths, values, strict=True)}
    fractions = (known.get(_normal(split.root / path)) for path in split.paths.to_pylist())
    return np.array([np.nan if value is None else float(value) for value in fractions])


def _normal(path: Path) -> str:
    return os.path.normpath(path.absolute())  # as the files are named: a link stays one
