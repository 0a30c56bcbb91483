"""When each tracklet of a table was seen, and which crops it has; read in bounded memory."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_COLUMNS = ["path", "camera", "video", "track", "time"]
_ROWS = 65_536


@dataclass
class TrackSpan:
    """A tracklet on the time axis of its camera.

    Attributes:
        track: its name.
        video: the source's name.
        first, last: seconds: since 1970, or since the source began where its start is unknown.
        boxes: how many were observed.
        paths: its crops, relative to the table.
        reason: why it was dropped; None for one that was kept.
    """

    track: str
    video: str
    first: float
    last: float
    boxes: int = 0
    paths: list[str] = field(default_factory=list)
    reason: str | None = None


@dataclass(frozen=True)
class CameraTracks:
    """The tracklets of a camera.

    Attributes:
        camera: its name.
        kept: by the time at which they began.
        dropped: likewise.
        by_clock: whether times are times of day.
    """

    camera: str
    kept: list[TrackSpan]
    dropped: list[TrackSpan]
    by_clock: bool


def read_camera_tracks(table: Path, dropped: Path) -> list[CameraTracks]:
    """The tracklets of each camera, and what was dropped there; cameras by name.

    Args:
        table: `tracklets.parquet` as `passerby track` writes it.
        dropped: `dropped.parquet` likewise.
    """
    kept: dict[str, dict[str, TrackSpan]] = defaultdict(dict)
    for batch in _batches(table, _COLUMNS):
        found = batch.group_by(["camera", "video", "track"], use_threads=False)
        for row in found.aggregate([("time", "min"), ("time", "max"), ("time", "count")]).to_pylist():
            first, last = _seconds(row["time_min"]), _seconds(row["time_max"])
            span = kept[row["camera"]].setdefault(row["track"], TrackSpan(row["track"], row["video"], first, last))
            span.first, span.last = min(span.first, first), max(span.last, last)
            span.boxes += row["time_count"]
        for row in batch.filter(pc.is_valid(batch["path"])).select(["camera", "track", "path"]).to_pylist():
            kept[row["camera"]][row["track"]].paths.append(row["path"])
    gone: dict[str, list[TrackSpan]] = defaultdict(list)
    for row in pq.read_table(dropped).to_pylist():
        first = _seconds(row["time"])
        paths = [] if row["path"] is None else [row["path"]]
        gone[row["camera"]].append(
            TrackSpan(row["track"], row["video"], first, first + row["seconds"], row["boxes"], paths, row["reason"])
        )
    by_clock = pq.read_schema(table).field("time").type != "double"
    return [
        CameraTracks(
            camera,
            sorted(kept[camera].values(), key=lambda span: (span.first, span.track)),
            sorted(gone[camera], key=lambda span: (span.first, span.track)),
            by_clock,
        )
        for camera in sorted({*kept, *gone})
    ]


def _batches(table: Path, columns: list[str]) -> Iterator[pa.Table]:
    with pq.ParquetFile(table) as opened:
        for batch in opened.iter_batches(_ROWS, columns=columns):
            yield pa.Table.from_batches([batch])


def _seconds(time: Any) -> float:
    return float(time) if isinstance(time, float) else float(time.timestamp())
