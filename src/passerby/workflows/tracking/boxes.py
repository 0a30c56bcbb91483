"""The boxes of one source, out of the table of all."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray


class SourceBoxes(NamedTuple):
    """N observed boxes of a source, by frame.

    Attributes:
        names: of its T tracklets, in the order in which they stand in the table.
        frames: int64 [N].
        tracks: int64 [N], places in `names`.
        boxes: float32 [N, 4], left, top, right, bottom.
    """

    names: list[str]
    frames: NDArray[np.int64]
    tracks: NDArray[np.int64]
    boxes: NDArray[np.float32]


def read_boxes(table: Path, video: str) -> SourceBoxes:
    """The boxes of a source in `tracklets.parquet`."""
    columns = ["track", "frame", "x", "y", "width", "height"]
    rows = pq.read_table(table, columns=columns, filters=[("video", "==", video)])
    encoded = rows["track"].combine_chunks().dictionary_encode()
    x, y, width, height = (rows[name].to_numpy() for name in columns[2:])
    frames = rows["frame"].to_numpy()
    order = np.argsort(frames, kind="stable")
    boxes = np.stack([x, y, x + width, y + height], axis=1)
    tracks = np.asarray(encoded.indices).astype(np.int64)
    return SourceBoxes(encoded.dictionary.to_pylist(), frames[order], tracks[order], boxes[order])
