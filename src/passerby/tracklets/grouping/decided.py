"""Average linkage where some tracklets are known to be one person, and some known to be two."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from passerby.tracklets.distance import Float32, Integers
from passerby.tracklets.grouping.components import split
from passerby.tracklets.grouping.linkage import CANNOT_LINK, LARGEST_DENSE, distances_inside, gathered
from passerby.tracklets.grouping.links import Links, band_links, closure, in_first_order, join, minimum_forest
from passerby.tracklets.options import DenoisingOptions

_ROWS = 1024

_LIFT = 4.0
"""Added to distances, so that those that are known to be one person, at 0, are joined before everybody else."""

Apart = Callable[[Integers], NDArray[np.bool_]]
"""Which of some tracklets [n] are two people, by their numbers: bool [n, n], symmetric."""


def group_decided(
    features: Float32, sigma: float, *, together: Integers, apart: Apart, advance: Callable[[int], None] | None = None
) -> Integers:
    """Group T tracklets by average linkage: every pair of them is compared.

    Args:
        features: float32 [T, D] of length 1.
        sigma: cosine distance up to which two groups, on average, are one person; above 0 and below 2.
        together: int64 [T]; those of one number are one person whatever else is said, -1 for those of whom nothing is
            known.
        apart: tells who is not one person.
        advance: told as they are done how many more tracklets were compared with all others.

    Returns:
        int64 [T], groups numbered by their first members.

    Components of more than 4,096 tracklets are cut at their longest links before they are looked into.
    """
    count = len(features)
    options = DenoisingOptions(sigma_discrimination=sigma, linkage="average")
    links, _ = gathered(_links(features, sigma, advance), options)
    within = (together[links.first] == together[links.second]) & (together[links.first] >= 0)
    forest = minimum_forest(join([links.take(np.flatnonzero(~within)), _chains(together)]))
    groups = closure(forest, count)
    too_large = np.bincount(groups, minlength=1) > LARGEST_DENSE
    if too_large.any():
        groups = split(forest, groups, too_large, LARGEST_DENSE)
    sizes = np.bincount(groups, minlength=1)
    order, borders = np.argsort(groups, kind="stable"), np.concatenate([[0], np.cumsum(sizes)])
    refined, following = groups.copy(), sizes.size
    for group in np.flatnonzero(sizes > 1).tolist():
        members = order[borders[group] : borders[group + 1]]
        refined[members] = following + _parts(features[members], sigma, together[members], apart(members))
        following += members.size
    return in_first_order(_whole(refined, together))


def _links(features: Float32, sigma: float, advance: Callable[[int], None] | None) -> Iterator[Links]:
    count = len(features)
    for begin in range(0, count, _ROWS):
        rows = range(begin, min(begin + _ROWS, count))
        yield from band_links(features, sigma, count, rows)
        if advance is not None:
            advance(len(rows))


def _chains(together: Integers) -> Links:
    """Links along those that are known to be one person, shorter than all others."""
    order = np.argsort(together, kind="stable")
    ordered = together[order]
    places = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered[1:] >= 0))
    return Links(order[places], order[places + 1], np.full(places.size, -1.0))


def _parts(features: Float32, sigma: float, together: Integers, apart: NDArray[np.bool_]) -> Integers:
    """Groups of the members of one component."""
    one_person = (together[:, None] == together[None]) & (together[:, None] >= 0)
    if one_person.all():
        return np.zeros(together.size, np.int64)
    distances = distances_inside(features) + _LIFT
    distances[apart] = CANNOT_LINK
    distances[one_person] = 0.0
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances, checks=False), "average")
    return in_first_order(fcluster(tree, sigma + _LIFT, "distance").astype(np.int64))


def _whole(groups: Integers, together: Integers) -> Integers:
    """The same groups, where people known to be one were cut apart with them in one again."""
    known = np.flatnonzero(together >= 0)
    _, first, inverse = np.unique(together[known], return_index=True, return_inverse=True)
    whole = groups.copy()
    whole[known] = groups[known[first]][inverse]
    return whole
