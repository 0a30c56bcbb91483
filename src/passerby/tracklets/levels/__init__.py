"""The three levels: inside of a tracklet, inside of a video, across videos."""

from passerby.tracklets.levels.cross_video import block_links, identify
from passerby.tracklets.levels.single_tracklet import exclude_deviating
from passerby.tracklets.levels.single_video import denoise_video

__all__ = ["block_links", "denoise_video", "exclude_deviating", "identify"]
