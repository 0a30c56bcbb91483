"""Verification and open-set identification: scores, thresholds and error rates."""

from passerby.metrics.open_set.calibration import Calibration, calibrate
from passerby.metrics.open_set.identification import Identification, draw_people, identify
from passerby.metrics.open_set.pairs import PairScores, pair_scores
from passerby.metrics.open_set.verification import Verification

__all__ = [
    "Calibration",
    "Identification",
    "PairScores",
    "Verification",
    "calibrate",
    "draw_people",
    "identify",
    "pair_scores",
]
