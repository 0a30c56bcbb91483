"""Clustering, and how well predicted identities agree with true ones."""

from passerby.metrics.clusters.agreement import (
    CorrelationQuality,
    CorrelationResult,
    ExclusionQuality,
    correlation_quality,
    exclusion_quality,
)
from passerby.metrics.clusters.constrained import constrained_dbscan
from passerby.metrics.clusters.density import dbscan

__all__ = [
    "CorrelationQuality",
    "CorrelationResult",
    "ExclusionQuality",
    "constrained_dbscan",
    "correlation_quality",
    "dbscan",
    "exclusion_quality",
]
