"""Counts of the negatives before each positive, for queries with few positives: screened by a product in float32.

Only values at least as high as that of the farthest positive are looked at, and only those within the margin of a
positive are compared by their exact distance.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.arrays import Integers
from passerby.metrics.distances.distance import Block, Distances, margin, relative_similarity, relative_similarity_of
from passerby.metrics.ranking.matches import Matches
from passerby.metrics.ranking.positives import Positives

PRODUCT_ROWS = 512
"""Queries multiplied with a gallery block at a time: more are no faster, and the product soon outgrows the cache."""

_MANY_CONTESTED = 1024
"""From here on the contested images of a query are most often copies of a few, of which each is compared once."""

_FEW_VALUES = 32
"""Up to so many contested values are looked for one by one."""


def count_screened(positives: Positives, distances: Distances, matches: Matches, gallery_block: int) -> None:
    """Count the negatives of the whole gallery into `positives`, `gallery_block` images at a time."""
    positives.measure_pairs(distances)
    block = distances.queries(positives.counts.rows)
    similarities = relative_similarity_of(block.squares[positives.numbers], positives.exact)
    buffer = np.empty(min(PRODUCT_ROWS, block.squares.size) * min(gallery_block, matches.rows.size), dtype=np.float32)
    for start in range(0, matches.rows.size, gallery_block):
        candidates = distances.candidates(matches.rows[start : start + gallery_block])
        slack = margin(block, candidates)[positives.numbers]
        low = np.nextafter((similarities - slack).astype(np.float32), np.float32(-np.inf))
        high = np.nextafter((similarities + slack).astype(np.float32), np.float32(np.inf))
        for first, product in _products(block, candidates, buffer):
            contested = []
            for number, values in enumerate(product, start=first):
                positives.hide(number, values, start, -np.inf)
                own = positives.of(number)
                nearer, places = _screen(values, low[own], high[own])
                positives.counts.nearer[own] += nearer
                if places.size:
                    contested.append((number, places + start))
            _compare(positives, distances, matches, contested)


def _products(
    block: Block, candidates: Block, buffer: NDArray[np.float32]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the similarities of successive queries to the candidates, with the number of the first of them."""
    for first in range(0, len(block.squares), PRODUCT_ROWS):
        part = slice(first, first + PRODUCT_ROWS)
        yield first, relative_similarity(Block(block.centred[part], block.squares[part]), candidates, out=buffer)


def _screen(
    values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]
) -> tuple[Integers | int, Integers]:
    """Count the values surely above each positive, and list the places of those contested by any positive.

    A value is contested where it lies between `low` and `high` of a positive, both falling; it is not counted then.
    """
    reached = values >= low[-1]
    count = int(np.count_nonzero(reached))
    if not count:
        return 0, np.empty(0, dtype=np.int64)
    places = np.flatnonzero(reached) if 4 * count < values.size else None
    kept = values if places is None else values[places]
    ordered = np.sort(kept)
    stops, starts = ordered.searchsorted(high, side="right"), ordered.searchsorted(low)
    nearer = ordered.size - stops
    doubtful = np.flatnonzero(stops > starts)
    if not doubtful.size:
        return nearer, np.empty(0, dtype=np.int64)
    wanted = np.concatenate([ordered[starts[place] : stops[place]] for place in doubtful])
    if wanted.size <= _FEW_VALUES:
        found = kept == wanted[0]
        for value in wanted[1:]:
            found |= kept == value
    else:
        positive = low[::-1].searchsorted(kept, side="right") - 1  # the nearest positive whose low is not above it
        found = (positive >= 0) & (kept <= high[::-1][positive])
    contested = np.flatnonzero(found)
    nearer -= contested.size - np.sort(kept[contested]).searchsorted(high, side="right")
    return nearer, contested if places is None else places[contested]


def _compare(
    positives: Positives, distances: Distances, matches: Matches, contested: list[tuple[int, Integers]]
) -> None:
    """Count contested images, given as query numbers and gallery positions, by their exact distances."""
    rows, few = positives.counts.rows, [each for each in contested if each[1].size <= _MANY_CONTESTED]
    for number, positions in contested:
        if positions.size > _MANY_CONTESTED:
            exact = distances.exact(int(rows[number]), matches.rows[positions])
            positives.add_negatives(np.full(positions.size, number), positions, exact)
    if few:
        numbers = np.repeat([number for number, _ in few], [positions.size for _, positions in few])
        joined = np.concatenate([positions for _, positions in few])
        positives.add_negatives(numbers, joined, distances.pairs(rows[numbers], matches.rows[joined]))
