"""At which ranks a query's right answers come, found without sorting the gallery."""

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.distance import Distances, margin, nearness, nearness_of
from passerby.metrics.matches import Matches, Rows


class _Query:
    """One query while its gallery goes by: where its right answers lie and how many wrong answers are nearer."""

    def __init__(self, row: int, square: float, distances: Distances, matches: Matches) -> None:
        self.row = row
        self.same = matches.same_identity(row)
        self.answers = matches.right_answers(row)
        self.exact = distances.exact(row, matches.rows[self.answers])
        self.nearness = nearness_of(square, self.exact)
        self.ahead = np.zeros(self.answers.size, dtype=np.int64)

    def ranks(self) -> Rows:
        """Ranks of the right answers, from 1, ascending.

        A right answer's rank is its place among the right answers plus the wrong ones ahead of it, and of two right
        answers the nearer one never has more wrong ones ahead: sorting these numbers sorts the answers.
        """
        return np.sort(self.ahead) + np.arange(1, self.ahead.size + 1)


class AnswerRanks:
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
        self._product = np.empty(0, dtype=np.float32)

    def of(self, rows: Rows) -> list[Rows]:
        """For each of these query rows the ascending ranks, from 1, of its right answers."""
        block = self._distances.queries(rows)
        queries = [
            _Query(int(row), float(square), self._distances, self._matches)
            for row, square in zip(rows, block.squares, strict=True)
        ]
        if self._product.size < rows.size * self._gallery_block:
            self._product = np.empty(rows.size * self._gallery_block, dtype=np.float32)
        for start in range(0, self._matches.rows.size, self._gallery_block):
            candidates = self._distances.candidates(self._matches.rows[start : start + self._gallery_block])
            product = nearness(block, candidates, out=self._product)
            slacks = margin(block, candidates)
            for query, values, slack in zip(queries, product, slacks, strict=True):
                self._count(query, values, float(slack), start)
        return [query.ranks() for query in queries]

    def _count(self, query: _Query, values: NDArray[np.float32], slack: float, start: int) -> None:
        """Count the wrong answers among `values`, of positions `start` onwards, that are ahead of each right one."""
        first, last = np.searchsorted(query.same, (start, start + values.size))
        values[query.same[first:last] - start] = -np.inf
        low = np.nextafter((query.nearness - slack).astype(np.float32), np.float32(-np.inf))
        high = np.nextafter((query.nearness + slack).astype(np.float32), np.float32(np.inf))
        places = np.flatnonzero(values >= low.min())
        if not places.size:
            return
        values = values[places]
        surely, perhaps = _counts(values, low, high)
        query.ahead += surely
        contested = np.flatnonzero(perhaps > surely)
        if contested.size:
            inside = np.zeros(values.size, dtype=np.bool_)
            for answer in contested:
                inside |= (values >= low[answer]) & (values <= high[answer])
            query.ahead -= _counts(values[inside], low, high)[0]
            query.ahead += self._exactly_ahead(query, places[inside] + start)

    def _exactly_ahead(self, query: _Query, positions: Rows) -> Rows:
        """How many of these gallery positions (ascending) come before each right answer, by exact distance."""
        distances = self._distances.exact(query.row, self._matches.rows[positions])
        order = np.argsort(distances, kind="stable")
        distances, positions = distances[order], positions[order]
        ahead = np.searchsorted(distances, query.exact, side="left")
        stops = np.searchsorted(distances, query.exact, side="right")
        for answer in np.flatnonzero(stops > ahead):  # equally far: the earlier gallery image comes first
            equal = positions[ahead[answer] : stops[answer]]
            ahead[answer] += np.searchsorted(equal, query.answers[answer])
        return ahead


def _counts(
    values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many values lie above each `high`, and how many not below each `low`."""
    if values.size > 100 * low.size:  # a pass over the values per bound is cheaper than sorting them
        surely = np.array([np.count_nonzero(values > bound) for bound in high], dtype=np.int64)
        return surely, np.array([np.count_nonzero(values >= bound) for bound in low], dtype=np.int64)
    ordered = np.sort(values)
    surely = values.size - np.searchsorted(ordered, high, side="right")
    return surely, values.size - np.searchsorted(ordered, low, side="left")
