"""Links between tracklets: which of those near each other in order are near in features, and forests of them.

The comparison is a banded matrix product in tiles: row i meets the columns i+1 … i+r. A product in single precision
screens with a margin that bounds its error; what passes is measured again in double precision, so that links and their
distances do not depend on tiles, threads or the library.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from passerby.tracklets.arrangement import numbered_as_they_come
from passerby.tracklets.distance import Float64, Integers, Rows, cosine_distances

_TILE_ROWS = 256
_TILE_COLUMNS = 8192


class Links(NamedTuple):
    """E pairs of tracklets, none of them twice.

    Attributes:
        first: int64 [E].
        second: int64 [E], larger than `first`.
        distance: float64 [E], cosine distance.
    """

    first: Integers
    second: Integers
    distance: Float64

    def take(self, rows: Integers) -> "Links":
        """Some of the links, by their row or by a mask."""
        return Links(self.first[rows], self.second[rows], self.distance[rows])

    def in_order(self) -> Integers:
        """The rows of the links from the shortest to the longest; equally long ones by their ends."""
        return np.lexsort((self.second, self.first, self.distance)).astype(np.int64, copy=False)


def no_links() -> Links:
    """Links of length 0."""
    return Links(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def join(parts: list[Links]) -> Links:
    """All links of parts that have none in common."""
    if not parts:
        return no_links()
    return Links(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def band_links(centroids: Rows, sigma: float, half_width: int, rows: range | None = None) -> Iterator[Links]:
    """The pairs (i, j) with `0 < j - i <= half_width` and a distance of at most sigma, tile by tile.

    Args:
        centroids: float32 [N, D] of length 1 (or zero rows, which are at distance 1 from all), in order; may be in a
            file.
        sigma: longest distance of a link.
        half_width: how far apart the two may be in order.
        rows: the first ends to look at; None for all.
    """
    count, dim = centroids.shape
    # Strict bound of the error of a float32 inner product of unit vectors (Higham), twice to be safe with fused sums.
    margin = 2 * (dim + 8) * 2.0**-24
    bound = np.float32(1 - sigma - margin)
    rows = range(count) if rows is None else rows
    for top in range(rows.start, rows.stop, _TILE_ROWS):
        bottom = min(top + _TILE_ROWS, rows.stop)
        last = min(count, bottom + half_width)
        block = np.ascontiguousarray(centroids[top:bottom])
        for left in range(top + 1, last, _TILE_COLUMNS):
            right = min(left + _TILE_COLUMNS, last)
            columns = np.ascontiguousarray(centroids[left:right])
            product = block @ columns.T
            passed = np.flatnonzero(product >= bound)
            first, second = top + passed // (right - left), left + passed % (right - left)
            inside = (second > first) & (second - first <= half_width)
            first, second = first[inside], second[inside]
            distance = cosine_distances(block, first - top, columns, second - left)
            near = distance <= sigma
            if near.any():
                yield Links(first[near], second[near], distance[near])


def minimum_forest(links: Links) -> Links:
    """The minimum spanning forest, at most one link less than there are ends, in their order by length.

    At every threshold it joins the same tracklets as all links do, so it is all that single linkage needs to remember.
    Equally long links are taken in the order of their ends, which makes the forest unique: the forest of the forests of
    parts is the forest of the whole, whatever the parts.
    """
    if not links.first.size:
        return links
    ends, numbered = np.unique(np.concatenate([links.first, links.second]), return_inverse=True)
    order = links.in_order()
    ranks = np.empty(order.size)
    ranks[order] = np.arange(1, order.size + 1)  # ranks, not distances: scipy takes a weight of 0 for no link
    first, second = np.split(numbered, 2)
    graph = coo_array((ranks, (first, second)), shape=(ends.size, ends.size)).tocsr()
    chosen = np.sort(minimum_spanning_tree(graph).data).astype(np.int64) - 1
    return links.take(order[chosen])


def closure(links: Links, count: int) -> Integers:
    """Connected components of `count` tracklets, int64 [count], numbered in the order of their first members."""
    graph = coo_array((np.ones(links.first.size, np.bool_), (links.first, links.second)), shape=(count, count))
    return in_first_order(connected_components(graph, directed=False)[1])


def in_first_order(labels: Integers) -> Integers:
    """The same labels, numbered 0, 1, … in the order in which they first occur; negative ones stay as they are."""
    numbered = np.array(labels, dtype=np.int64)
    kept = np.flatnonzero(numbered >= 0)
    numbered[kept] = numbered_as_they_come(numbered[kept])
    return numbered
