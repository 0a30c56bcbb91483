"""Frames of files, folders of pictures and live streams, in order and with their times."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.video.reading.opening import TIMEOUT, is_stream, open_source, shown_name
    from passerby.video.reading.source import Source, wall_time
    from passerby.video.reading.start_time import parse_start, time_zone_named
    from passerby.video.reading.summary import DAMAGE_LIMIT, SourceSummary, check_damage

__all__ = [
    "DAMAGE_LIMIT",
    "TIMEOUT",
    "Source",
    "SourceSummary",
    "check_damage",
    "is_stream",
    "open_source",
    "parse_start",
    "shown_name",
    "time_zone_named",
    "wall_time",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "opening": ["TIMEOUT", "is_stream", "open_source", "shown_name"],
        "source": ["Source", "wall_time"],
        "start_time": ["parse_start", "time_zone_named"],
        "summary": ["DAMAGE_LIMIT", "SourceSummary", "check_damage"],
    },
)
