"""Counts of the negatives before each positive: screened by a matrix product, decided by exact distances.

Only values at least as high as that of the farthest positive are looked at, and only those within the margin of a
positive are compared by their exact distance. A product in single precision is twice as fast as one in double; where
positives are so many that its margins would hold a good part of all pairs, the one in double is the cheaper way.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.arrays import Integers
from passerby.metrics.distances.distance import (
    Block,
    Distances,
    Precision,
    margin,
    relative_similarity,
    relative_similarity_of,
)
from passerby.metrics.ranking.gallery_blocks import GalleryBlocks
from passerby.metrics.ranking.matches import Matches
from passerby.metrics.ranking.positives import Positives
from passerby.metrics.ranking.window_counts import WindowCounts

PRODUCT_BYTES = 32 * 2**20
"""Most memory of a product of queries and gallery block: more is no faster, and soon outgrows the cache."""

_QUERIES = 64
"""Queries counted together."""

_WAITING = 2**17
"""About so many values are kept to be put in order together."""

_MANY_CONTESTED = 1024
"""From here on the contested images of a query are most often copies of a few, of which each is compared once."""

_SAMPLE = 16, 1024
"""Queries and gallery images of which `contested_share` is told."""


def contested_share(positives: Positives, distances: Distances, matches: Matches) -> float:
    """Estimate which share of all pairs a product in single precision leaves to be compared, from a sample."""
    rows = positives.counts.rows
    numbers, places = (_spread(*sizes) for sizes in zip((rows.size, matches.rows.size), _SAMPLE, strict=True))
    block, candidates = distances.queries(rows[numbers]), distances.candidates(matches.rows[places])
    product = relative_similarity(block, candidates, out=np.empty(numbers.size * places.size, dtype=np.float32))
    owned = [np.arange(positives.counts.offsets[number], positives.counts.offsets[number + 1]) for number in numbers]
    sizes = [each.size for each in owned]
    squares, slack = (np.repeat(column, sizes) for column in (block.squares, margin(block, candidates)))
    low, high = _windows(squares, positives.exact[np.concatenate(owned)], slack)
    counts = WindowCounts(low, high, np.concatenate([[0], np.cumsum(sizes)]))
    for number, values in zip(numbers, product, strict=True):
        values[np.isin(places, matches.same_identity(int(rows[number])))] = -np.inf
        counts.add(values)
    return counts.settle().places.size / product.size


def _spread(count: int, most: int) -> Integers:
    """Choose at most so many of `count` things, evenly."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def count_screened(
    positives: Positives, distances: Distances, matches: Matches, gallery: GalleryBlocks, precision: Precision
) -> None:
    """Count the negatives of the whole gallery into `positives`.

    Args:
        positives: with their distances.
        distances: between queries and gallery.
        matches: the positives of every query.
        gallery: blocks of it.
        precision: of the product; the counts do not depend on it.
    """
    block = distances.queries(positives.counts.rows, precision)
    width = gallery.size(precision)
    strip = min(len(block.squares), max(1, PRODUCT_BYTES // (np.dtype(precision).itemsize * width)))
    buffer = np.empty(strip * width, dtype=precision)
    for start, candidates in gallery.blocks(precision):
        slack = margin(block, candidates)
        for first, lines in _products(block, candidates, buffer):
            own = slice(positives.of(first).start, positives.of(first + len(lines) - 1).stop)
            numbers = positives.numbers[own]
            low, high = _windows(block.squares[numbers], positives.exact[own], slack[numbers])
            counts = WindowCounts(low, high, positives.counts.offsets[first : first + len(lines) + 1] - own.start)
            for number, values in enumerate(_relative(lines, candidates), start=first):
                positives.hide(number, values, start, -np.inf)
                counts.add(values)
                if counts.waiting > _WAITING or number == first + len(lines) - 1:
                    within = counts.settle()
                    _compare(positives, distances, matches, within.queries + first, within.places + start)
            positives.counts.nearer[own] += counts.above


def _windows(
    squares: NDArray[np.float64], exact: NDArray[np.float32], slack: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return between which screening values an image may be as far as each positive."""
    similarities = relative_similarity_of(squares, exact)
    below, above = (np.float32(value) for value in (-np.inf, np.inf))
    low, high = ((similarities + each).astype(np.float32) for each in (-slack, slack))
    return np.nextafter(low, below), np.nextafter(high, above)


def _products(
    block: Block, candidates: Block, buffer: NDArray[np.floating[Any]]
) -> Iterator[tuple[int, NDArray[np.floating[Any]]]]:
    """Yield products of successive queries with the candidates, with the number of the first query."""
    width = len(candidates.squares)
    strip = max(1, buffer.size // width)
    for start in range(0, len(block.squares), strip):
        queries = block.centred[start : start + strip]
        product = np.matmul(queries, candidates.centred.T, out=buffer[: len(queries) * width].reshape(-1, width))
        for first in range(0, len(product), _QUERIES):
            yield start + first, product[first : first + _QUERIES]


def _relative(products: NDArray[np.floating[Any]], candidates: Block) -> Iterator[NDArray[np.float32]]:
    """Yield the relative similarities of each query; they are written to one place, which stays in the cache."""
    halves = (0.5 * candidates.squares).astype(products.dtype)
    line = np.empty(halves.size, dtype=np.float32)
    for product in products:
        yield np.subtract(product, halves, out=line, casting="same_kind")


def _compare(
    positives: Positives, distances: Distances, matches: Matches, numbers: Integers, positions: Integers
) -> None:
    """Count contested images, ordered by query number and then by gallery position, by their exact distances."""
    if not numbers.size:
        return
    rows, images = positives.counts.rows, matches.rows[positions]
    if np.bincount(numbers - numbers[0]).max() > _MANY_CONTESTED:
        images, originals = distances.without_copies(images)
        pairs, copies = np.unique(numbers * images.size + originals, return_inverse=True)
        exact = distances.pairs(rows[pairs // images.size], images[pairs % images.size])[copies]
    else:
        exact = distances.pairs(rows[numbers], images)
    positives.add_negatives(numbers, positions, exact)
