"""How links become groups: the paper's closure, linkages that chain less, and pairs that cannot be linked."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from passerby.tracklets.distance import Float32, Float64, Integers, Rows, directions, row_products
from passerby.tracklets.grouping.components import DisjointSets, split
from passerby.tracklets.grouping.links import Links, closure, in_first_order, join, minimum_forest
from passerby.tracklets.grouping.overlap import Spans, by_part, conflicts, overlapping
from passerby.tracklets.options import DenoisingOptions

LARGEST_DENSE = 4096
"""Components with more members are split before all distances inside of them are formed."""

_PENDING = 2_000_000
"""Links after which they are reduced before more are looked for."""

CANNOT_LINK = 4.0 * LARGEST_DENSE**2
"""Stands for an infinite distance, which scipy refuses: two groups of LARGEST_DENSE members in all have at most a
quarter of its square of pairs, so an average over them with one of it is at least 16, beyond every cosine distance."""


def nearest_links(links: Links, neighbours: int) -> Links:
    """The links that are among the `neighbours` shortest of either end, equally long ones by their other end."""
    first, second = _among_shortest(links, neighbours)
    return links.take(np.flatnonzero(first | second))


def mutual_links(links: Links, neighbours: int) -> Links:
    """The links that are among the `neighbours` shortest of both ends."""
    first, second = _among_shortest(links, neighbours)
    return links.take(np.flatnonzero(first & second))


def _among_shortest(links: Links, neighbours: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each link is among the shortest of its first end, and of its second."""
    count = links.first.size
    ends = np.concatenate([links.first, links.second])
    others = np.concatenate([links.second, links.first])
    order = np.lexsort((others, np.concatenate([links.distance, links.distance]), ends))
    ends = ends[order]
    starts = np.flatnonzero(np.diff(ends, prepend=-1))
    place = np.arange(ends.size) - np.repeat(starts, np.diff(starts, append=ends.size))
    kept = np.empty(ends.size, np.bool_)
    kept[order] = place < neighbours
    return kept[:count], kept[count:]


def reduced(links: Links, options: DenoisingOptions) -> Links:
    """What later steps need of some links: their forest, or for mutual linkage each end's nearest.

    Reducing parts, joining them and reducing again gives what reducing the whole gives.
    """
    return nearest_links(links, options.neighbours) if options.linkage == "mutual" else minimum_forest(links)


def gathered(parts: Iterable[Links], options: DenoisingOptions) -> tuple[Links, int]:
    """Links as they are found, reduced, and how many there were; memory does not grow with them."""
    kept: list[Links] = []
    total = pending = 0
    for part in parts:
        kept.append(part)
        total += part.first.size
        pending += part.first.size
        if pending > _PENDING:
            kept, pending = [reduced(join(kept), options)], 0
    return reduced(join(kept), options), total


def linking(links: Links, options: DenoisingOptions) -> Links:
    """The links whose closure is taken: all, or the mutual ones."""
    return mutual_links(links, options.neighbours) if options.linkage == "mutual" else links


def refine(
    links: Links,
    groups: Integers,
    centroids: Rows,
    spans: Spans | None,
    options: DenoisingOptions,
    reach: int | None = None,
) -> Integers:
    """Part the groups that average linkage or an overlap in time does not let stand.

    Args:
        links: that made the groups; but for mutual linkage, a spanning forest is enough.
        groups: int64 [T].
        centroids: float32 [T, D].
        spans: when each was seen, or None where they may overlap.
        options: the linkage and its threshold.
        reach: how far apart in order two tracklets that are linked may be; None for any distance.

    Returns:
        int64 [T], groups numbered by their first members.
    """
    spans = None if spans is None else by_part(spans)
    suspects, too_large = _suspects(groups, spans, options), too_large_to_refine(groups, spans, options)
    if too_large.any():
        groups = split(minimum_forest(links), groups, too_large, LARGEST_DENSE)
        return refine(links, groups, centroids, spans, options, reach)
    sizes = np.bincount(groups, minlength=1)
    refined, following = groups.copy(), sizes.size
    order, borders = np.argsort(groups, kind="stable"), np.concatenate([[0], np.cumsum(sizes)])
    mutual = _LinksOfGroups(links, groups) if options.linkage == "mutual" else None
    for group in np.flatnonzero(suspects).tolist():
        members = order[borders[group] : borders[group + 1]]
        cannot_link = None if spans is None else conflicts(spans, members)
        if options.linkage == "average":
            parts = _average(centroids[members], cannot_link, options.sigma_discrimination)
        else:
            inside = (
                _all_links(centroids, members, options.sigma_discrimination, reach)
                if mutual is None
                else mutual.inside(group)
            )
            parts = _constrained_closure(inside, members, cannot_link)
        refined[members] = following + parts
        following += members.size
    return in_first_order(refined)


