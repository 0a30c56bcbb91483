"""Which tracklets cannot be one person, because both were seen in one video at one time."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.tracklets.distance import Integers


class Spans(NamedTuple):
    """When S tracklets of the input were seen, and what they are part of now.

    Samples that level 1 excluded do not count, wherever level 2 moves them: one moved to the wrong tracklet would part
    that from its own person.

    Attributes:
        part: int64 [S], the tracklet of the level at hand that it belongs to.
        video: int64 [S].
        first: int64 [S], first frame of the samples kept.
        last: int64 [S], last frame.
    """

    part: Integers
    video: Integers
    first: Integers
    last: Integers


def overlapping(spans: Spans, group: Integers) -> Integers:
    """Groups in which two different parts were seen in one video at one time, ascending.

    Args:
        spans: of S tracklets.
        group: int64 [parts], the group of each part.
    """
    groups = group[spans.part]
    # Frames may be nanoseconds since 1970, which leave no room to lift runs: their ranks overlap alike, and are small.
    ranks = np.unique(np.concatenate([spans.first, spans.last]), return_inverse=True)[1].astype(np.int64)
    spans = spans._replace(first=ranks[: spans.part.size], last=ranks[spans.part.size :])
    order = np.lexsort((spans.first, spans.video, groups))
    groups, video, first, last, part = (
        column[order] for column in (groups, spans.video, spans.first, spans.last, spans.part)
    )
    same = (groups[1:] == groups[:-1]) & (video[1:] == video[:-1])
    # Overlap inside of one part is no conflict, but hides conflicts of its neighbours in order: look at all of those.
    latest = _running_maximum(last, np.concatenate([[False], same]))
    suspects = np.unique(groups[1:][same & (first[1:] <= latest[:-1])])
    members = np.isin(groups, suspects)
    pairs = _pairs(Spans(part[members], video[members], first[members], last[members]), groups[members])
    return np.unique(group[pairs[0]])


def by_part(spans: Spans) -> Spans:
    """The same spans, sorted by the part they belong to, as `conflicts` needs them."""
    if (np.diff(spans.part) >= 0).all():
        return spans
    order = np.argsort(spans.part, kind="stable")
    return Spans(*(column[order] for column in spans))


def conflicts(spans: Spans, parts: Integers) -> tuple[Integers, Integers]:
    """Pairs of places in `parts` that were seen in one video at one time, each pair once.

    Args:
        spans: sorted by part.
        parts: int64 [n], ascending.
    """
    begin, end = (np.searchsorted(spans.part, parts, side) for side in ("left", "right"))
    rows = np.repeat(begin, end - begin) + _counted(end - begin)
    rows = rows[np.lexsort((spans.first[rows], spans.video[rows]))]
    first, second = _pairs(Spans(*(column[rows] for column in spans)), np.zeros(rows.size, np.int64))
    return np.searchsorted(parts, first), np.searchsorted(parts, second)


def _counted(lengths: Integers) -> Integers:
    """0, 1, … of each length, one after the other: [2, 3] gives 0 1 0 1 2."""
    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _pairs(spans: Spans, groups: Integers) -> tuple[Integers, Integers]:
    """Different parts (a < b) of one group and video that overlap; spans are sorted by group, video and first frame."""
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    rows = np.arange(spans.part.size)
    for step in range(1, spans.part.size):
        # Later spans begin later, so whoever does not overlap the step-th after it overlaps none behind that one.
        rows = rows[rows + step < spans.part.size]
        beside = rows + step
        meets = (
            (groups[rows] == groups[beside])
            & (spans.video[rows] == spans.video[beside])
            & (spans.first[beside] <= spans.last[rows])
        )
        rows = rows[meets]
        if not rows.size:
            break
        first, second = spans.part[rows], spans.part[rows + step]
        other = first != second
        firsts.append(np.minimum(first, second)[other])
        seconds.append(np.maximum(first, second)[other])
    pairs = np.unique(np.stack([np.concatenate(firsts), np.concatenate(seconds)]), axis=1)
    return pairs[0], pairs[1]


def _running_maximum(values: Integers, continues: NDArray[np.bool_]) -> Integers:
    """The largest value so far since the last place where a run does not continue."""
    if not values.size:
        return values
    run = np.cumsum(~continues)
    # Runs are lifted one above the other, so that one maximum over all of them starts anew at each.
    lift = (int(values.max()) - int(values.min()) + 1) * run
    latest: Integers = np.maximum.accumulate(values + lift) - lift
    return latest
