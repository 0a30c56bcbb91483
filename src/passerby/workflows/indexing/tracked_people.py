"""Tracklets of a table that `passerby track` wrote, with features of their crops, ready for a gallery."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from passerby.gallery.records import Crop, Feature, ModelKey, NewTracklet
from passerby.inference.embedder import Embedder
from passerby.workflows.computing.opening import ImagesAhead

_COLUMNS = ["path", "camera", "video", "track", "frame", "time", "height", "visible"]
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Rows:
    """The boxes of one tracklet, as columns, in the order of frames."""

    camera: str
    video: str
    track: str
    frames: NDArray[np.int64]
    seconds: NDArray[np.float64]
    heights: NDArray[np.float32]
    visible: NDArray[np.float32]
    paths: list[str | None]


def model_key(model: Embedder, name: str) -> ModelKey:
    """How a gallery tells a model's features from those of others."""
    return ModelKey(model.fingerprint().hex(), name, model.embed_dim)


def read_tracked_people(
    table: Path, model: Embedder, key: ModelKey, *, marks: Mapping[str, str], batch_size: int, tracklets_at_once: int
) -> Iterator[list[NewTracklet]]:
    """Tracklets of the table, some at a time; those without a crop are left out, since nobody could recognise them.

    Args:
        table: `tracklets.parquet` of `passerby track`.
        model: gives the features.
        key: of the model.
        marks: for each video what tells it from others of its name; it becomes part of the tracklets' keys.
        batch_size: crops embedded at once.
        tracklets_at_once: in one list.

    Raises:
        DataError: a crop cannot be read.
        CheckpointError: a feature is not finite, or has no length.
    """
    some: list[_Rows] = []
    for rows in _tracklets(table):
        if any(path is not None for path in rows.paths):
            some.append(rows)
        if len(some) == tracklets_at_once:
            yield _with_features(some, table, model, key, marks, batch_size)
            some = []
    if some:
        yield _with_features(some, table, model, key, marks, batch_size)


def crops_ahead(table: Path) -> ImagesAhead:
    """The crops of the table, which are going to be embedded."""
    paths = pq.read_table(table, columns=["path"])["path"].drop_null()

    def some(count: int) -> list[Path]:
        places = np.unique(np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(np.int64))
        return [table.parent / path for path in paths.take(pa.array(places)).to_pylist()]

    return ImagesAhead(len(paths), some)


def _tracklets(table: Path) -> Iterator[_Rows]:
    """Tracklets in the order in which they first occur; a tracklet's rows need not stand together."""
    content = pq.read_table(table, columns=_COLUMNS)
    clock = pa.types.is_timestamp(content["time"].type)
    seconds = pc.cast(pc.cast(content["time"], pa.timestamp("us", tz="UTC")), pa.int64()) if clock else content["time"]
    times = np.asarray(seconds, np.float64) / (1e6 if clock else 1.0)
    names = content["track"].combine_chunks().dictionary_encode()
    numbers = np.asarray(names.indices, np.int64)
    order = np.argsort(numbers, kind="stable")
    ends = np.flatnonzero(np.diff(numbers[order], append=-1)) + 1
    frames = np.asarray(content["frame"], np.int64)
    heights, visible = (np.asarray(content[name], np.float32) for name in ("height", "visible"))
    for first, end in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
        rows = order[first:end]
        rows = rows[np.argsort(frames[rows], kind="stable")]
        begin = int(rows[0])
        yield _Rows(
            camera=content["camera"][begin].as_py(),
            video=content["video"][begin].as_py(),
            track=content["track"][begin].as_py(),
            frames=frames[rows],
            seconds=times[rows],
            heights=heights[rows],
            visible=visible[rows],
            paths=content["path"].take(pa.array(rows)).to_pylist(),
        )


def _with_features(
    tracklets: list[_Rows], table: Path, model: Embedder, key: ModelKey, marks: Mapping[str, str], batch_size: int
) -> list[NewTracklet]:
    files = [[table.parent / path for path in each.paths if path is not None] for each in tracklets]
    embedded = model.embed([file for some in files for file in some], batch_size=batch_size)
    features = np.split(embedded, np.cumsum([len(some) for some in files])[:-1])
    by_clock = pa.types.is_timestamp(pq.read_schema(table).field("time").type)
    return [
        _new_tracklet(rows, some, feature, key, marks[rows.video], by_clock=by_clock)
        for rows, some, feature in zip(tracklets, files, features, strict=True)
    ]


def _new_tracklet(
    rows: _Rows, files: list[Path], features: NDArray[np.float32], key: ModelKey, mark: str, *, by_clock: bool
) -> NewTracklet:
    kept = [int(frame) for frame, path in zip(rows.frames, rows.paths, strict=True) if path is not None]
    begins, ends = float(rows.seconds[0]), float(rows.seconds[-1])
    taken: dict[str, Any] = {}
    if by_clock:
        taken = {"taken_from": _moment(begins), "taken_to": _moment(ends)}
    return NewTracklet(
        key=f"{rows.track}@{mark}",
        camera=rows.camera,
        video=f"{rows.video}@{mark}",
        begins=begins,
        ends=ends,
        frames=len(rows.frames),
        height=float(np.median(rows.heights)),
        visible=float(np.median(rows.visible)),
        crops=[Crop(frame, file.read_bytes()) for frame, file in zip(kept, files, strict=True)],
        features={key: tracklet_feature(features)},
        **taken,
    )


def tracklet_feature(features: NDArray[np.float32]) -> Feature:
    """The feature of a tracklet of those of its crops, float32 [K, D], in the order of time."""
    halves = None
    if len(features) > 1:
        middle = len(features) // 2
        halves = np.stack([_mean(features[:middle]), _mean(features[middle:])])
    return Feature(_mean(features), halves)


def _mean(features: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = features.astype(np.float64).mean(0)
    unit: NDArray[np.float32] = (mean / np.linalg.norm(mean)).astype(np.float32)
    return unit


def _moment(seconds: float) -> datetime:
    return _BEGIN + timedelta(microseconds=round(seconds * 1e6))
