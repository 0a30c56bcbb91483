"""Exact distances between features, and single passes over all pairs."""

from passerby.metrics.distances.all_pairs import NearestRows, Search, nearest_rows
from passerby.metrics.distances.distance import Distances, Metric

__all__ = [
    "Distances",
    "Metric",
    "NearestRows",
    "Search",
    "nearest_rows",
]
