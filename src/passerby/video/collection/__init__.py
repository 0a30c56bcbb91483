"""Collect tracks into tracklets: their observed boxes, and the best crops of each."""

from passerby.video.collection.collector import Collector
from passerby.video.collection.follow import FollowedFrame, follow
from passerby.video.collection.options import CropOptions, TrackletOptions
from passerby.video.collection.tracklet import Crop, DroppedTrack, Tracklet, TrackletId, whole_track

__all__ = [
    "Collector",
    "Crop",
    "CropOptions",
    "DroppedTrack",
    "FollowedFrame",
    "Tracklet",
    "TrackletId",
    "TrackletOptions",
    "follow",
    "whole_track",
]
