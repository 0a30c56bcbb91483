"""How well a tracker did: HOTA, IDF1, MOTA and what its tracklets are worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.ranking.bootstrap import REPEATS, Interval
from passerby.metrics.tracking.clear import count_clear
from passerby.metrics.tracking.counts import TrackingCounts, combine_counts
from passerby.metrics.tracking.hota import count_hota
from passerby.metrics.tracking.identity import count_identity
from passerby.metrics.tracking.trajectories import Trajectories, compare_frames

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TrackingScore:
    """Figures of a sequence, or of several together; shares are between 0 and 1.

    Attributes:
        counts: what they are computed from.
    """

    counts: TrackingCounts

    @property
    def hota_curve(self) -> Floats:
        """HOTA at each threshold of overlap, float64 [19]; likewise the other curves."""
        return np.sqrt(self.deta_curve * self.assa_curve)

    @property
    def deta_curve(self) -> Floats:
        """Detections: true positives over all boxes, true, missed or false."""
        hota = self.counts.hota
        return hota.true_positives / _at_least_one(hota.true_positives + hota.false_negatives + hota.false_positives)

    @property
    def assa_curve(self) -> Floats:
        """Association, on average over the true positives."""
        return self.counts.hota.association / _at_least_one(self.counts.hota.true_positives)

    @property
    def loca_curve(self) -> Floats:
        """Overlap of the true positives on average; 1 where there are none."""
        hota = self.counts.hota
        return np.where(hota.true_positives > 0, hota.localisation / _at_least_one(hota.true_positives), 1.0)

    def figures(self) -> dict[str, float]:
        """Every figure by name, counts included."""
        hota, clear, identity, tracklets = self.counts
        found = _at_least_one(hota.true_positives)
        boxes = clear.true_positives + clear.false_negatives
        right = clear.true_positives - clear.false_positives - clear.switches
        named = {
            "HOTA": self.hota_curve.mean(),
            "DetA": self.deta_curve.mean(),
            "AssA": self.assa_curve.mean(),
            "LocA": self.loca_curve.mean(),
            "DetRe": (hota.true_positives / _at_least_one(hota.true_positives + hota.false_negatives)).mean(),
            "DetPr": (hota.true_positives / _at_least_one(hota.true_positives + hota.false_positives)).mean(),
            "AssRe": (hota.association_recall / found).mean(),
            "AssPr": (hota.association_precision / found).mean(),
            "IDF1": identity.idf1,
            "IDP": identity.precision,
            "IDR": identity.recall,
            "IDTP": identity.true_positives,
            "IDFN": identity.false_negatives,
            "IDFP": identity.false_positives,
            "MOTA": right / boxes if boxes else 0.0,
            "MOTP": clear.overlap / max(1.0, clear.true_positives),
            "TP": clear.true_positives,
            "FN": clear.false_negatives,
            "FP": clear.false_positives,
            "switches": clear.switches,
            "fragments": clear.fragments,
            "mostly tracked": clear.mostly_tracked,
            "mostly lost": clear.mostly_lost,
            "people": clear.people,
            "purity": tracklets.of_main_person / max(1.0, tracklets.of_people),
            "coverage": tracklets.in_longest / max(1.0, tracklets.people_boxes),
            "false boxes": 1 - tracklets.of_people / tracklets.boxes if tracklets.boxes else 0.0,
            "tracklets per person": tracklets.tracklets / max(1.0, tracklets.people),
        }
        return {name: float(value) for name, value in named.items()}


def score_tracking(truth: Trajectories, result: Trajectories) -> TrackingScore:
    """Score the tracks of one sequence.

    HOTA and its parts are means over overlaps of 0.05 to 0.95 (arXiv 2009.07736); everything else counts a box as
    found at an overlap of 0.5. Purity is the share of the tracklets' boxes, of those which show somebody, that show
    the person whom their tracklet shows most often; coverage is the share of the people's boxes that are in the one
    tracklet which shows the person most often.

    Args:
        truth: of people. What does not count has been taken out, from the result as well: see `drop_ignored`.
        result: of tracks.

    Raises:
        EvaluationError: arrays that do not fit together, NaN or infinity, or an identity twice in a frame.
    """
    comparison = compare_frames(truth.checked("truth"), result.checked("result"))
    clear, tracklets = count_clear(comparison)
    return TrackingScore(TrackingCounts(count_hota(comparison), clear, count_identity(comparison), tracklets))


def score_tracklets(truth: Trajectories, tracks: Trajectories, tracklets: NDArray[np.int64]) -> TrackingScore:
    """Score the tracks of one sequence that were cut into tracklets: what tracklets are worth is told of these.

    Args:
        truth: see `score_tracking`.
        tracks: the whole ones.
        tracklets: integer [N], of which tracklet each box of a track is.

    Raises:
        EvaluationError: as of `score_tracking`.
    """
    whole, parts = score_tracking(truth, tracks), score_tracking(truth, tracks._replace(identities=tracklets))
    return TrackingScore(whole.counts._replace(tracklets=parts.counts.tracklets))


def combine_scores(sequences: Sequence[TrackingScore]) -> TrackingScore:
    """Score several sequences together: counts are summed, so a long sequence weighs more.

    Raises:
        EvaluationError: no sequence.
    """
    if not sequences:
        raise EvaluationError("no sequence: there is nothing to combine")
    return TrackingScore(combine_counts([each.counts for each in sequences]))


def tracking_intervals(
    sequences: Sequence[TrackingScore], *, confidence: float = 0.95, repeats: int = REPEATS, seed: int = 0
) -> dict[str, Interval]:
    """Every figure of several sequences together, with its percentile bootstrap interval over sequences.

    Args:
        sequences: drawn with replacement; from a single one always the same is drawn: its intervals have no width
            and mean nothing.
        confidence: share of resamples inside the interval.
        repeats: number of resamples.
        seed: of the draws.

    Raises:
        EvaluationError: no sequence, or options out of range.
    """
    if repeats < 1 or not 0 < confidence < 1:
        raise EvaluationError(
            f"intervals need repeats of at least 1 and a confidence between 0 and 1, not {repeats} and {confidence:g}"
        )
    whole = combine_scores(sequences).figures()
    counts = [each.counts for each in sequences]
    draws = np.random.default_rng(seed).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), repeats)
    drawn = [TrackingScore(combine_counts(counts, weights)).figures() for weights in draws]
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    intervals = {}
    for name, value in whole.items():
        low, high = np.quantile([each[name] for each in drawn], ends)
        intervals[name] = Interval(value, float(low), float(high))
    return intervals


def _at_least_one(counts: Floats) -> Floats:
    return np.maximum(counts, 1.0)
