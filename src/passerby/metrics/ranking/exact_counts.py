"""Counts of the negatives before each positive, for queries with many positives: every distance exact.

With many positives a screening in single precision leaves many pairs to compare one by one; a product in double
precision leaves next to none (`passerby.metrics.distances.exact_block`).
"""

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.distances.distance import Distances
from passerby.metrics.distances.exact_block import exact_block
from passerby.metrics.ranking.matches import Matches
from passerby.metrics.ranking.positives import Positives

PRODUCT_ROWS = 128
"""Queries multiplied with a gallery block at a time; the block is half of that of `screened_counts`, for float64."""


def count_exactly(positives: Positives, distances: Distances, matches: Matches, gallery_block: int) -> None:
    """Count the negatives of the whole gallery into `positives`, half of `gallery_block` images at a time."""
    rows, step = positives.counts.rows, max(1, gallery_block // 2)
    for start in range(0, matches.rows.size, step):
        candidates = distances.double_candidates(matches.rows[start : start + step])
        for first in range(0, rows.size, PRODUCT_ROWS):
            queries = distances.double_queries(rows[first : first + PRODUCT_ROWS])
            block = exact_block(distances, queries, candidates)
            positives.hide(block, first, start, np.inf)
            for number, line in enumerate(block, start=first):
                _count(positives, number, line, start)


def _count(positives: Positives, number: int, line: NDArray[np.float32], start: int) -> None:
    """Count one query's negatives at gallery positions `start` onwards; infinite where they are none."""
    own = positives.of(number)
    exact = positives.exact[own]
    ordered = np.sort(line)
    nearer, stops = (np.searchsorted(ordered, exact, side=side) for side in ("left", "right"))
    positives.counts.nearer[own] += nearer
    tied = np.flatnonzero(stops > nearer)
    if tied.size:
        places = np.flatnonzero(np.isin(line, exact[tied]))
        values = line[places]  # taken back, and counted with their gallery positions
        positives.counts.nearer[own] -= np.searchsorted(np.sort(values), exact, side="left")
        positives.add_negatives(np.full(places.size, number), places + start, values)
