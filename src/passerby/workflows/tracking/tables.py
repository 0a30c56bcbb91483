"""The tables of tracklets and of dropped tracks, and the crops, put together from the parts of all sources."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from passerby.atomic_files import write_atomically
from passerby.video.collection.best_crops import spread_choice
from passerby.video.collection.options import CropOptions
from passerby.video.collection.parts import read_parts
from passerby.workflows.tracking.folder import TrackFolder
from passerby.workflows.tracking.source_work import part_folders
from passerby.workflows.tracking.sources import TrackedSource

_NUMBERS = ("x", "y", "width", "height", "score", "visible", "quality")


@dataclass
class Counts:
    """What a source gave.

    Attributes:
        tracklets: kept, after joining.
        boxes: of those.
        crops: of those.
        joined: tracklets that became part of another one.
        dropped: tracks that were not kept, by reason without its numbers.
    """

    tracklets: int = 0
    boxes: int = 0
    crops: int = 0
    joined: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def write_tables(
    folder: TrackFolder,
    sources: Sequence[TrackedSource],
    *,
    by_clock: bool,
    joined: Mapping[str, str],
    crops: CropOptions,
) -> dict[str, Counts]:
    """Write `tracklets.parquet`, `dropped.parquet` and the crops that they name; whole tables or none.

    Args:
        folder: where to, and where the parts of each source are.
        sources: in the order in which their rows are written.
        by_clock: whether `time` is the time of day, in UTC; else it is seconds since the source's first frame.
        joined: the tracklet that a tracklet is part of, by name; those that are not named stay what they are.
        crops: how many crops of joined tracklets are kept.

    Returns:
        Counts by source.
    """
    chosen = _crops_of_joined(folder, sources, joined, crops)
    counts = {source.name: Counts() for source in sources}
    with ExitStack() as stack:
        temporaries = [stack.enter_context(write_atomically(file)) for file in (folder.table, folder.dropped)]
        kept_writer, dropped_writer = (
            stack.enter_context(pq.ParquetWriter(file, schema))
            for file, schema in zip(temporaries, (_kept_schema(by_clock), _dropped_schema(by_clock)), strict=True)
        )
        for source in sources:
            tracklets: set[str] = set()
            for part in _parts(folder, source):
                was_kept = pc.is_null(part["reason"])
                kept = _kept(part.filter(was_kept), folder, source, joined, chosen, by_clock)
                kept_writer.write_table(kept)
                tracklets.update(pc.unique(kept["track"]).to_pylist())
                own = pc.unique(part["track"].filter(was_kept)).to_pylist()
                counts[source.name].joined += sum(name in joined for name in own)
                counts[source.name].boxes += kept.num_rows
                counts[source.name].crops += kept.num_rows - kept["path"].null_count
                dropped = _dropped(part.filter(pc.invert(was_kept)), folder, source, by_clock)
                dropped_writer.write_table(dropped)
                counts[source.name].dropped.update(short_reason(each) for each in dropped["reason"].to_pylist())
            counts[source.name].tracklets = len(tracklets)
    return counts


def short_reason(reason: str) -> str:
    """A reason without its numbers: `seen in 2 frames, fewer than 3` is `seen in … frames`."""
    return " ".join("…" if word[0].isdigit() else word for word in reason.partition(",")[0].split())


def _parts(folder: TrackFolder, source: TrackedSource, columns: list[str] | None = None) -> Iterator[pa.Table]:
    for place in part_folders(folder.work / source.name):
        yield from read_parts(place, columns)


def _crops_of_joined(
    folder: TrackFolder, sources: Sequence[TrackedSource], joined: Mapping[str, str], crops: CropOptions
) -> dict[str, set[int]]:
    """The frames of the crops that are kept of each joined tracklet, by its new name."""
    whole = set(joined.values())
    found: dict[str, list[tuple[float, float, int]]] = {}
    for source in sources if joined else ():
        for part in _parts(folder, source, ["track", "seconds", "quality", "frame", "reason"]):
            rows = part.filter(pc.and_(pc.is_valid(part["quality"]), pc.is_null(part["reason"])))
            for row in rows.to_pylist():
                name = joined.get(row["track"], row["track"])
                if name in whole:
                    found.setdefault(name, []).append((row["seconds"], row["quality"], row["frame"]))
    chosen = {}
    for name, candidates in found.items():
        candidates.sort()
        times, qualities = [each[0] for each in candidates], [each[1] for each in candidates]
        places = spread_choice(times, qualities, count=crops.count, min_quality=crops.min_quality)
        chosen[name] = {candidates[place][2] for place in places}
    return chosen


def _kept(
    part: pa.Table,
    folder: TrackFolder,
    source: TrackedSource,
    joined: Mapping[str, str],
    chosen: Mapping[str, set[int]],
    by_clock: bool,
) -> pa.Table:
    tracks = [joined.get(name, name) for name in part["track"].to_pylist()]
    paths: list[str | None] = [None] * len(tracks)
    frames = part["frame"].to_pylist()
    place = folder.crops / source.name
    for row in np.flatnonzero(np.asarray(pc.is_valid(part["jpeg"]))).tolist():
        if frames[row] in chosen.get(tracks[row], (frames[row],)):
            paths[row] = _write_crop(folder.path, place, f"{tracks[row]}-{frames[row]:06d}.jpg", part["jpeg"][row])
    quality = pc.if_else(pc.is_valid(pa.array(paths, pa.string())), part["quality"].combine_chunks(), None)
    schema = _kept_schema(by_clock)
    columns: dict[str, Any] = {
        "path": paths,
        "camera": pa.repeat(source.camera, len(tracks)),
        "video": pa.repeat(source.name, len(tracks)),
        "track": tracks,
        "frame": part["frame"],
        "time": part["wall_time" if by_clock else "seconds"],
        **{name: part[name] for name in _NUMBERS},
        "quality": quality,
    }
    return _as_table(columns, schema)


def _dropped(part: pa.Table, folder: TrackFolder, source: TrackedSource, by_clock: bool) -> pa.Table:
    rows = []
    place = folder.dropped_crops / source.name
    frames, times = part["frame"].to_pylist(), part["wall_time" if by_clock else "seconds"].to_pylist()
    seconds, tracks = part["seconds"].to_numpy(), part["track"].to_pylist()
    heights, scores = part["height"].to_numpy(), part["score"].to_numpy()
    pictures = np.asarray(pc.is_valid(part["jpeg"]))
    begins = [row for row in range(len(tracks)) if not row or tracks[row] != tracks[row - 1]]
    ends = [*begins[1:], len(tracks)] if begins else []
    for begin, end in zip(begins, ends, strict=True):
        picture = np.flatnonzero(pictures[begin:end])
        name = f"{tracks[begin]}.jpg"
        rows.append(
            {
                "path": _write_crop(folder.path, place, name, part["jpeg"][begin + int(picture[0])])
                if picture.size
                else None,
                "camera": source.camera,
                "video": source.name,
                "track": tracks[begin],
                "reason": part["reason"][begin].as_py(),
                "frame": frames[begin],
                "last_frame": frames[end - 1],
                "time": times[begin],
                "seconds": float(seconds[end - 1] - seconds[begin]),
                "boxes": end - begin,
                "height": float(heights[begin:end].max()),
                "score": float(scores[begin:end].mean()),
            }
        )
    return pa.Table.from_pylist(rows, schema=_dropped_schema(by_clock))


def _write_crop(root: Path, place: Path, name: str, jpeg: pa.Scalar) -> str:
    """Write a crop; returns its path relative to the output folder."""
    place.mkdir(parents=True, exist_ok=True)
    file = place / name
    file.write_bytes(jpeg.as_py())
    return file.relative_to(root).as_posix()


def _as_table(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    def column(kind: pa.Field) -> Any:
        values = columns[kind.name]
        return values if isinstance(values, pa.ChunkedArray) else pa.array(values, kind.type)

    return pa.table([column(kind) for kind in schema], schema=schema)


def _time(by_clock: bool) -> pa.DataType:
    return pa.timestamp("us", tz="UTC") if by_clock else pa.float64()


def _kept_schema(by_clock: bool) -> pa.Schema:
    return pa.schema(
        {
            **dict.fromkeys(("path", "camera", "video", "track"), pa.string()),
            "frame": pa.int64(),
            "time": _time(by_clock),
            **dict.fromkeys(_NUMBERS, pa.float32()),
        }
    )


def _dropped_schema(by_clock: bool) -> pa.Schema:
    return pa.schema(
        {
            **dict.fromkeys(("path", "camera", "video", "track", "reason"), pa.string()),
            **dict.fromkeys(("frame", "last_frame"), pa.int64()),
            "time": _time(by_clock),
            "seconds": pa.float64(),
            "boxes": pa.int64(),
            **dict.fromkeys(("height", "score"), pa.float32()),
        }
    )
