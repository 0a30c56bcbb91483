"""OC-SORT: trust observations more than predictions (Cao et al., CVPR 2023, arXiv 2203.14360)."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from passerby.recipe_section import NotNegative, Probability
from passerby.video.tracking.box_models import AreaAspect
from passerby.video.tracking.direction import consistency, earlier_centres, turn
from passerby.video.tracking.motion import Floats, Motion, MotionModel
from passerby.video.tracking.online import OnlineTracker
from passerby.video.tracking.options import TrackerOptions
from passerby.video.tracking.pairing import Pairs, pair_some, touching
from passerby.video.tracking.sights import Sights
from passerby.video.tracking.tracks import LOST, MISSING, TENTATIVE, Tracks


class OcSortOptions(TrackerOptions):
    """Settings of OC-SORT."""

    least_overlap: Probability = 0.3
    """Least overlap of a track and a detection that are paired."""
    inertia: NotNegative = 0.2
    """Weight of walking on in the same direction, beside overlap."""
    lookback: NotNegative = 0.1
    """Seconds over which a direction is measured."""


@dataclass
class ObservedTracks(Tracks):
    """Tracks that remember what was believed of their motion when they were last seen.

    Attributes:
        seen: float64 [T, 5, 4], the columns of `motion` at the last detection.
    """

    seen: Floats

    @classmethod
    def begin(cls, serial: int, time: float, boxes: Floats, motion: Motion, width: int) -> Self:
        """Tentative tracks that begin with these boxes."""
        basic = Tracks.begin(serial, time, boxes, motion, width)
        return cls(**vars(basic), seen=np.stack(motion, axis=1))


class OcSort(OnlineTracker[OcSortOptions]):
    """Motion, overlap, direction, and looks where there are any."""

    motion: ClassVar[MotionModel] = AreaAspect()
    schema = OcSortOptions
    table = ObservedTracks
    tracks: ObservedTracks

    def associate(self, sights: Sights) -> Pairs:
        """Pair by overlap and direction, then the unsure by overlap, then what is left by the last observations."""
        options, tracks = self.options, self.tracks
        self._before = earlier_centres(tracks, sights.time - options.lookback)
        pairs, overlap, _ = touching(self.motion.boxes(tracks.numbers), sights.boxes)
        sure = sights.scores >= options.high
        unsure = ~sure & (sights.scores >= options.low)
        free = tracks.state != MISSING
        worth = overlap + options.inertia * consistency(tracks, sights, pairs, self._before)
        worth += self.appearance.favour(tracks, sights, pairs)
        cost = np.where(overlap < options.least_overlap, np.inf, _MOST - worth)
        first = pair_some(pairs, cost, free, sure, _MOST)
        free[first.tracks] = sure[first.detections] = False
        believed = free & (tracks.state != TENTATIVE)
        second = pair_some(pairs, 1 - overlap, believed, unsure, 1 - options.least_overlap)
        free[second.tracks] = False
        pairs, overlap, _ = touching(tracks.last_boxes, sights.boxes)
        third = pair_some(pairs, 1 - overlap, free, sure, 1 - options.least_overlap)
        return first.and_then(second).and_then(third)

    def correct(self, pairs: Pairs, sights: Sights, boxes: Floats) -> Motion:
        """Correct motions; those of people who were lost as if they had walked evenly to where they are found."""
        tracks, rows = self.tracks, pairs.tracks
        turn(tracks, pairs, sights, self._before)
        motion = super().correct(pairs, sights, boxes)
        steps = np.rint((sights.time - tracks.last_seen[rows]) / self.step).astype(int)
        lost = np.flatnonzero((steps > 1) & (tracks.state[rows] == LOST))
        if len(lost):
            replayed = self._replayed(rows[lost], steps[lost][:, None], sights.time, boxes[lost])
            motion.put(rows[lost], replayed)
        tracks.seen[rows] = np.stack(motion.of(rows), axis=1)
        return motion

    def _replayed(self, rows: NDArray[np.intp], steps: NDArray[np.intp], time: float, boxes: Floats) -> Motion:
        """The motion after `steps` [R, 1] made-up sights on the straight way from the last box to this one."""
        tracks = self.tracks
        motion = Motion(*np.ascontiguousarray(tracks.seen[rows].swapaxes(0, 1)))
        start, seconds = tracks.last_boxes[rows], (time - tracks.last_seen[rows])[:, None] / steps
        for step in range(1, int(steps.max()) + 1):
            going = np.flatnonzero(steps[:, 0] >= step)
            made_up = start[going] + step / steps[going] * (boxes[going] - start[going])
            moved = self.motion.correct(self.motion.predict(motion.of(going), seconds[going]), made_up)
            motion.put(going, moved)
        return motion


_MOST = 2.0
"""More than any pair is worth."""
