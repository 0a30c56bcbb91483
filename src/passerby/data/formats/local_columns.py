"""Columns of camera-local labels in a table: `local_identity`, and `true_identity` where it is known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from passerby.data.camera_labels import split_of_camera_labels
from passerby.data.formats.table import is_filled, required_text
from passerby.data.split import Split
from passerby.errors import DataError

LOCAL_COLUMNS = ("local_identity", "true_identity")
"""Columns to read besides those that every table has."""


@dataclass(frozen=True)
class LocalColumns:
    """Camera-local labels of some rows of a table.

    Attributes:
        rows: bool [N], the rows that have one: all that are for training.
        local_names: string [N], the name of each image's person in its camera; null elsewhere.
        true_names: string [N], who that is in all cameras, null where nobody knows; None if nothing is known.
    """

    rows: NDArray[np.bool_]
    local_names: pa.ChunkedArray
    true_names: pa.ChunkedArray | None

    def label(self, images: Split, rows: NDArray[np.int64]) -> Split:
        """The images of these rows of the table, labelled inside their camera; junk is left out."""
        names = self.true_names
        return split_of_camera_labels(images, self.local_names.take(rows), None if names is None else names.take(rows))


def read_local_columns(table: pa.Table, file: Path, is_train: NDArray[np.bool_]) -> LocalColumns | None:
    """Camera-local labels of the training rows of a table; None where those rows have global identities.

    Args:
        table: its columns, `LOCAL_COLUMNS` among them.
        file: for messages.
        is_train: bool [N], the rows that are for training.

    Raises:
        DataError: only some training rows have a local identity, or the camera of none is named.
    """
    if not (is_filled(table, "local_identity", file) & is_train).any():
        return None
    if (is_filled(table, "identity", file) & is_train).any():
        return None
    if not is_filled(table, "camera", file).any():
        raise DataError(
            f"table {file} has a column 'local_identity' but names no cameras: such labels hold inside their camera "
            "only, so give it a column 'camera'"
        )
    local_names = required_text(table, "local_identity", file, is_train)
    if set(pc.unique(pc.utf8_lower(local_names.filter(pa.array(is_train)))).to_pylist()) <= {"true", "false"}:
        raise DataError(f"column 'local_identity' of table {file} holds true and false only: name the people")
    known = (is_filled(table, "true_identity", file) & is_train).any()
    nobody = np.zeros(table.num_rows, dtype=np.bool_)
    true_names = required_text(table, "true_identity", file, nobody) if known else None
    return LocalColumns(is_train, local_names, true_names)
