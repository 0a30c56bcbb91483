"""Which rows of a denoised table a page shows: strips of identities, and samples dropped or moved, and why."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.tracklets.correlation import DROPPED_1, DROPPED_2, REALLOCATED, Correlation
from passerby.tracklets.tables.table import TrackletTable

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Strip:
    """Rows to show beside each other, and what is said about them.

    Attributes:
        heading: short.
        note: one sentence.
        rows: rows of the table, in the order to show them.
        marked: how many of the first rows stand apart: the sample in question.
    """

    heading: str
    note: str
    rows: list[int]
    marked: int = 0


def identity_strips(table: TrackletTable, correlation: Correlation, count: int = 12, pictures: int = 14) -> list[Strip]:
    """The largest identity, and others evenly spread over the sizes of those that join several tracklets."""
    labels = correlation.identities
    images = np.bincount(labels[labels >= 0])
    pairs = np.unique(np.stack([labels, correlation.tracklets])[:, labels >= 0], axis=1)
    joined = np.bincount(pairs[0], minlength=images.size)
    order = np.lexsort((-images, -joined))
    several = order[joined[order] > 1]
    shown = several if several.size else order
    picks = (
        shown[np.unique(np.linspace(0, shown.size - 1, min(count, shown.size)).astype(int))] if shown.size else shown
    )
    members = _members(labels)
    strips = []
    for identity in picks.tolist():
        rows = members[identity]
        videos = np.unique(table.videos[rows]).size
        note = f"{images[identity]:,} images, {joined[identity]} tracklets after level 2, {videos} videos"
        strips.append(Strip(f"identity {identity}", note, _spread(rows, correlation.tracklets, pictures)))
    return strips


def dropped_strips(table: TrackletTable, correlation: Correlation, count: int = 12, beside: int = 6) -> list[Strip]:
    """Dropped samples, evenly spread over how far they were from their tracklets, beside kept samples of those."""
    dropped = np.flatnonzero((correlation.outcomes == DROPPED_1) | (correlation.outcomes == DROPPED_2))
    dropped = dropped[np.argsort(-correlation.deviations[dropped], kind="stable")]
    sigma = correlation.options.sigma_consistency
    near = sigma if correlation.options.sigma_reallocation is None else correlation.options.sigma_reallocation
    strips = []
    for row in dropped[_places(dropped.size, count)].tolist():
        other = correlation.other_distances[row]
        if np.isnan(other):
            why = "level 2 was not carried out"
        elif np.isfinite(other):
            why = f"the nearest other tracklet of the video is at {other:.3f}, not below {near:g} either"
        else:
            why = "its video has no other tracklet"
        note = f"{correlation.deviations[row]:.3f} from the others of its tracklet, at or above {sigma:g}; {why}."
        strips.append(Strip(f"row {row + 1}", note, [row, *_tracklet(table, correlation, row, beside)], marked=1))
    return strips


def moved_strips(table: TrackletTable, correlation: Correlation, count: int = 12, beside: int = 6) -> list[Strip]:
    """Re-allocated samples, evenly spread over the distance to their new tracklet, beside samples of it."""
    moved = np.flatnonzero(correlation.outcomes == REALLOCATED)
    moved = moved[np.argsort(-correlation.other_distances[moved], kind="stable")]
    sigma = correlation.options.sigma_consistency
    strips = []
    for row in moved[_places(moved.size, count)].tolist():
        note = (
            f"{correlation.deviations[row]:.3f} from the others of its own tracklet, at or above {sigma:g}; "
            f"{correlation.other_distances[row]:.3f} from the tracklet beside it, below."
        )
        target = int(correlation.moved_to[row])
        strips.append(Strip(f"row {row + 1}", note, [row, *_tracklet(table, correlation, target, beside)], marked=1))
    return strips


def _tracklet(table: TrackletTable, correlation: Correlation, row: int, count: int) -> list[int]:
    """Kept samples of the input tracklet that a row is from, evenly spread."""
    same = (table.videos == table.videos[row]) & (table.tracklets == table.tracklets[row]) & (correlation.outcomes == 0)
    rows = np.flatnonzero(same)
    chosen: list[int] = rows[_places(rows.size, count)].tolist()
    return chosen


def _members(labels: Integers) -> list[Integers]:
    order = np.argsort(labels, kind="stable")
    order = order[np.searchsorted(labels[order], 0) :]
    return np.split(order, np.cumsum(np.bincount(labels[order]))[:-1]) if order.size else []


def _spread(rows: Integers, tracklets: Integers, count: int) -> list[int]:
    """Rows evenly spread, one of each tracklet where there are as many."""
    _, first = np.unique(tracklets[rows], return_index=True)
    if first.size >= count:
        rows = rows[first]
    ordered = rows[np.argsort(tracklets[rows], kind="stable")]
    chosen: list[int] = ordered[_places(ordered.size, count)].tolist()
    return chosen


def _places(total: int, count: int) -> Integers:
    """At most `count` of the places 0..total-1, evenly spread, with both ends."""
    if not total:
        return np.empty(0, np.int64)
    return np.unique(np.linspace(0, total - 1, min(count, total)).astype(np.int64))
