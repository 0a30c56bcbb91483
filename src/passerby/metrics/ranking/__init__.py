"""Ranking metrics by the Market-1501 protocol: CMC, mAP and mINP, with confidence intervals."""

from passerby.metrics.ranking.bootstrap import (
    Interval,
    PairedComparison,
    compare_paired,
    mean_interval,
    ranking_intervals,
)
from passerby.metrics.ranking.camera_pairs import CameraMatrix, camera_matrix
from passerby.metrics.ranking.curves import precision_recall
from passerby.metrics.ranking.distance_ranking import rank_distances
from passerby.metrics.ranking.feature_ranking import rank
from passerby.metrics.ranking.matches import Matches
from passerby.metrics.ranking.neighbours import Neighbours, top_k
from passerby.metrics.ranking.rank_metrics import AveragePrecision, RankingResult, Ties

__all__ = [
    "AveragePrecision",
    "CameraMatrix",
    "Interval",
    "Matches",
    "Neighbours",
    "PairedComparison",
    "RankingResult",
    "Ties",
    "camera_matrix",
    "compare_paired",
    "mean_interval",
    "precision_recall",
    "rank",
    "rank_distances",
    "ranking_intervals",
    "top_k",
]
