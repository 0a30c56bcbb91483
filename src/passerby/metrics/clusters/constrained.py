"""DBSCAN where some rows are known to belong together, and some known not to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers
from passerby.metrics.clusters.density import OUTLIER, dense_components, near_pairs

if TYPE_CHECKING:
    from scipy import sparse


def constrained_dbscan(
    distances: "sparse.csr_array",
    eps: float,
    *,
    min_samples: int = 4,
    together: Integers,
    apart: Integers,
    known: NDArray[np.bool_],
) -> Integers:
    """Cluster by DBSCAN under constraints; without any, and where none is broken, it is `dbscan`.

    Groups are in one cluster from the start, whatever their distance. Where that and the neighbours would bring two
    into one cluster that are to stay apart, its cores are joined one pair after the other from the nearest on, but for
    those pairs whose clusters hold such two. A group without a core joins the first cluster that it may, or is one.

    Args:
        distances: as of `dbscan`.
        eps: likewise.
        min_samples: likewise.
        together: int64 [N], the group of each row, `0..G-1`; -1 for rows of which nothing is known.
        apart: int64 [K, 2], pairs of groups that never share a cluster.
        known: bool [G], groups of which no two share a cluster.

    Returns:
        int64 [N], clusters `0..K-1`, those with a core first, in the order of their first core; -1 for outliers, which
        no group of two rows or more is.

    Raises:
        EvaluationError: as of `dbscan`, or a group is not there, or to stay apart from itself.
    """
    firsts = _first_rows(distances, together, apart, known)
    start = np.arange(together.size)
    start[together >= 0] = firsts[together[together >= 0]]
    core, component = dense_components(distances, eps, min_samples, start)
    inside = np.isin(component, _broken(component[firsts], apart, known))
    component = np.where(inside, start, component)
    sets = _Sets(component[firsts], apart, known)
    for one, other in _nearest_first(distances, eps, core & inside):
        sets.join(int(component[one]), int(component[other]))
    component[inside] = [sets.find(each) for each in component[inside].tolist()]
    labels, roots = _of_cores(core, component)
    reached = _reached(distances, eps, core, labels, together)
    for group in np.flatnonzero(labels[firsts] == OUTLIER).tolist():
        root, members = int(component[firsts[group]]), together == group
        chosen = next((each for each in reached.get(group, ()) if sets.join(roots[each], root)), None)
        if chosen is None and members.sum() > 1:
            chosen = len(roots)
            roots.append(root)
        labels[members] = OUTLIER if chosen is None else chosen
    return labels


def _first_rows(
    distances: "sparse.csr_array", together: Integers, apart: Integers, known: NDArray[np.bool_]
) -> Integers:
    """The first row of each group, int64 [G]."""
    groups, firsts = np.unique(together[together >= 0], return_index=True)
    if together.shape != (distances.shape[0],) or groups.tolist() != list(range(known.size)):
        raise EvaluationError(f"each of {distances.shape[0]} rows must have a group of 0 to {known.size - 1}, or -1")
    if apart.size and not (apart.min() >= 0 and apart.max() < known.size and (apart[:, 0] != apart[:, 1]).all()):
        raise EvaluationError(f"pairs that stay apart must be of two groups of 0 to {known.size - 1}")
    return np.flatnonzero(together >= 0)[firsts]


def _broken(components: Integers, apart: Integers, known: NDArray[np.bool_]) -> Integers:
    """Components that hold groups which are to stay apart; `components`: of each group, int64 [G]."""
    first, second = components[apart[:, 0]], components[apart[:, 1]]
    people, counts = np.unique(components[known], return_counts=True)
    return np.union1d(first[first == second], people[counts > 1])


def _nearest_first(distances: "sparse.csr_array", eps: float, chosen: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Neighbours among chosen rows, from the nearest pair on; equally near ones by their rows."""
    if not chosen.any():
        return
    places = np.flatnonzero(chosen)
    part = distances[places][:, places].tocoo()
    rows, columns = part.coords
    wanted = (rows < columns) & (part.data <= eps)
    rows, columns, data = rows[wanted], columns[wanted], part.data[wanted]
    order = np.lexsort((columns, rows, data))
    yield from zip(places[rows[order]].tolist(), places[columns[order]].tolist(), strict=True)


def _of_cores(core: NDArray[np.bool_], component: Integers) -> tuple[Integers, list[int]]:
    """Labels of the components that have a core, int64 [N], and the component of each label."""
    labels = np.full(core.size, OUTLIER, np.int64)
    found, first = np.unique(component[core], return_index=True)
    roots = found[np.argsort(first)]
    labels[roots] = np.arange(roots.size)
    return labels[component], roots.tolist()


def _reached(
    distances: "sparse.csr_array", eps: float, core: NDArray[np.bool_], labels: Integers, together: Integers
) -> dict[int, list[int]]:
    """Give other rows that have a core among their neighbours its label, the lowest of several.

    Returns:
        By group, where none of its rows has a label yet: the labels that it could have, ascending.
    """
    count = core.size
    lowest, pairs = np.full(count, count), [np.empty((0, 2), np.int64)]
    for rows, columns in near_pairs(distances, eps):
        border = core[columns] & (labels[rows] == OUTLIER)
        rows, found = rows[border], labels[columns[border]]
        np.minimum.at(lowest, rows, found)
        of_group = together[rows] >= 0
        pairs.append(np.unique(np.stack([together[rows[of_group]], found[of_group]], axis=1), axis=0))
    free = (together < 0) & (lowest < count)
    labels[free] = lowest[free]
    reached: dict[int, list[int]] = {}
    for group, label in np.unique(np.concatenate(pairs), axis=0).tolist():
        reached.setdefault(group, []).append(label)
    return reached


class _Sets:
    """Sets of rows that can be joined unless they hold groups which are to stay apart.

    Args:
        places: int64 [G], a row for which each group stands.
        apart: int64 [K, 2], pairs of groups.
        known: bool [G], groups that are apart from each other.
    """

    def __init__(self, places: Integers, apart: Integers, known: NDArray[np.bool_]) -> None:
        self._parent: dict[int, int] = {}
        self._groups: dict[int, set[int]] = {}
        self._strangers: dict[int, set[int]] = {}
        self._people: dict[int, int] = {}
        for group, place in enumerate(places.tolist()):
            self._groups.setdefault(place, set()).add(group)
            if known[group]:
                self._people[place] = group
        for one, other in apart.tolist():
            for group, stranger in ((one, other), (other, one)):
                self._strangers.setdefault(int(places[group]), set()).add(stranger)

    def find(self, row: int) -> int:
        """The row that stands for a row's set."""
        while (above := self._parent.get(row, row)) != row:
            self._parent[row] = self._parent.get(above, above)
            row = above
        return row

    def join(self, row: int, another: int) -> bool:
        """Make the sets of two rows one; whether they are."""
        one, other = self.find(row), self.find(another)
        if one == other:
            return True
        if one in self._people and other in self._people:
            return False
        if not self._strangers.get(one, set()).isdisjoint(self._groups.get(other, ())):
            return False
        self._parent[other] = one
        for table in (self._groups, self._strangers):
            if other in table:
                table.setdefault(one, set()).update(table.pop(other))
        if other in self._people:
            self._people[one] = self._people.pop(other)
        return True
