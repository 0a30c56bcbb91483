"""At which ranks a query's right answers come, found without sorting the gallery."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.arrays import Integers
from passerby.metrics.distances.distance import Block, Distances, margin, relative_similarity, relative_similarity_of
from passerby.metrics.ranking.matches import Matches

_PRODUCT_ROWS = 512
"""Queries multiplied with a gallery block at a time: more are no faster, and the product soon outgrows the cache."""


class PositiveRanks:
    """Ranks of right answers, for blocks of queries against blocks of the gallery.

    Args:
        distances: between all queries and the gallery.
        matches: which pairs are right answers, which are left out.
        gallery_block: gallery images compared at a time.
    """

    def __init__(self, distances: Distances, matches: Matches, gallery_block: int) -> None:
        self._distances = distances
        self._matches = matches
        self._gallery_block = min(gallery_block, max(1, matches.rows.size))
        self._product = np.empty(_PRODUCT_ROWS * self._gallery_block, dtype=np.float32)

    def of(self, rows: Integers) -> list[Integers]:
        """For each of these query rows, which all have a right answer, the ascending ranks, from 1, of its answers."""
        block = self._distances.queries(rows)
        answers = _Answers(rows, block, self._distances, self._matches)
        for start in range(0, self._matches.rows.size, self._gallery_block):
            candidates = self._distances.candidates(self._matches.rows[start : start + self._gallery_block])
            self._count(answers, block, candidates, start)
        return answers.ranks()

    def _count(self, answers: "_Answers", block: Block, candidates: Block, start: int) -> None:
        """Count the wrong answers among gallery positions `start` onwards that are ahead of each right one."""
        low, high = answers.bounds(margin(block, candidates))
        farthest = np.minimum.reduceat(low, answers.offsets[:-1])
        for number, values in self._screened_rows(answers, block, candidates, start):
            places = np.flatnonzero(values >= farthest[number])
            if not places.size:
                continue
            own = slice(answers.offsets[number], answers.offsets[number + 1])
            values = values[places]
            surely, contested = _screened(values, low[own], high[own])
            answers.ahead[own] += surely
            if contested is not None:
                answers.ahead[own] -= _screened(values[contested], low[own], high[own])[0]
                answers.ahead[own] += self._exactly_ahead(answers, number, places[contested] + start)

    def _screened_rows(
        self, answers: "_Answers", block: Block, candidates: Block, start: int
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield each query's number and its similarities to all candidates; -inf for those of its own identity."""
        for first in range(0, len(block.squares), _PRODUCT_ROWS):
            part = Block(block.centred[first : first + _PRODUCT_ROWS], block.squares[first : first + _PRODUCT_ROWS])
            product = relative_similarity(part, candidates, out=self._product)
            answers.hide(product, first, start)
            yield from enumerate(product, start=first)

    def _exactly_ahead(self, answers: "_Answers", number: int, positions: Integers) -> Integers:
        """How many of these gallery positions (ascending) come before each right answer, by exact distance."""
        own = slice(answers.offsets[number], answers.offsets[number + 1])
        exact, answer_positions = answers.exact[own], answers.positions[own]
        distances = self._distances.exact(int(answers.rows[number]), self._matches.rows[positions])
        order = np.argsort(distances, kind="stable")
        distances, positions = distances[order], positions[order]
        ahead = np.searchsorted(distances, exact, side="left")
        stops = np.searchsorted(distances, exact, side="right")
        for answer in np.flatnonzero(stops > ahead):  # equally far: the earlier gallery image comes first
            ahead[answer] += np.searchsorted(positions[ahead[answer] : stops[answer]], answer_positions[answer])
        return ahead


class _Answers:
    """The right answers of a block of queries, one query after the other in columns of length A.

    Attributes:
        rows: int64 [q], the query rows.
        offsets: int64 [q + 1], where the answers of each query start.
        positions: int64 [A], their gallery positions, ascending within a query.
        exact: float32 [A], their distances.
        ahead: int64 [A], wrong answers seen so far that come before them.
    """

    def __init__(self, rows: Integers, block: Block, distances: Distances, matches: Matches) -> None:
        answers = [matches.positives(int(row)) for row in rows]
        same = [matches.same_identity(int(row)) for row in rows]
        self.rows = rows
        self.offsets = np.cumsum([0] + [found.size for found in answers])
        self.positions = np.concatenate(answers)
        self.ahead = np.zeros(self.positions.size, dtype=np.int64)
        self._numbers = np.repeat(np.arange(rows.size), np.diff(self.offsets))
        self.exact = distances.pairs(rows[self._numbers], matches.rows[self.positions])
        self._nearness = relative_similarity_of(block.squares[self._numbers], self.exact)
        self._same = np.concatenate(same)
        self._same_numbers = np.repeat(np.arange(rows.size), [found.size for found in same])

    def hide(self, product: NDArray[np.float32], first: int, start: int) -> None:
        """Take images of the queries' own identities out of a product.

        Its rows are the queries from number `first` onwards, its columns the gallery positions from `start` onwards.
        """
        rows, places = self._same_numbers - first, self._same - start
        inside = (rows >= 0) & (rows < product.shape[0]) & (places >= 0) & (places < product.shape[1])
        product[rows[inside], places[inside]] = -np.inf

    def bounds(self, slack: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Bound [A] each positive's similarity: images below are surely farther, above surely nearer."""
        slack = slack[self._numbers]
        low = (self._nearness - slack).astype(np.float32)
        high = (self._nearness + slack).astype(np.float32)
        return np.nextafter(low, np.float32(-np.inf)), np.nextafter(high, np.float32(np.inf))

    def ranks(self) -> list[Integers]:
        """For each query the ranks of its right answers, from 1, ascending.

        A right answer's rank is its place among the right answers plus the wrong ones ahead of it, and of two right
        answers the nearer one never has more wrong ones ahead: sorting these numbers sorts the answers.
        """
        columns = np.split(self.ahead, self.offsets[1:-1])
        return [np.sort(column) + np.arange(1, column.size + 1) for column in columns]


def _screened(
    values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]
) -> tuple[Integers, NDArray[np.bool_] | None]:
    """How many values lie above each `high`, and which lie between any `low` and its `high`; None if none does."""
    contested = None
    if values.size <= 100 * low.size:
        ordered = np.sort(values)
        nearer = values.size - np.searchsorted(ordered, high, side="right")
        for answer in np.flatnonzero(values.size - np.searchsorted(ordered, low, side="left") > nearer):
            between = (values >= low[answer]) & (values <= high[answer])
            contested = between if contested is None else contested | between
        return nearer, contested
    surely = np.empty(low.size, dtype=np.int64)  # a pass over the values for each bound is cheaper than sorting them
    for bound in range(low.size):
        above, below = values > high[bound], values < low[bound]
        surely[bound] = np.count_nonzero(above)
        if surely[bound] + np.count_nonzero(below) < values.size:
            between = ~(above | below)
            contested = between if contested is None else contested | between
    return surely, contested
