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
"""Queries multiplied with a gallery block at a time."""

_GALLERY_BYTES = 64 * 2**20
"""Most bytes of gallery features in float64."""

_MANY_TIES = 256
"""From here on the images as far as a query's positives are looked up in their order, not one by one."""


def count_exactly(positives: Positives, distances: Distances, matches: Matches, gallery_block: int) -> None:
    """Count the negatives of the whole gallery into `positives`, at most `gallery_block` images at a time."""
    rows = positives.counts.rows
    step = max(1, min(gallery_block, _GALLERY_BYTES // (8 * distances.gallery.shape[1])))
    whole = step >= matches.rows.size  # then every block holds the positives too
    if not whole:
        positives.measure(distances)
    for start in range(0, matches.rows.size, step):
        candidates = distances.double_candidates(matches.rows[start : start + step])
        for first in range(0, rows.size, PRODUCT_ROWS):
            queries = distances.double_queries(rows[first : first + PRODUCT_ROWS])
            block = exact_block(distances, queries, candidates)
            for number, line in enumerate(block, start=first):
                if whole:
                    positives.take(number, line[positives.positions[positives.of(number)]])
                positives.hide(number, line, start, np.inf)
                _count(positives, number, line, start)


def _count(positives: Positives, number: int, line: NDArray[np.float32], start: int) -> None:
    """Count one query's negatives at gallery positions `start` onwards; infinite where they are none."""
    own, counts = positives.of(number), positives.counts
    exact = positives.exact[own]
    ordered = np.sort(line)
    nearer = ordered.searchsorted(exact)
    counts.nearer[own] += nearer
    tied = np.flatnonzero(ordered[np.minimum(nearer, line.size - 1)] == exact)
    if not tied.size:
        return
    stops = ordered.searchsorted(exact[tied], side="right")
    counts.tied[own][tied] += stops - nearer[tied]
    order = np.argsort(line, kind="stable") if tied.size > _MANY_TIES else None
    for place, stop in zip(tied, stops, strict=True):
        until = positives.positions[own.start + place] - start
        if order is None:
            before = np.count_nonzero(line[: max(until, 0)] == exact[place])
        else:
            before = order[nearer[place] : stop].searchsorted(until)
        counts.tied_before[own.start + place] += before
