"""Overlap and pairing against definitions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from passerby.metrics import pairwise_iou
from passerby.video.tracking.pairing import Pairs, pair_some, pair_up, touching


def test_overlap_is_what_two_pictures_of_the_boxes_say() -> None:
    generator = np.random.default_rng(0)
    corners = generator.integers(0, 20, (2, 12, 2))
    first, second = (
        np.concatenate([each, each + generator.integers(0, 15, each.shape)], axis=1).astype(float) for each in corners
    )
    for row, one in enumerate(first):
        for column, other in enumerate(second):
            drawn = np.zeros((2, 40, 40), bool)
            for picture, (left, top, right, bottom) in zip(drawn, (one, other), strict=True):
                picture[int(top) : int(bottom), int(left) : int(right)] = True
            union = drawn.any(axis=0).sum()
            expected = drawn.all(axis=0).sum() / union if union else 0.0
            assert pairwise_iou(first, second)[row, column] == expected


def least(gain: NDArray[np.float64], tracks: int, detections: int) -> float:
    """The least sum of entries of distinct rows and columns, found by trying all ways."""
    if not tracks or not detections:
        return 0.0
    last = tracks - 1
    without = least(gain, last, detections)
    ways = []
    for column in range(detections):
        swapped = gain.copy()
        swapped[:, [column, detections - 1]] = swapped[:, [detections - 1, column]]
        ways.append(swapped[last, detections - 1] + least(swapped, last, detections - 1))
    return min([without, *ways])


def everybody(cost: NDArray[np.float64]) -> Pairs:
    """Every track with every detection, as the entries of a table of costs stand in a row."""
    rows, columns = np.indices(cost.shape)
    return Pairs(rows.ravel(), columns.ravel())


@settings(deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.floats(0, 1)))
def test_pairs_are_the_best_of_all_ways_to_pair(cost: NDArray[np.float64]) -> None:
    limit = 0.6
    pairs = pair_up(everybody(cost), cost.ravel(), limit)
    assert len(set(pairs.tracks)) == len(set(pairs.detections)) == len(pairs.tracks)
    chosen = cost[pairs.tracks, pairs.detections]
    assert (chosen < limit).all()
    assert np.isclose((chosen - limit).sum(), least(cost - limit, *cost.shape))


def test_some_of_the_rows_keep_their_own_numbers() -> None:
    cost = np.array([[0.0, 0.1, 0.2], [0.0, 0.1, 0.2], [0.3, 0.2, 0.1]])
    some = np.array([False, True, True])
    pairs = pair_some(everybody(cost), cost.ravel(), some, some, 0.5)
    assert (list(pairs.tracks), list(pairs.detections)) == ([1, 2], [1, 2])
    assert not len(pair_some(everybody(cost), cost.ravel(), ~some & some, some, 0.5).tracks)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 9), st.integers(0, 9))
def test_boxes_that_touch_are_those_that_overlap(seed: int, tracks: int, found: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = (
        np.concatenate([corner, corner + generator.integers(1, 12, corner.shape)], axis=1).astype(np.float64)
        for corner in (generator.integers(0, 20, (count, 2)) for count in (tracks, found))
    )
    pairs, overlap, heights = touching(first, second)
    table = np.zeros((tracks, found))
    table[pairs.tracks, pairs.detections] = overlap
    np.testing.assert_allclose(table, pairwise_iou(first, second), rtol=1e-12)
    assert len(pairs.tracks) == np.count_nonzero(table)
    for track, detection, height in zip(*pairs, heights, strict=True):
        one, other = (set(range(int(box[1]), int(box[3]))) for box in (first[track], second[detection]))
        assert np.isclose(height, len(one & other) / len(one | other))
