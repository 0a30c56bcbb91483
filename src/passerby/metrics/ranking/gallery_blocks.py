"""The gallery, block by block, prepared for the product with queries."""

from collections.abc import Iterator

import numpy as np

from passerby.metrics.distances.distance import Block, Distances, Precision
from passerby.metrics.ranking.matches import Matches

GALLERY_BLOCK = 16384
"""Most rows prepared at a time, unless a caller says otherwise."""

_BYTES = 64 * 2**20
"""Blocks that would be larger, of features of many dimensions, hold fewer rows."""


class GalleryBlocks:
    """Blocks of the gallery; where it is one block, that is prepared once.

    Args:
        distances: between queries and gallery.
        matches: says which images are junk.
        rows: size of blocks; by default as many as fit, at most `GALLERY_BLOCK`.
    """

    def __init__(self, distances: Distances, matches: Matches, rows: int | None) -> None:
        self._distances, self._matches, self._rows = distances, matches, rows
        self._whole: tuple[Precision, Block] | None = None

    def size(self, precision: Precision) -> int:
        """Return the number of images of a block; the last one may have fewer."""
        fitting = max(1, _BYTES // (np.dtype(precision).itemsize * self._distances.gallery.shape[1]))
        return min(self._rows or min(GALLERY_BLOCK, fitting), self._matches.rows.size)

    def blocks(self, precision: Precision) -> Iterator[tuple[int, Block]]:
        """Yield the position of each block's first image, and the block."""
        size = self.size(precision)
        if self._whole is not None and self._whole[0] == precision:
            yield 0, self._whole[1]
            return
        self._whole = None
        for start in range(0, self._matches.rows.size, size):
            block = self._distances.candidates(self._matches.rows[start : start + size], precision)
            if size == self._matches.rows.size:
                self._whole = precision, block
            yield start, block