def too_large_to_refine(groups: Integers, spans: Spans | None, options: DenoisingOptions) -> NDArray[np.bool_]:
    """Groups that `refine` looks into and cuts before, at their longest links, since they have too many members."""
    return _suspects(groups, spans, options) & (np.bincount(groups, minlength=1) > LARGEST_DENSE)


def _suspects(groups: Integers, spans: Spans | None, options: DenoisingOptions) -> NDArray[np.bool_]:
    """Groups that average linkage or an overlap in time may not let stand, bool [groups]."""
    sizes = np.bincount(groups, minlength=1)
    # Two that are linked are near enough on average.
    suspects = sizes > 2 if options.linkage == "average" else np.zeros(sizes.size, np.bool_)
    if spans is not None:
        suspects[overlapping(spans, groups)] = True
    return suspects


class _LinksOfGroups:
    """Finds the links inside of a group."""

    def __init__(self, links: Links, groups: Integers) -> None:
        inside = links.take(np.flatnonzero(groups[links.first] == groups[links.second]))
        self._links = inside.take(np.argsort(groups[inside.first], kind="stable"))
        self._groups = groups[self._links.first]

    def inside(self, group: int) -> Links:
        begin, end = np.searchsorted(self._groups, [group, group + 1])
        return self._links.take(np.arange(begin, end))


def _all_links(centroids: Rows, members: Integers, sigma: float, reach: int | None) -> Links:
    """All links between the members of a group, by their numbers among all tracklets."""
    distances = distances_inside(centroids[members])
    first, second = np.triu_indices(members.size, 1)
    near = distances[first, second] <= sigma
    if reach is not None:
        near &= members[second] - members[first] <= reach
    return Links(members[first[near]], members[second[near]], distances[first[near], second[near]])


def distances_inside(centroids: Float32) -> Float64:
    """All cosine distances inside of a component, float64 [n, n]."""
    rows = directions(centroids.astype(np.float64), np.ones(len(centroids), np.int64))
    distances = np.zeros((len(rows), len(rows)))
    for place in range(len(rows) - 1):  # row by row: each from its two vectors alone, whatever is beside them
        following = 1 - row_products(rows[place + 1 :], rows[place, None])
        distances[place, place + 1 :] = distances[place + 1 :, place] = np.maximum(following, 0.0)
    return distances


def _average(centroids: Float32, cannot_link: tuple[Integers, Integers] | None, sigma: float) -> Integers:
    """Average linkage cut at sigma; pairs that cannot be linked are never in one group."""
    distances = distances_inside(centroids)
    if cannot_link is not None:
        distances[cannot_link] = distances[cannot_link[::-1]] = CANNOT_LINK
    tree = linkage(squareform(distances, checks=False), "average")
    return in_first_order(fcluster(tree, sigma, "distance").astype(np.int64))


def _constrained_closure(links: Links, members: Integers, cannot_link: tuple[Integers, Integers] | None) -> Integers:
    """Join along links from the shortest to the longest, but never groups with a pair that cannot be linked."""
    sets = DisjointSets(members.size)
    barred: list[set[int]] = [set() for _ in range(members.size)]  # of each set, the sets it cannot be joined with
    for left, right in [] if cannot_link is None else np.stack(cannot_link, axis=1).tolist():
        barred[left].add(right)
        barred[right].add(left)
    links = links.take(links.in_order())
    for left, right in np.searchsorted(members, np.stack([links.first, links.second], axis=1)).tolist():
        one, other = sets.find(left), sets.find(right)
        if one == other or other in barred[one]:
            continue
        sets.join(one, other)
        for each in barred[other]:
            barred[each].discard(other)
            barred[each].add(one)
        barred[one] |= barred[other]
    return in_first_order(sets.labels())


def partition(links: Links, centroids: Rows, spans: Spans | None, options: DenoisingOptions) -> Integers:
    """Groups of T tracklets of one video by links, of whatever size: int64 [T], numbered by first members."""
    joining = linking(links, options)
    return refine(joining, closure(joining, len(centroids)), centroids, spans, options)
