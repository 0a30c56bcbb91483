"""Which pairs of camera identities become links: at most one of each to every camera, under a person's constraints."""

import numpy as np
from numpy.typing import NDArray

from passerby.data.contradiction import contradiction
from passerby.errors import EvaluationError

Integers = NDArray[np.int64]


class Linker:
    """Links camera identities one pair after the other; what must be linked is from the start.

    Args:
        cameras: int64 [N], of each camera identity.
        must, cannot: int64 [M, 2] and [K, 2], pairs of camera identities of different cameras.
        persons: int64 [N], which known person each is, -1 for none: groups of two known people stay two.
        one_class_per_camera: refuse links that would put two camera identities of one camera into one group.

    Raises:
        EvaluationError: the decisions contradict each other.
    """

    def __init__(
        self, cameras: Integers, must: Integers, cannot: Integers, persons: Integers, one_class_per_camera: bool
    ) -> None:
        refused = contradiction(must, cannot)
        if refused is not None:
            pair, chain = refused
            first, second = cannot[pair].tolist()
            raise EvaluationError(
                f"classes {first} and {second} cannot be linked, but {_named(must[chain])} must be, which joins them"
            )
        self._cameras = cameras.tolist()
        self._parent = list(range(len(cameras)))
        self._persons: list[int] = persons.tolist()
        self._linked: list[set[int]] = [set() for _ in self._parent]
        self._strangers: list[set[int]] = [set() for _ in self._parent]
        for first, second in cannot.tolist():
            self._strangers[first].add(second)
            self._strangers[second].add(first)
        self._seen_by = [{camera} for camera in self._cameras] if one_class_per_camera else None
        for first, second in must.tolist():
            self._join(first, second)

    def link(self, pairs: Integers) -> Integers:
        """Go through pairs, int64 [P, 2], in their order; which of them were linked, int64 [L]."""
        return np.array([row for row, (one, other) in enumerate(pairs.tolist()) if self._try(one, other)], np.int64)

    def _try(self, one: int, other: int) -> bool:
        if self._cameras[other] in self._linked[one] or self._cameras[one] in self._linked[other]:
            return False
        if self._parted(self._group(one), self._group(other)):
            return False
        self._join(one, other)
        return True

    def _parted(self, group: int, another: int) -> bool:
        """Whether two groups must not become one."""
        if group == another:
            return False
        if any(self._group(stranger) == another for stranger in self._strangers[group]):
            return True
        if self._persons[group] != self._persons[another] and min(self._persons[group], self._persons[another]) >= 0:
            return True
        return self._seen_by is not None and not self._seen_by[group].isdisjoint(self._seen_by[another])

    def _join(self, one: int, other: int) -> None:
        self._linked[one].add(self._cameras[other])
        self._linked[other].add(self._cameras[one])
        group, another = self._group(one), self._group(other)
        if group == another:
            return
        self._parent[another] = group
        self._strangers[group] |= self._strangers[another]
        self._persons[group] = max(self._persons[group], self._persons[another])
        if self._seen_by is not None:
            self._seen_by[group] |= self._seen_by[another]

    def _group(self, member: int) -> int:
        """The camera identity that stands for the group of a camera identity."""
        parent = self._parent
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member


def _named(pairs: Integers) -> str:
    return ", ".join(f"{first} and {second}" for first, second in pairs.tolist())
