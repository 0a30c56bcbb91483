"""ByteTrack: sure detections first, then the unsure ones for those who were just seen (arXiv 2110.06864).

To the paper's three stages this adds what kept tracks apart on videos of a small detector: overlap counts for less
between boxes of unlike heights, people tend to walk on as they walked, and looks count where there are features.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from passerby.recipe_section import NotNegative, Probability
from passerby.video.tracking.box_models import AspectHeight
from passerby.video.tracking.direction import consistency, earlier_centres, turn
from passerby.video.tracking.motion import Floats, Motion, MotionModel
from passerby.video.tracking.online import OnlineTracker
from passerby.video.tracking.options import TrackerOptions
from passerby.video.tracking.pairing import Pairs, pair_some, touching
from passerby.video.tracking.sights import Sights
from passerby.video.tracking.tracks import LOST, TENTATIVE, TRACKED


class ByteTrackOptions(TrackerOptions):
    """Settings of ByteTrack."""

    least_sure: Probability = 0.2
    """Least overlap × score at which a sure detection continues a track."""
    least_lost: Probability = 0.25
    """Least overlap at which a sure detection finds somebody lost whom it does not resemble by looks."""
    least_unsure: Probability = 0.5
    """Least overlap at which an unsure detection continues a track."""
    least_tentative: Probability = 0.3
    """Least overlap × score at which a sure detection confirms a new track."""
    inertia: NotNegative = 0.1
    """Weight of walking on in the same direction, beside overlap; 0: not considered."""
    lookback: NotNegative = 0.1
    """Seconds over which a direction is measured."""


class ByteTrack(OnlineTracker[ByteTrackOptions]):
    """Motion, overlap, direction, and looks where there are any."""

    motion: ClassVar[MotionModel] = AspectHeight()
    schema = ByteTrackOptions

    def predict(self, image: NDArray[np.uint8] | None) -> None:
        """Move all tracks to the time of a frame; boxes of those who are not seen neither grow nor shrink."""
        self.tracks.velocity[(self.tracks.state >= LOST).nonzero()[0], 2:] = 0.0
        super().predict(image)

    def associate(self, sights: Sights) -> Pairs:
        """Pair the believed with the sure, the just seen with the unsure, the tentative with what is left."""
        options, tracks = self.options, self.tracks
        self._before = earlier_centres(tracks, sights.time - options.lookback)
        pairs, overlap, heights = touching(self.motion.boxes(tracks.numbers), sights.boxes)
        overlap = overlap * heights
        fused = self._sure_cost(pairs, overlap, sights)
        sure = sights.scores >= options.high
        unsure = ~sure & (sights.scores >= options.low)
        tentative, seen = tracks.state == TENTATIVE, tracks.state == TRACKED
        believed = seen | (tracks.state == LOST)
        first = pair_some(pairs, fused, believed, sure, 1 - options.least_sure)
        seen[first.tracks] = False
        second = pair_some(pairs, 1 - overlap, seen, unsure, 1 - options.least_unsure)
        sure[first.detections] = False
        third = pair_some(pairs, fused, tentative, sure, 1 - options.least_tentative)
        return first.and_then(second).and_then(third)

    def correct(self, pairs: Pairs, sights: Sights, boxes: Floats) -> Motion:
        """Correct motions, and note in which direction people went."""
        turn(self.tracks, pairs, sights, self._before)
        return super().correct(pairs, sights, boxes)

    def _sure_cost(self, pairs: Pairs, overlap: Floats, sights: Sights) -> Floats:
        """What it costs to pair tracks and sure detections, float64 [P]; inf for boxes too far apart."""
        worth = overlap * sights.scores[pairs.detections]
        if self.options.inertia:
            worth += self.options.inertia * consistency(self.tracks, sights, pairs, self._before)
        favour = self.appearance.favour(self.tracks, sights, pairs)
        doubtful = (self.tracks.state.take(pairs.tracks) == LOST) & (favour <= 0)  # looks may tell better than motion
        least = np.where(doubtful, self.options.least_lost, _TOUCHING)
        cost: Floats = np.where(overlap > least, 1 - worth - favour, np.inf)
        return cost


_TOUCHING = 0.05
"""Least overlap at which direction and looks may make up for what is missing."""
