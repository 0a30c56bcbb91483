"""What tracks look like, and who comes back after nobody followed them."""

import numpy as np
from numpy.typing import NDArray

from passerby.metrics import pairwise_iou
from passerby.recipe_section import NotNegative, Positive, Probability, Section
from passerby.video.tracking.likeness import Likeness
from passerby.video.tracking.motion import Floats
from passerby.video.tracking.pairing import Pairs, pair_up
from passerby.video.tracking.sights import Sights
from passerby.video.tracking.tracks import TRACKED, Tracks

Looks = NDArray[np.float32]


class AppearanceOptions(Section):
    """How much looks count, and who may be taken for whom across a gap."""

    weight: NotNegative = 0.5
    """Weight of looking alike, beside overlap, from frame to frame; 0: not considered."""
    gap: NotNegative = 10.0
    """Seconds after which somebody who comes back is somebody else; 0: looks join nothing."""
    reach: Positive = 1.5
    """Farthest that somebody walks in a second unseen, in heights of their box."""
    probability: Probability = 0.8
    """Least probability of being the same, by looks, at which two tracks are joined."""
    wait: NotNegative = 0.8
    """Seconds for which a track is looked at before it is compared with those who are missing."""
    crowding: Probability = 0.3
    """Overlap with another detection from which on a look is of neither."""


class Appearance:
    """The looks of the tracks of one stream, and two calibrations learnt from it.

    Attributes:
        soon: how alike a track and a detection of the next frame look.
        later: how alike two tracks look, a second or more apart.
    """

    def __init__(self, options: AppearanceOptions) -> None:
        self.options = options
        self.soon = Likeness()
        self.later = Likeness()
        self._learnt = -np.inf

    @property
    def idle(self) -> bool:
        """Whether looks are not considered at all."""
        return not (self.options.weight or self.options.gap)

    def favour(self, tracks: Tracks, sights: Sights, pairs: Pairs) -> Floats | float:
        """What looking alike adds to the worth of pairs, float64 [P]; 0 where nothing is known."""
        if sights.features is None or not self.options.weight:
            return 0.0
        looks = tracks.looks[pairs.tracks]
        cosines = (looks * sights.features[pairs.detections]).sum(axis=1).astype(np.float64)
        share = self.soon.probability(cosines, unknown=0.5) - 0.5
        favour: Floats = np.where(_known(looks), self.options.weight * share, 0.0)
        return favour

    def look(self, tracks: Tracks, pairs: Pairs, sights: Sights, least_score: float) -> None:
        """Add what was seen clearly to the looks of tracks, and learn how alike people look."""
        if sights.features is None:
            return
        clear = self._clear(sights, least_score)[pairs.detections]
        rows, seen = pairs.tracks[clear], sights.features[pairs.detections[clear]]
        known = _known(tracks.looks[rows])
        cosines = (tracks.looks[rows[known]] @ seen[known].T).astype(np.float64)
        self.soon.learn(np.diag(cosines), cosines[~np.eye(len(cosines), dtype=np.bool_)])
        tracks.looks[rows] = _unit(np.where(known[:, None], 0.9 * tracks.looks[rows] + 0.1 * seen, seen))
        if sights.time - self._learnt >= _LEARN_EVERY:
            self._learnt = sights.time
            self._learn_later(tracks, sights.time)

    def returned(
        self, tracks: Tracks, unknown: NDArray[np.bool_], gone: NDArray[np.bool_], time: float
    ) -> tuple[NDArray[np.bool_], Pairs]:
        """Find which unknown tracks are people who are gone, by time, reach and looks.

        Returns:
            Which tracks are to be looked at for longer, bool [T], and pairs of an unknown track and one that is gone.
        """
        new, old = np.flatnonzero(unknown), np.flatnonzero(gone)
        undecided = np.zeros(len(tracks), np.bool_)
        if not new.size or not old.size:
            return undecided, Pairs.none()
        possible = self._possible(tracks, new, old)
        young = (time - tracks.first_seen[new] < self.options.wait) & (tracks.state[new] == TRACKED)
        undecided[new[young & possible.any(axis=1)]] = True
        rows, columns = np.nonzero(possible & ~young[:, None])
        cosines = (tracks.looks[new[rows]] * tracks.looks[old[columns]]).sum(axis=1).astype(np.float64)
        unlike = 1 - self.later.probability(cosines, unknown=0.0)
        return undecided, pair_up(Pairs(new[rows], old[columns]), unlike, 1 - self.options.probability)

    def _clear(self, sights: Sights, least_score: float) -> NDArray[np.bool_]:
        """Which detections show one person well enough to say what the person looks like, bool [N]."""
        overlap = pairwise_iou(sights.boxes, sights.boxes)
        np.fill_diagonal(overlap, 0.0)
        alone: NDArray[np.bool_] = overlap.max(axis=1, initial=0.0) < self.options.crowding
        return alone & (sights.scores >= least_score)

    def _learn_later(self, tracks: Tracks, time: float) -> None:
        """Learn from those who are seen now how alike people look to how they, and others, once looked."""
        rows = np.flatnonzero((tracks.state == TRACKED) & _known(tracks.looks))
        age = time - tracks.first_seen[rows]
        fresh = rows[~_known(tracks.first_looks[rows]) & (age >= self.options.wait)]
        tracks.first_looks[fresh] = tracks.looks[fresh]
        looks = tracks.looks[rows]
        old = (age >= _LATER) & _known(tracks.first_looks[rows])
        same = (looks[old] * tracks.first_looks[rows[old]]).sum(axis=1).astype(np.float64)
        different = (looks @ looks.T).astype(np.float64)[np.triu_indices(len(rows), 1)]
        self.later.learn(same, different)

    def _possible(self, tracks: Tracks, new: NDArray[np.intp], old: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which new tracks may be which old ones as far as time, reach and having been seen alone allow."""
        away = tracks.first_seen[new][:, None] - tracks.last_seen[old]
        possible: NDArray[np.bool_] = (away > 0) & (away <= self.options.gap)
        possible &= _reachable(tracks.last_boxes[old], tracks.first_boxes[new], away, self.options.reach)
        possible &= _known(tracks.looks[new])[:, None] & _known(tracks.looks[old])
        return possible


_LEARN_EVERY = 0.2
_LATER = 1.0
"""Seconds between two looks of one track from which on they say something of a person who comes back."""


def _reachable(old: Floats, new: Floats, seconds: Floats, reach: float) -> NDArray[np.bool_]:
    """Whether feet can have gone from boxes [O, 4] to boxes [N, 4] in these seconds [N, O], bool [N, O]."""
    heights = (old[:, 3] - old[:, 1] + (new[:, 3] - new[:, 1])[:, None]) / 2
    across = ((new[:, 0] + new[:, 2])[:, None] - (old[:, 0] + old[:, 2])) / 2
    down = new[:, 3][:, None] - old[:, 3]
    near: NDArray[np.bool_] = np.hypot(across, down) <= heights * (0.5 + reach * np.maximum(seconds, 0.0))
    return near


def _unit(rows: Looks) -> Looks:
    unit: Looks = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _known(looks: Looks) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = (looks != 0).any(axis=1)
    return known
