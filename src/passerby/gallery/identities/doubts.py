"""Which joins a gallery is least certain of, for people to look at.

A join is two groups of tracklets that average linkage compares: those that it made one person, and those of two
identities that it kept apart although they are alike. Both are measured by the same mean cosine that decides, so the
least certain ones are those nearest to the threshold, on either side.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from passerby.gallery.columns.columns import Columns
from passerby.gallery.identities.apart import Circumstances

Integers = NDArray[np.int64]
Float32 = NDArray[np.float32]

_LARGEST = 1_000
"""Tracklets of an identity that are looked at for weak joins: their number of pairs grows with the square."""

_IDENTITIES = 20_000
"""Identities compared with each other; of more, those with most tracklets."""

_ROWS = 1_024
_NEIGHBOURS = 3
"""Other identities most like each one that are proposed."""


@dataclass(frozen=True)
class Doubt:
    """Two groups of tracklets that may be one person.

    Attributes:
        first, second: the two tracklets most alike across the groups, the lower number first: the pair that is asked.
        joined: whether both are one identity now.
        sides: the groups' tracklets, those of `first` first, each ascending.
        identities: of `first` and `second`; None where they have none.
        likeness: mean cosine between the groups, which decides whether they are joined.
        score: cosine of `first` and `second`.
    """

    first: int
    second: int
    joined: bool
    sides: tuple[tuple[int, ...], tuple[int, ...]]
    identities: tuple[int | None, int | None]
    likeness: float
    score: float


@dataclass(frozen=True)
class Known:
    """What doubts are drawn from; T tracklets, ascending by number.

    Attributes:
        numbers: int64 [T].
        features: float32 [T, D], of length 1.
        identities: int64 [T], 0 for none.
        persons: the known person of tracklets, as of `persons_of`: those of one are never asked.
        circumstances: what cannot be one person.
    """

    numbers: Integers
    features: Float32
    identities: Integers
    persons: Mapping[int, int]
    circumstances: Circumstances


def known_of(
    columns: Columns, numbers: Integers, identities: Integers, persons: Mapping[int, int], circumstances: Circumstances
) -> Known:
    """Put together what doubts are drawn from; `numbers` ascending, all of them in the columns."""
    order = np.argsort(columns.tracklets)
    rows = order[np.searchsorted(columns.tracklets[order], numbers)]
    features = columns.features[rows].astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return Known(numbers, features, identities, persons, circumstances)


def doubts(known: Known, threshold: float, count: int) -> list[Doubt]:
    """The joins nearest to the threshold, the least certain first.

    What people have decided is left out, and so is what cannot be one person.

    Args:
        known: what they are drawn from.
        threshold: the mean cosine from which on groups are one person.
        count: how many at most.
    """
    members = _members(known)
    candidates = [each for places in members.values() for each in _within(known, places)]
    candidates += _between(known, members)
    candidates.sort(key=lambda each: (abs(each[2] - threshold), each[3]))
    found: list[Doubt] = []
    for first, second, likeness, joined in candidates:
        if len(found) == count:
            break
        doubt = _asked(known, first, second, likeness, joined=joined)
        if doubt is not None:
            found.append(doubt)
    return found


def join_of(known: Known, first: int, second: int) -> Doubt | None:
    """The join by which two tracklets of one identity came together; None where they are of none or of two."""
    one, other = np.searchsorted(known.numbers, [first, second]).tolist()
    if not known.identities[one] or known.identities[one] != known.identities[other]:
        return None
    places = np.flatnonzero(known.identities == known.identities[one])
    for left, right, likeness, _ in reversed(_within(known, places, always=(one, other))):
        for sides in ((left, right), (right, left)):
            if one in sides[0] and other in sides[1]:
                score = float(known.features[one] @ known.features[other])
                return _doubt(known, sides[0], sides[1], one, other, likeness, score, joined=True)
    return None


_Candidate = tuple[Integers, Integers, float, bool]


def _members(known: Known) -> dict[int, Integers]:
    """Places of each identity's tracklets."""
    order = np.argsort(known.identities, kind="stable")
    values, starts = np.unique(known.identities[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {int(value): group for value, group in zip(values, groups, strict=True) if value}


def _within(known: Known, places: Integers, always: tuple[int, ...] = ()) -> list[_Candidate]:
    """The joins inside an identity, in the order in which average linkage makes them."""
    if places.size < 2:
        return []
    if places.size > _LARGEST:
        kept = np.unique(np.concatenate([places[:_LARGEST], np.array(always, np.int64)]))
        places = kept[np.isin(kept, places)]
    groups = _persons_among(known, places)
    if len(groups) < 2:
        return []
    means = np.stack([known.features[each].mean(0, dtype=np.float64) for each in groups])
    distances = 1 - means @ means.T
    np.fill_diagonal(distances, 0)
    merged = linkage(squareform(np.maximum(distances, 0), checks=False), "average")
    made, joins = list(groups), []
    for left, right, *_ in merged[:, :2].astype(np.int64).tolist():
        joins.append((made[left], made[right], _mean_cosine(known, made[left], made[right]), True))
        made.append(np.sort(np.concatenate([made[left], made[right]])))
    return joins


def _persons_among(known: Known, places: Integers) -> list[Integers]:
    """Tracklets that are known to be one person together, each other one alone."""
    groups: dict[int, list[int]] = {}
    for place, number in zip(places.tolist(), known.numbers[places].tolist(), strict=True):
        groups.setdefault(known.persons.get(number, number), []).append(place)
    return [np.array(group, np.int64) for group in groups.values()]


def _mean_cosine(known: Known, one: Integers, other: Integers) -> float:
    return float(known.features[one].mean(0, dtype=np.float64) @ known.features[other].mean(0, dtype=np.float64))


def _between(known: Known, members: Mapping[int, Integers]) -> list[_Candidate]:
    """Identities that are most alike, and tracklets without identity as identities of one."""
    groups = [*members.values(), *(np.array([place]) for place in np.flatnonzero(known.identities == 0).tolist())]
    groups = sorted(groups, key=lambda each: (-each.size, int(each[0])))[:_IDENTITIES]
    if len(groups) < 2:
        return []
    means = np.stack([known.features[each].mean(0) for each in groups])
    found: dict[tuple[int, int], float] = {}
    for begin in range(0, len(groups), _ROWS):
        likeness = means[begin : begin + _ROWS] @ means.T
        rows = np.arange(len(likeness))
        likeness[rows, begin + rows] = -np.inf
        nearest = np.argpartition(-likeness, min(_NEIGHBOURS, len(groups) - 1) - 1, axis=1)[:, :_NEIGHBOURS]
        for row, others in enumerate(nearest.tolist()):
            for other in others:
                if other != begin + row:
                    pair = min(begin + row, other), max(begin + row, other)
                    found[pair] = float(likeness[row, other])
    return [(groups[one], groups[other], likeness, False) for (one, other), likeness in sorted(found.items())]


def _asked(known: Known, left: Integers, right: Integers, likeness: float, *, joined: bool) -> Doubt | None:
    """The join as a question; None where people have answered it, or it cannot be."""
    confirmed = known.circumstances.confirmed
    sure = [set(confirmed[side][confirmed[side] > 0].tolist()) for side in (left, right)]
    if sure[0] and sure[1]:
        return None
    both = np.concatenate([left, right])
    if not joined and known.circumstances.apart(both)[: left.size, left.size :].any():
        return None
    cosines = known.features[left] @ known.features[right].T
    row, column = np.unravel_index(int(np.argmax(cosines)), cosines.shape)
    one, other = int(left[row]), int(right[column])
    return _doubt(known, left, right, one, other, likeness, float(cosines[row, column]), joined=joined)


def _doubt(
    known: Known, left: Integers, right: Integers, one: int, other: int, likeness: float, score: float, *, joined: bool
) -> Doubt:
    if known.numbers[one] > known.numbers[other]:
        left, right, one, other = right, left, other, one
    sides = tuple(tuple(sorted(known.numbers[side].tolist())) for side in (left, right))
    owners = tuple(int(known.identities[place]) or None for place in (one, other))
    return Doubt(
        int(known.numbers[one]),
        int(known.numbers[other]),
        joined,
        (sides[0], sides[1]),
        (owners[0], owners[1]),
        likeness,
        score,
    )
