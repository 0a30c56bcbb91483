"""Expected ranking metrics where positives and negatives are equally far, over all orders of such images.

McSherry, Najork, Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied Scores
(ECIR 2008), for precision; INP follows from the distribution of the last place that a positive takes.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.arrays import Integers


def expected_precision(nearer: Integers, tied: Integers, *, trapezoid: bool) -> float:
    """Compute the expected average precision of one query.

    Args:
        nearer: int64 [m], negatives nearer than each positive, the positives nearest first.
        tied: int64 [m], negatives exactly as far.
        trapezoid: average the precisions before and at each match instead of those at it.
    """
    total = 0.0
    for first, count, negatives in _groups(nearer, tied):
        size = count + negatives
        place = np.arange(size)
        rank = nearer[first] + first + place + 1
        before = first + place * ((count - 1) / max(size - 1, 1))  # expected matches above a match at this place
        precision = (before + 1) / rank
        if trapezoid:
            above = np.divide(before, rank - 1, out=np.ones(size), where=rank > 1)
            precision = (above + precision) / 2
        total += count / size * float(precision.sum())
    return total / nearer.size


def expected_penalty(nearer: Integers, tied: Integers) -> float:
    """Compute the expected inverse negative penalty of one query, matches / rank of the last match."""
    first, count, negatives = list(_groups(nearer, tied))[-1]
    last = np.arange(count + negatives, count - 1, -1)  # places of the last match in its group, from the end
    chance = np.cumprod(np.concatenate([[count / last[0]], (last[:-1] - count) / np.maximum(last[:-1] - 1, 1)]))
    return float((chance * (nearer.size / (nearer[first] + first + last))).sum())


def first_group(nearer: Integers, tied: Integers) -> tuple[int, int, int]:
    """Return the negatives nearer than the first match, and the positives and negatives exactly as far as it."""
    _, count, negatives = next(_groups(nearer, tied))
    return int(nearer[0]), count, negatives


def hit_chances(groups: Integers, max_rank: int) -> Iterator[NDArray[np.float64]]:
    """Yield for k = 1, …, `max_rank` the chance [Q] that a query has a match among its first k.

    Args:
        groups: int64 [Q, 3], what `first_group` returns for each query.
        max_rank: the largest k.
    """
    nearer, positives, negatives = groups.T
    miss = np.ones(len(groups))
    for taken in range(max_rank):
        place = taken - nearer  # within the group of the first match
        left = np.maximum(negatives - place, 0)
        share = np.divide(left, left + positives)
        miss = np.where(place >= 0, miss * share, miss)
        yield 1 - miss


def _groups(nearer: Integers, tied: Integers) -> Iterator[tuple[int, int, int]]:
    """Yield the number of the first positive of each group of equally far images, its positives, its negatives."""
    joined = (nearer[1:] == nearer[:-1]) & (tied[1:] > 0) & (tied[:-1] > 0)
    starts = np.flatnonzero(np.concatenate([[True], ~joined]))
    for first, stop in zip(starts, [*starts[1:], nearer.size], strict=True):
        yield int(first), int(stop - first), int(tied[first])
