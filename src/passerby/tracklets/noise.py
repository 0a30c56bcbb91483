"""CION's measure of how noisy labelled samples are, from features alone (Eqs 1 to 3)."""

from dataclasses import dataclass

import numpy as np

from passerby.errors import DataError
from passerby.metrics.arrays import as_features, as_labels
from passerby.tracklets.distance import Float64, Integers, Rows, directions, group_sums, row_products, unit_vectors
from passerby.tracklets.grouping.links import band_links


@dataclass(frozen=True)
class Noise:
    """The two terms of the measure, over M identities.

    Attributes:
        identities: M.
        inconsistent: identities that are too wide: a sample is at sigma_consistency or farther from the centroid.
        indistinct: ordered pairs of different identities whose centroids are within sigma_discrimination.
        half_width: pairs farther apart in the order of identities were not looked at; None where all pairs were.
    """

    identities: int
    inconsistent: int
    indistinct: int
    half_width: int | None

    @property
    def consistency(self) -> float:
        """The first term: the share of identities that are too wide."""
        return self.inconsistent / self.identities if self.identities else 0.0

    @property
    def discrimination(self) -> float:
        """The second term: how many others an identity is too near to, on average."""
        return self.indistinct / self.identities if self.identities else 0.0

    @property
    def total(self) -> float:
        """The measure, n_S."""
        return self.consistency + self.discrimination


def measure_noise(
    features: object,
    labels: object,
    *,
    sigma_consistency: float = 0.2,
    sigma_discrimination: float = 0.18,
    half_width: int | None = None,
) -> Noise:
    """The noise of N labelled samples.

    Args:
        features: float [N, D], array or tensor; need not be of length 1.
        labels: integer [N]; samples labelled -1 are left out.
        sigma_consistency: radius from which an identity is too wide (`r_k >= sigma`).
        sigma_discrimination: distance up to which two identities are too near (`d_ij <= sigma`).
        half_width: compare identities no farther apart than this in the order of their labels; None for all pairs.

    Raises:
        DataError: a feature is zero or not finite, or no sample is labelled.
        EvaluationError: shapes or types are wrong.
    """
    array = as_features(features, "tracklet")
    labelled = as_labels(labels, len(array), "labels")
    kept = np.flatnonzero(labelled >= 0)
    if not kept.size:
        raise DataError("no sample has a label: there is no noise to measure")
    order = kept[np.argsort(labelled[kept], kind="stable")]
    rows = unit_vectors(array[order])
    _, counts = np.unique(labelled[order], return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    centroids = directions(group_sums(rows, offsets), counts)
    reach = len(counts) if half_width is None else half_width
    return Noise(
        identities=len(counts),
        inconsistent=int((radii(rows, offsets, centroids) >= sigma_consistency).sum()),
        indistinct=count_indistinct(centroids.astype(np.float32), sigma_discrimination, reach),
        half_width=half_width,
    )


def radii(rows: Float64, offsets: Integers, centroids: Float64) -> Float64:
    """The largest distance of a group's rows to its centroid, float64 [G]; groups must not be empty."""
    labels = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    distances = 1 - row_products(rows, centroids[labels])
    largest: Float64 = np.maximum.reduceat(distances, offsets[:-1])
    return largest


def count_indistinct(centroids: Rows, sigma: float, half_width: int, rows: range | None = None) -> int:
    """Ordered pairs of centroids within sigma of each other and `half_width` of each other in order.

    With `rows`, only pairs whose earlier end is among those.
    """
    return 2 * sum(part.first.size for part in band_links(centroids, sigma, half_width, rows))
