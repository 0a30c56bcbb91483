"""Whether what people said of pairs contradicts itself."""

from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Integers = NDArray[np.int64]


def joined(must: Integers, count: int) -> Integers:
    """The group of each of `count` members, int64 [count], where pairs of them, int64 [M, 2], are one."""
    graph = coo_array((np.ones(len(must), np.bool_), (must[:, 0], must[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def contradiction(must: Integers, cannot: Integers) -> tuple[int, list[int]] | None:
    """The first pair that cannot be linked although pairs that must be join its two, and the rows of those pairs.

    Args:
        must: int64 [M, 2], pairs that are one person.
        cannot: int64 [K, 2], pairs that are two.

    Returns:
        A row of `cannot` and the fewest rows of `must` that lead from one of its two to the other; None if they
        agree.
    """
    groups = joined(must, 1 + max(int(pairs.max(initial=0)) for pairs in (must, cannot)))
    broken = np.flatnonzero(groups[cannot[:, 0]] == groups[cannot[:, 1]])
    if not broken.size:
        return None
    start, end = cannot[broken[0]].tolist()
    return int(broken[0]), chain(must, start, end)


def chain(must: Integers, start: int, end: int) -> list[int]:
    """The rows of `must`, int64 [M, 2], on a shortest way between two members that they make one."""
    neighbours: dict[int, list[tuple[int, int]]] = {}
    for row, (one, other) in enumerate(must.tolist()):
        neighbours.setdefault(one, []).append((other, row))
        neighbours.setdefault(other, []).append((one, row))
    came_by: dict[int, tuple[int, int]] = {start: (start, -1)}
    waiting = deque([start])
    while end not in came_by:
        member = waiting.popleft()
        for other, row in neighbours.get(member, ()):
            if other not in came_by:
                came_by[other] = member, row
                waiting.append(other)
    rows: list[int] = []
    while end != start:
        end, row = came_by[end]
        rows.append(row)
    return rows[::-1]
