"""Tracks that have ended, on disk in parts until a source is done: whole files, the same whenever they are written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.errors import DataError
from passerby.video.collection.collector import Ended
from passerby.video.collection.tracklet import DroppedTrack, Tracklet

ROWS_PER_PART = 20_000
BYTES_PER_PART = 32 << 20
"""A part is written when as many boxes, or as many bytes of crops, wait for it."""

PART_SCHEMA = pa.schema(
    {
        "track": pa.string(),
        "counter": pa.int64(),
        "frame": pa.int64(),
        "seconds": pa.float64(),
        "wall_time": pa.timestamp("us", tz="UTC"),
        "x": pa.float32(),
        "y": pa.float32(),
        "width": pa.float32(),
        "height": pa.float32(),
        "score": pa.float32(),
        "visible": pa.float32(),
        "quality": pa.float32(),
        "jpeg": pa.binary(),
        "reason": pa.string(),
    }
)
"""A row per observed box; `quality` and `jpeg` where it has a crop, `reason` where its track was dropped."""


class PartWriter:
    """Writes the tracks of one source in the order in which they ended.

    Where a part is on disk already, because the source was worked on before, it is left as it is.

    Args:
        folder: for this source alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[pa.Table] = []
        self._rows = self._bytes = self._written = 0
        self.kept = self.dropped = 0

    def add(self, ended: Ended) -> None:
        """Take a track that has ended."""
        tracklet, reason = (ended.tracklet, ended.reason) if isinstance(ended, DroppedTrack) else (ended, None)
        self.kept, self.dropped = self.kept + (reason is None), self.dropped + (reason is not None)
        self._waiting.append(_table(tracklet, reason))
        self._rows += len(tracklet)
        self._bytes += sum(len(crop.jpeg) for crop in tracklet.crops)
        if self._rows >= ROWS_PER_PART or self._bytes >= BYTES_PER_PART:
            self.flush()

    def flush(self) -> None:
        """Write what waits as a part, even if it is none."""
        file = self._folder / f"tracks-{self._written:06d}.parquet"
        if not file.exists():
            with write_atomically(file) as temporary:
                pq.write_table(
                    pa.concat_tables([PART_SCHEMA.empty_table(), *self._waiting]),
                    temporary,
                    write_page_checksum=True,
                    compression={name: "none" if name == "jpeg" else "snappy" for name in PART_SCHEMA.names},
                )
        self._written += 1
        self._waiting, self._rows, self._bytes = [], 0, 0


def read_parts(folder: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The parts of a source in order, of the columns of `PART_SCHEMA`; a track lies in one of them, its rows together.

    Raises:
        DataError: a part is damaged.
    """
    for file in sorted(folder.glob("tracks-*.parquet")):
        try:
            yield pq.read_table(file, columns=columns, page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0][:120]
            raise DataError(f"{file} is damaged ({reason}): begin anew with --replace") from error


def _table(tracklet: Tracklet, reason: str | None) -> pa.Table:
    count = len(tracklet)
    qualities: list[float | None] = [None] * count
    jpegs: list[bytes | None] = [None] * count
    for crop in tracklet.crops:
        qualities[crop.row], jpegs[crop.row] = crop.quality, crop.jpeg
    boxes = tracklet.boxes
    columns: dict[str, Any] = {
        "track": pa.repeat(str(tracklet.id), count),
        "counter": np.full(count, tracklet.id.counter, np.int64),
        "frame": tracklet.frames,
        "seconds": tracklet.times,
        "wall_time": _moments(tracklet.wall_times, count),
        "x": boxes[:, 0],
        "y": boxes[:, 1],
        "width": boxes[:, 2] - boxes[:, 0],
        "height": boxes[:, 3] - boxes[:, 1],
        "score": tracklet.scores,
        "visible": tracklet.visible,
        "quality": qualities,
        "jpeg": jpegs,
        "reason": pa.array([reason] * count, pa.string()),
    }
    return pa.table([pa.array(columns[field.name], field.type) for field in PART_SCHEMA], schema=PART_SCHEMA)


def _moments(microseconds: NDArray[np.int64] | None, count: int) -> pa.Array:
    kind = PART_SCHEMA.field("wall_time").type
    return pa.nulls(count, kind) if microseconds is None else pa.array(microseconds, pa.int64()).cast(kind)
