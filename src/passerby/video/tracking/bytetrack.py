"""ByteTrack: sure detections first, then the unsure ones for those who were just seen (arXiv 2110.06864)."""

from passerby.metrics import pairwise_iou
from passerby.recipe_section import Probability
from passerby.video.tracking.box_models import AspectHeight
from passerby.video.tracking.online import OnlineTracker
from passerby.video.tracking.options import TrackerOptions
from passerby.video.tracking.pairing import Pairs, pair_some
from passerby.video.tracking.sights import Sights
from passerby.video.tracking.tracks import TENTATIVE, TRACKED


class ByteTrackOptions(TrackerOptions):
    """Settings of ByteTrack."""

    least_sure: Probability = 0.2
    """Least overlap × score at which a sure detection continues a track."""
    least_unsure: Probability = 0.5
    """Least overlap at which an unsure detection continues a track."""
    least_tentative: Probability = 0.3
    """Least overlap × score at which a sure detection confirms a new track."""


class ByteTrack(OnlineTracker[ByteTrackOptions]):
    """Motion and overlap alone."""

    motion = AspectHeight()
    schema = ByteTrackOptions

    def associate(self, sights: Sights) -> Pairs:
        """Pair the believed with the sure, the just seen with the unsure, the tentative with what is left."""
        options, tracks = self.options, self.tracks
        overlap = pairwise_iou(self.motion.boxes(tracks.mean), sights.boxes)
        sure = sights.scores >= options.high
        unsure = ~sure & (sights.scores >= options.low)
        fused = 1 - overlap * sights.scores
        believed, seen = tracks.state != TENTATIVE, tracks.state == TRACKED
        pairs = pair_some(fused, believed, sure, 1 - options.least_sure)
        seen[pairs.tracks] = False
        pairs = pairs.and_then(pair_some(1 - overlap, seen, unsure, 1 - options.least_unsure))
        sure[pairs.detections] = False
        return pairs.and_then(pair_some(fused, ~believed, sure, 1 - options.least_tentative))
