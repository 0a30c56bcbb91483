"""Connected components of links: their sizes, and the split of those too large to be one person.

Closure is single linkage. Above a density of wrong links that is sharp in the threshold, it joins nearly everybody
(percolation), so sizes are always looked at, and a component beyond a bound is refused or split.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.tracklets.distance import Integers
from passerby.tracklets.grouping.links import Links, closure, join, minimum_forest
from passerby.tracklets.options import DenoisingOptions


class DisjointSets:
    """Sets of the numbers 0..count-1 that can be joined."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, member: int) -> int:
        """The number that stands for the set of a member."""
        parent = self._parent
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    def join(self, representative: int, other: int) -> None:
        """Put the set that `other` stands for into the set that `representative` stands for, and goes on to."""
        self._parent[other] = representative

    def labels(self) -> Integers:
        """The number that stands for each member's set, int64 [count]."""
        return np.array([self.find(member) for member in range(len(self._parent))], np.int64)


class ComponentSizes(NamedTuple):
    """How many groups have how many members.

    Attributes:
        members: int64 [S], sizes that occur, ascending.
        groups: int64 [S], how many groups have each.
    """

    members: Integers
    groups: Integers

    @property
    def largest(self) -> int:
        """Members of the largest group; 0 where there are none."""
        return int(self.members[-1]) if self.members.size else 0


def component_sizes(groups: Integers) -> ComponentSizes:
    """The histogram of sizes of labelled groups; a label of -1 is no group."""
    sizes = np.bincount(groups[groups >= 0])
    return ComponentSizes(*(column.astype(np.int64) for column in np.unique(sizes[sizes > 0], return_counts=True)))


def guarded_components(links: Links, count: int, options: DenoisingOptions) -> tuple[Integers, ComponentSizes]:
    """Components of the links, int64 [count], none larger than the options allow, and the sizes before any was split.

    Raises:
        DataError: a component is too large and `oversize` is `refuse`.
    """
    groups = closure(links, count)
    sizes = component_sizes(groups)
    bound = options.component_bound(count)
    if sizes.largest <= bound or options.oversize == "keep":
        return groups, sizes
    if options.oversize == "refuse":
        raise DataError(
            f"level 3 would join {sizes.largest:,} of {count:,} tracklets to one identity, more than {bound:,}: at "
            f"sigma_discrimination {options.sigma_discrimination:g} links chain. Lower it (`passerby denoise calibrate`"
            " proposes a value), cut long chains with oversize=split, or raise max_component (--set)"
        )
    return split(minimum_forest(links), groups, np.bincount(groups) > bound, bound), sizes


def split(forest: Links, groups: Integers, too_large: NDArray[np.bool_], limit: int) -> Integers:
    """Cut the longest links of the groups marked until no part has more than `limit` members.

    Args:
        forest: a minimum spanning forest of the groups.
        groups: int64 [T].
        too_large: bool [groups], which to cut.
        limit: members a part may have.

    Returns:
        int64 [T], the parts numbered by their first members.
    """
    marked = too_large[groups[forest.first]]
    kept, inside = forest.take(np.flatnonzero(~marked)), forest.take(np.flatnonzero(marked))
    inside = inside.take(inside.in_order())
    ends, numbered = np.unique(np.concatenate([inside.first, inside.second]), return_inverse=True)
    sets, sizes, allowed = DisjointSets(ends.size), [1] * ends.size, []
    # From the shortest link on, which builds the same parts as cutting from the longest: the largest branches of the
    # tree of merges that are small enough.
    for row, (left, right) in enumerate(np.stack(np.split(numbered, 2), axis=1).tolist()):
        one, other = sets.find(left), sets.find(right)
        if sizes[one] + sizes[other] <= limit:
            sets.join(one, other)
            sizes[one] += sizes[other]
            allowed.append(row)
        else:
            sizes[one] = sizes[other] = limit  # the branch above is too large, and so is every one above that
    return closure(join([kept, inside.take(np.array(allowed, np.int64))]), groups.size)
