"""Ranking by features: the gallery is ranked for every query, and CMC, mAP and mINP summarise the ranks.

Only the positives (gallery images of the query's identity) have to be ranked, so nothing is sorted in full: for every
positive the negatives that are nearer to the query are counted. Queries and gallery are taken in blocks, so memory does
not grow with their product.
"""

from typing import Any

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers
from passerby.metrics.distances.distance import Distances, Metric, Precision
from passerby.metrics.ranking.gallery_blocks import GalleryBlocks
from passerby.metrics.ranking.matches import Matches
from passerby.metrics.ranking.positives import PositiveCounts, Positives
from passerby.metrics.ranking.rank_metrics import AveragePrecision, RankingResult, Ties, summarise
from passerby.metrics.ranking.screened_counts import contested_share, count_screened

QUERY_BLOCK = 4096
"""Most queries prepared at a time."""

_MANY_POSITIVES = 64
"""Where queries have more positives than this, on average, their distances come from a product for each identity."""

_CROWDED = 1 / 16
"""Where single precision leaves a larger share of all pairs to be compared, the product is in double precision."""


def rank(
    query_features: Any,
    gallery_features: Any,
    query_identities: Any,
    gallery_identities: Any,
    query_cameras: Any = None,
    gallery_cameras: Any = None,
    *,
    max_rank: int = 50,
    metric: Metric = "cosine",
    ap: AveragePrecision = "step",
    ties: Ties = "gallery",
    query_block: int = QUERY_BLOCK,
    gallery_block: int | None = None,
) -> RankingResult:
    """Rank the gallery for every query and summarise the ranks of the positives.

    The distance of a pair is the squared Euclidean distance (of unit vectors for cosine, where it orders as the cosine
    does), summed in double precision and rounded to float32. The result does not depend on the blocks, the BLAS library
    or its threads.

    Args:
        query_features: float [Q, D], array or torch tensor; need not be normalised.
        gallery_features: float [G, D].
        query_identities: integer [Q]; -1 is refused.
        gallery_identities: integer [G]; images of identity -1 are junk and left out of every ranking.
        query_cameras: integer [Q]; given with `gallery_cameras`, gallery images of the query's own identity and camera
            are left out of its ranking. Without them there is no such rule, and the result says so.
        gallery_cameras: integer [G].
        max_rank: length of the CMC curve; may exceed the gallery, the curve then stays at its last value.
        metric: `"cosine"` or `"euclidean"`.
        ap: `"step"` averages the precision at each match; `"trapezoid"` the mean of the precisions just before and at
            each match, as the Oxford buildings evaluation does.
        ties: the order of equally far images: `"gallery"`, as they come in the gallery, or `"expected"` for the
            expected values over all their orders.
        query_block: number of queries prepared at a time; bounds memory, never changes the result.
        gallery_block: number of gallery images prepared at a time; likewise. By default 16,384, or what fits 64 MiB.

    Raises:
        EvaluationError: shapes or dtypes that do not fit, NaN or infinite features, rows of zeros under cosine, one of
            the two camera columns missing, or no query with a match.
    """
    distances = Distances(query_features, gallery_features, metric)
    labels = (query_identities, gallery_identities, query_cameras, gallery_cameras)
    matches = Matches.of(len(distances.query), len(distances.gallery), *labels)
    _check_blocks(query_block=query_block, gallery_block=gallery_block)
    gallery = GalleryBlocks(distances, matches, gallery_block)
    counted = (_count(rows, distances, matches, gallery) for rows in matches.query_blocks(query_block))
    return summarise(counted, matches, max_rank=max_rank, ap=ap, ties=ties, metric=metric)


def _check_blocks(**blocks: int | None) -> None:
    for name, size in blocks.items():
        if size is not None and size < 1:
            raise EvaluationError(f"{name} must be at least 1, not {size}")


def _count(rows: Integers, distances: Distances, matches: Matches, gallery: GalleryBlocks) -> PositiveCounts:
    """Count the negatives before each positive of these query rows."""
    positives = Positives(rows, matches)
    precision: Precision = "float32"
    if positives.positions.size > _MANY_POSITIVES * rows.size:
        positives.measure(distances)
        if contested_share(positives, distances, matches) > _CROWDED:
            precision = "float64"
    else:
        positives.measure_pairs(distances)
    count_screened(positives, distances, matches, gallery, precision)
    return positives.counts
