"""The true visible fraction of people, read from a table such as that of a synthetic world."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

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
        DataError: the table cannot be read or lacks a column.
    """
    try:
        if table.suffix.lower() == ".csv":
            content = pa.csv.read_csv(table)
        else:
            content = pa.parquet.read_table(table, columns=["path", "visible"])
        paths, values = content.column("path").to_pylist(), content.column("visible").to_pylist()
    except (OSError, KeyError, pa.ArrowInvalid) as error:
        raise DataError(f"{table}: has no columns 'path' and 'visible' that can be read: {error}") from error
    known = {_normal(table.parent / path): value for path, value in zip(paths, values, strict=True)}
    fractions = (known.get(_normal(split.root / path)) for path in split.paths.to_pylist())
    return np.array([np.nan if value is None else float(value) for value in fractions])


def _normal(path: Path) -> str:
    return os.path.normpath(path.absolute())  # as the files are named: a link stays one
