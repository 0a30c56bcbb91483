"""What tracking metrics are made of: numbers that are summed over sequences."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class HotaCounts(NamedTuple):
    """Sums at each of the 19 thresholds, float64 [19].

    Attributes:
        true_positives, false_negatives, false_positives: boxes.
        localisation: sum of the overlaps of the true positives.
        association, association_recall, association_precision: sums over the true positives of how well their person
            and track agree: over the boxes of either, of the person, of the track.
    """

    true_positives: Floats
    false_negatives: Floats
    false_positives: Floats
    localisation: Floats
    association: Floats
    association_recall: Floats
    association_precision: Floats


class ClearCounts(NamedTuple):
    """Sums of frame by frame pairs.

    Attributes:
        true_positives, false_negatives, false_positives: boxes.
        overlap: sum of the overlaps of the true positives.
        switches: how often somebody's track is another than the last one was.
        fragments: how often somebody is found again after having been lost.
        mostly_tracked, mostly_lost: people found in more than 80 %, in less than 20 % of their boxes.
        people: how many there are.
    """

    true_positives: float
    false_negatives: float
    false_positives: float
    overlap: float
    switches: float
    fragments: float
    mostly_tracked: float
    mostly_lost: float
    people: float


class IdentityCounts(NamedTuple):
    """Boxes on which people and their tracks, one to one over the whole video, agree or not."""

    true_positives: float
    false_negatives: float
    false_positives: float

    @property
    def idf1(self) -> float:
        """Harmonic mean of identity precision and recall."""
        wrong = (self.false_negatives + self.false_positives) / 2
        return self.true_positives / max(1.0, self.true_positives + wrong)

    @property
    def precision(self) -> float:
        """Share of the tracks' boxes that are right."""
        return self.true_positives / max(1.0, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the people's boxes that are found under the right track."""
        return self.true_positives / max(1.0, self.true_positives + self.false_negatives)


class TrackletCounts(NamedTuple):
    """What tracklets show.

    Attributes:
        boxes: of tracklets.
        of_people: those of them that show somebody.
        of_main_person: those of them that show the person whom their tracklet shows most often.
        people_boxes: of people.
        in_longest: those of them in the tracklet that shows the person most often.
        tracklets: that show somebody.
        people: who are shown.
    """

    boxes: float
    of_people: float
    of_main_person: float
    people_boxes: float
    in_longest: float
    tracklets: float
    people: float


class TrackingCounts(NamedTuple):
    """All that a sequence contributes."""

    hota: HotaCounts
    clear: ClearCounts
    identity: IdentityCounts
    tracklets: TrackletCounts


Counts = TypeVar("Counts", HotaCounts, ClearCounts, IdentityCounts, TrackletCounts)


def combine_counts(sequences: Sequence[TrackingCounts], weights: Sequence[float] | None = None) -> TrackingCounts:
    """Sum the counts of sequences, each counted `weights` times or once."""
    factors = np.ones(len(sequences)) if weights is None else np.asarray(weights, np.float64)
    return TrackingCounts(
        _sum([each.hota for each in sequences], factors),
        _sum([each.clear for each in sequences], factors),
        _sum([each.identity for each in sequences], factors),
        _sum([each.tracklets for each in sequences], factors),
    )


def _sum(parts: list[Counts], factors: Floats) -> Counts:
    return type(parts[0])._make(np.tensordot(factors, np.array(each), axes=1) for each in zip(*parts, strict=True))
