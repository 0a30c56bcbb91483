"""Scores of genuine and impostor pairs of query and gallery images."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers
from passerby.metrics.distances.distance import Distances, Metric
from passerby.metrics.distances.sweep import similarity
from passerby.metrics.ranking.matches import Matches

MAX_IMPOSTORS = 2**26
"""Most impostor scores that are kept: 256 MiB. Market-1501 has 54 million impostor pairs."""

_QUERIES = 256
"""Queries compared at a time."""


class PairScores(NamedTuple):
    """Genuine and impostor scores, larger where more alike: the cosine, or minus the Euclidean distance.

    Attributes:
        genuine: float32 [A], of all pairs of one person, query by query; images left out by the camera rule are not
            among them.
        genuine_queries: int64 [A], the query of each.
        impostor: float32 [B], of pairs of two people; junk is not among them.
        pairs: number of impostor pairs that exist; more than B if only a sample was kept.
    """

    genuine: NDArray[np.float32]
    genuine_queries: Integers
    impostor: NDArray[np.float32]
    pairs: int


def pair_scores(
    query: Any,
    gallery: Any,
    query_identities: Any,
    gallery_identities: Any,
    query_cameras: Any = None,
    gallery_cameras: Any = None,
    *,
    metric: Metric = "cosine",
    max_impostors: int = MAX_IMPOSTORS,
    seed: int = 0,
) -> PairScores:
    """Score all genuine pairs, and all impostor pairs or a random sample where they are too many.

    Args:
        query: float [Q, D], array or torch tensor; need not be normalised.
        gallery: float [G, D].
        query_identities: integer [Q], as for `rank`.
        gallery_identities: integer [G].
        query_cameras: integer [Q], or None, as for `rank`.
        gallery_cameras: integer [G], or None where the queries have none.
        metric: `"cosine"` or `"euclidean"`.
        max_impostors: most impostor scores that are kept.
        seed: of the sample.

    Raises:
        EvaluationError: features or labels as `rank` refuses them; no pair of one kind.
    """
    if max_impostors < 1:
        raise EvaluationError(f"max_impostors must be at least 1, not {max_impostors}")
    distances = Distances(query, gallery, metric)
    matches = Matches.of(
        len(distances.query),
        len(distances.gallery),
        query_identities,
        gallery_identities,
        query_cameras,
        gallery_cameras,
    )
    same = [matches.same_identity(row) for row in range(len(distances.query))]
    pairs = len(distances.query) * matches.rows.size - sum(column.size for column in same)
    genuine_queries = np.repeat(np.arange(len(distances.query)), matches.counts)
    if not pairs or not genuine_queries.size:
        missing = "two people" if not pairs else "one person"
        raise EvaluationError(f"there is no pair of {missing} to compare: check the identities")
    positions = np.concatenate([matches.positives(row) for row in range(len(distances.query))])
    genuine = distances.pairs(genuine_queries, matches.rows[positions])
    share = min(1.0, max_impostors / pairs)
    found = np.concatenate(list(_impostors(distances, matches, share, seed)))[:max_impostors]
    return PairScores(distances.scores(genuine), genuine_queries, distances.scores(found), pairs)


def _impostors(distances: Distances, matches: Matches, share: float, seed: int) -> Iterator[NDArray[np.float32]]:
    """Yield squared distances of a random share of the impostor pairs, one block of queries at a time."""
    generator = np.random.default_rng(seed)
    candidates = distances.candidates(matches.rows)
    for start in range(0, len(distances.query), _QUERIES):
        rows = np.arange(start, min(start + _QUERIES, len(distances.query)))
        values = similarity(distances.queries(rows), candidates)
        kept = np.ones(values.shape, dtype=bool) if share == 1 else generator.random(values.shape) < share
        for line, row in zip(kept, rows, strict=True):
            line[matches.same_identity(int(row))] = False
        yield np.maximum(-2 * values[kept], 0)
