"""The page that shows what was tracked."""

from passerby.report.tracking.page import write_tracking_page
from passerby.report.tracking.spans import CameraTracks, TrackSpan, read_camera_tracks

__all__ = ["CameraTracks", "TrackSpan", "read_camera_tracks", "write_tracking_page"]
