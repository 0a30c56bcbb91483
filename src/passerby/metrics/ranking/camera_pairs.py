"""mAP and rank-1 for every pair of a query camera and a gallery camera."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.labels import JUNK
from passerby.metrics.arrays import Features, Integers, as_labels
from passerby.metrics.distances.distance import Distances, Metric
from passerby.metrics.ranking.feature_ranking import rank
from passerby.metrics.ranking.rank_metrics import Ties


@dataclass(frozen=True, eq=False)
class CameraMatrix:
    """Metrics of every pair of a query camera and a gallery camera; NaN where there is nothing to find.

    Attributes:
        cameras: int64 [K], the cameras that occur, ascending.
        mAP: float64 [K, K]: queries of the row's camera searched for among the gallery images of the column's alone.
        rank1: float64 [K, K], likewise.
        queries: int64 [K, K], how many of the queries have a match there.
    """

    cameras: Integers
    mAP: NDArray[np.float64]  # noqa: N815 - the field's spelling
    rank1: NDArray[np.float64]
    queries: Integers


def camera_matrix(
    query_features: Any,
    gallery_features: Any,
    query_identities: Any,
    gallery_identities: Any,
    query_cameras: Any,
    gallery_cameras: Any,
    *,
    same_camera_rule: bool = True,
    metric: Metric = "cosine",
    ties: Ties = "gallery",
) -> CameraMatrix:
    """Compute mAP and rank-1 for every pair of cameras.

    A gallery of one camera is smaller than the whole, so the metrics are higher than those of the whole ranking; they
    are meant to be compared with each other.

    Args:
        query_features: float [Q, D], array or torch tensor.
        gallery_features: float [G, D].
        query_identities: integer [Q], as for `rank`.
        gallery_identities: integer [G].
        query_cameras: integer [Q].
        gallery_cameras: integer [G].
        same_camera_rule: leave out images of the query's own identity and camera, and so pairs of a camera with itself.
        metric: as for `rank`.
        ties: as for `rank`.

    Raises:
        EvaluationError: as `rank`, except that no match is no error for a pair of cameras.
    """
    checked = Distances(query_features, gallery_features, metric)  # pairs of cameras may leave some images out
    features = checked.query, checked.gallery
    identities = _labels(query_identities, gallery_identities, features, "identities")
    cameras = _labels(query_cameras, gallery_cameras, features, "cameras")
    if (identities[0] == JUNK).any():
        raise EvaluationError(f"there are queries of identity {JUNK} (junk): leave them out")
    names = np.unique(np.concatenate(cameras))
    shape = (names.size, names.size)
    matrix = CameraMatrix(names, np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.int64))
    rows = [[np.flatnonzero(side == camera) for camera in names] for side in cameras]
    for (first, query), (second, gallery) in product(enumerate(rows[0]), enumerate(rows[1])):
        who = identities[0][query], identities[1][gallery]
        if (same_camera_rule and first == second) or not np.isin(who[0], who[1]).any():
            continue
        result = rank(features[0][query], features[1][gallery], *who, metric=metric, max_rank=1, ties=ties)
        matrix.mAP[first, second] = result.mAP
        matrix.rank1[first, second] = result.rank1
        matrix.queries[first, second] = result.valid_queries
    return matrix


def _labels(query: Any, gallery: Any, features: tuple[Features, Features], name: str) -> tuple[Integers, Integers]:
    """Check the labels of both sides, one for each row of features."""
    return as_labels(query, len(features[0]), f"query {name}"), as_labels(gallery, len(features[1]), f"gallery {name}")
