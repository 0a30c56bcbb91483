"""Follow people from frame to frame."""

from passerby.video.tracking.options import TrackerOptions
from passerby.video.tracking.registry import TRACKERS, find_tracker, make_tracker
from passerby.video.tracking.tracker import TrackedDetections, Tracker

__all__ = ["TRACKERS", "TrackedDetections", "Tracker", "TrackerOptions", "find_tracker", "make_tracker"]
