"""The page that shows tracklets as strips of crops, per camera, and what was dropped and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from passerby.atomic_files import write_text_atomically
from passerby.progress import duration
from passerby.report.html.template import rendered
from passerby.report.html.thumbnail import data_uri, thumbnail
from passerby.report.tracking.spans import CameraTracks, TrackSpan, read_camera_tracks

_STRIPS, _FEWEST = 240, 6
"""Strips on a page, and at least for each camera."""

_BINS = 240
_DAY = 86_400.0


def write_tracking_page(
    page: Path,
    table: Path,
    dropped: Path,
    sources: Sequence[Mapping[str, Any]],
    *,
    title: str,
    judged: Mapping[str, Any] | None = None,
) -> Path:
    """Write the page, one file that needs no network and no script.

    Args:
        page: to write.
        table, dropped: `tracklets.parquet` and `dropped.parquet`; crops lie beside them.
        sources: what is known of each source: `name`, `camera`, `tracklets`, `boxes`, `crops`, `dropped`,
            `frames_analysed`, `duration`, `damaged_share`.
        title: of the page.
        judged: where there is ground truth: `rows` of figures by source and `worst`, the worst tracks.
    """
    cameras = read_camera_tracks(table, dropped)
    most = max(_FEWEST, _STRIPS // max(1, len(cameras)))
    shown = [_camera(camera, table.parent, most) for camera in cameras]
    by_track = {span.track: span for camera in cameras for span in camera.kept}
    worst = [
        {**each, "pictures": _pictures(by_track[each["track"]], table.parent)}
        for each in (judged or {}).get("worst", ())
        if each["track"] in by_track
    ]
    html = rendered(
        "tracking.html.jinja",
        title=title,
        headlines=_headlines(cameras, sources),
        sources=[_source_row(source) for source in sources],
        cameras=shown,
        judged=judged,
        worst=worst,
    )
    write_text_atomically(page, html)
    return page


def _headlines(cameras: Sequence[CameraTracks], sources: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Name, value and meaning of the headlines."""
    kept = [span for camera in cameras for span in camera.kept]
    dropped = sum(len(camera.dropped) for camera in cameras)
    seconds = [span.last - span.first for span in kept]
    frames = sum(source["frames_analysed"] for source in sources)
    filmed = len({source["camera"] for source in sources})  # also those that saw nobody
    return [
        ("tracklets", f"{len(kept):,}", f"of {filmed} {'camera' if filmed == 1 else 'cameras'}"),
        ("boxes", f"{sum(span.boxes for span in kept):,}", f"observed in {frames:,} frames"),
        ("crops", f"{sum(len(span.paths) for span in kept):,}", "the best of each tracklet"),
        ("seconds each", f"{np.median(seconds):.1f}" if seconds else "–", "in the middle of all tracklets"),
        ("dropped", f"{dropped:,}", "tracks that were not kept"),
    ]


def _source_row(source: Mapping[str, Any]) -> dict[str, str]:
    dropped = sum(source["dropped"].values())
    return {
        "name": source["name"],
        "camera": source["camera"],
        "length": duration(source["duration"]),
        "frames": f"{source['frames_analysed']:,}",
        "damaged": f"{100 * source['damaged_share']:.1f} %",
        "tracklets": f"{source['tracklets']:,}",
        "joined": f"{source['joined']:,}",
        "boxes": f"{source['boxes']:,}",
        "crops": f"{source['crops']:,}",
        "dropped": f"{dropped:,}",
    }


def _camera(camera: CameraTracks, folder: Path, most: int) -> dict[str, Any]:
    spans = [*camera.kept, *camera.dropped]
    begin, end = min(span.first for span in spans), max(span.last for span in spans)
    length = max(end - begin, 1e-9)
    reasons = Counter((span.reason or "").partition(",")[0] for span in camera.dropped)
    return {
        "name": camera.camera,
        "count": len(camera.kept),
        "dropped_count": len(camera.dropped),
        "reasons": reasons.most_common(6),
        "begin": _moment(begin, begin, end, camera.by_clock),
        "end": _moment(end, begin, end, camera.by_clock),
        "curve": _curve(camera.kept, begin, length),
        "most": max(_at_once(camera.kept, begin, length), default=0),
        "strips": [_strip(span, folder, begin, length, camera) for span in _spread(camera.kept, most)],
        "dropped": [_strip(span, folder, begin, length, camera) for span in _spread(camera.dropped, most // 2)],
    }


def _strip(span: TrackSpan, folder: Path, begin: float, length: float, camera: CameraTracks) -> dict[str, Any]:
    return {
        "track": span.track,
        "note": f"{span.boxes:,} {'box' if span.boxes == 1 else 'boxes'} in {span.last - span.first:.1f} s, from "
        f"{_moment(span.first, begin, begin + length, camera.by_clock)}",
        "reason": span.reason,
        "left": f"{100 * (span.first - begin) / length:.2f}",
        "width": f"{max(0.4, 100 * (span.last - span.first) / length):.2f}",
        "pictures": _pictures(span, folder),
    }


def _pictures(span: TrackSpan, folder: Path) -> list[tuple[str, str | None]]:
    """Path of each crop, and the picture; None for one that cannot be read any more."""
    found = [(path, thumbnail(folder / path)) for path in span.paths]
    return [(path, None if small is None else data_uri(small)) for path, small in found]


def _at_once(spans: Sequence[TrackSpan], begin: float, length: float) -> list[int]:
    """People at once in each of the bins of the time axis."""
    changes = np.zeros(_BINS + 1, np.int64)
    for span in spans:
        first = min(_BINS - 1, int(_BINS * (span.first - begin) / length))
        last = min(_BINS - 1, int(_BINS * (span.last - begin) / length))
        changes[first] += 1
        changes[last + 1] -= 1
    counts: list[int] = np.cumsum(changes[:-1]).tolist()
    return counts


def _curve(spans: Sequence[TrackSpan], begin: float, length: float) -> str:
    """Points of the polygon below the curve of people at once, in a box of 240 by 40."""
    counts = _at_once(spans, begin, length)
    highest = max([*counts, 1])
    steps = [f"{place},{40 - 40 * count / highest:.1f} {place + 1},{40 - 40 * count / highest:.1f}"
             for place, count in enumerate(counts)]  # fmt: skip
    return " ".join(["0,40", *steps, f"{_BINS},40"])


def _spread(spans: Sequence[TrackSpan], most: int) -> list[TrackSpan]:
    """At most so many, evenly spread over the order."""
    if len(spans) <= most:
        return list(spans)
    return [spans[place] for place in np.unique(np.linspace(0, len(spans) - 1, most).astype(int)).tolist()]


def _moment(seconds: float, begin: float, end: float, by_clock: bool) -> str:
    """A time of day in UTC, with its date where the axis is long; or a length since the source began."""
    if not by_clock:
        return duration(seconds)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if end - begin > _DAY or seconds == begin else f"{moment:%H:%M:%S} UTC"
