"""How well people were followed: HOTA, IDF1, MOTA, and what tracklets are worth; from arrays alone."""

from passerby.metrics.tracking.counts import IdentityCounts, TrackingCounts
from passerby.metrics.tracking.identity import count_multi_camera_identity
from passerby.metrics.tracking.ignore_rules import Rules, drop_ignored
from passerby.metrics.tracking.overlap import box_areas, pairwise_iou
from passerby.metrics.tracking.people import people_shown
from passerby.metrics.tracking.score import (
    TrackingScore,
    combine_scores,
    score_tracking,
    score_tracklets,
    tracking_intervals,
)
from passerby.metrics.tracking.trajectories import Trajectories

__all__ = [
    "IdentityCounts",
    "Rules",
    "TrackingCounts",
    "TrackingScore",
    "Trajectories",
    "box_areas",
    "combine_scores",
    "count_multi_camera_identity",
    "drop_ignored",
    "pairwise_iou",
    "people_shown",
    "score_tracking",
    "score_tracklets",
    "tracking_intervals",
]
