"""The order in which levels go through the samples: video by video, tracklet by tracklet, frame by frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.tracklets.distance import Integers

CHUNK_ROWS = 32768


@dataclass(frozen=True)
class Arrangement:
    """N samples of T tracklets of V videos, in the canonical order.

    Attributes:
        order: int64 [N], the row of the input that stands at each place.
        tracklets: int64 [T + 1]; tracklet t is at the places `tracklets[t]` to `tracklets[t + 1]`. In the order of
            videos, then of first frames.
        videos: int64 [V + 1]; video v has the tracklets `videos[v]` to `videos[v + 1]`. In the order of the input.
        frames: int64 [N], the frame at each place.
        chunks: int64 [C + 1]; chunk c has the videos `chunks[c]` to `chunks[c + 1]`, which are done in one go. Follows
            from the data alone.
    """

    order: Integers
    tracklets: Integers
    videos: Integers
    frames: Integers
    chunks: Integers


def arrange(videos: Any, tracklets: Any, frames: Any = None, *, chunk_rows: int = CHUNK_ROWS) -> Arrangement:
    """Arrange N samples.

    Args:
        videos: labels [N], numbers or names; videos come in the order in which they first occur.
        tracklets: labels [N], valid inside of a video.
        frames: integers [N], or None where rows are in the order of frames.
        chunk_rows: a chunk ends with the video that brings it to this many samples.

    Raises:
        DataError: lengths differ, or there are no samples.
    """
    video = _in_first_order(videos)
    track = _in_first_order(tracklets)
    count = video.size
    when = np.arange(count) if frames is None else np.asarray(frames, dtype=np.int64)
    if not count or track.size != count or when.size != count:
        raise DataError(
            f"videos, tracklets and frames must have one entry per sample, not {count}, {track.size}, {when.size}"
        )
    label = video * (int(track.max()) + 1) + track
    _, first_row, inverse = np.unique(label, return_index=True, return_inverse=True)
    earliest = np.full(first_row.size, np.iinfo(np.int64).max)
    np.minimum.at(earliest, inverse, when)
    place = np.empty(first_row.size, np.int64)
    place[np.lexsort((first_row, earliest, video[first_row]))] = np.arange(first_row.size)
    number = place[inverse]
    order = np.lexsort((when, number)).astype(np.int64, copy=False)
    starts = np.concatenate([[0], np.cumsum(np.bincount(number))]).astype(np.int64)
    video_starts = _starts(video[order[starts[:-1]]])
    return Arrangement(order, starts, video_starts, when[order], _chunks(starts[video_starts], chunk_rows))


def _in_first_order(labels: Any) -> Integers:
    """Numbers of labels, an array or anything listed, in the order in which they first occur, int64 [N]."""
    array = np.asarray(list(labels) if not isinstance(labels, np.ndarray | Sequence) else labels)
    if array.ndim != 1:
        raise DataError(f"labels of videos and tracklets must have one dimension, not shape {list(array.shape)}")
    return numbered_as_they_come(array)


def numbered_as_they_come(labels: NDArray[Any]) -> Integers:
    """Numbers 0, 1, … of labels [N] in the order in which they first occur, int64 [N]."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    place = np.empty(first.size, np.int64)
    place[np.argsort(first)] = np.arange(first.size)
    numbered: Integers = place[inverse]
    return numbered


def _starts(labels: Integers) -> Integers:
    """Where runs of equal labels begin, and the end of the last."""
    return np.append(np.flatnonzero(np.diff(labels, prepend=-1)), labels.size).astype(np.int64)


def _chunks(places: Integers, rows: int) -> Integers:
    """Video borders of the chunks, from the places at which videos begin (and the last ends)."""
    borders = [0]
    for video in range(1, places.size):
        if places[video] - places[borders[-1]] >= rows or video == places.size - 1:
            borders.append(video)
    return np.array(borders, np.int64)
