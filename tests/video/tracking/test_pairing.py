"""Overlap and pairing against definitions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from passerby.metrics import pairwise_iou
from passerby.video.tracking.pairing import pair_some, pair_up


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


@settings(deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.floats(0, 1)))
def test_pairs_are_the_best_of_all_ways_to_pair(cost: NDArray[np.float64]) -> None:
    limit = 0.6
    pairs = pair_up(cost, limit)
    assert len(set(pairs.tracks)) == len(set(pairs.detections)) == len(pairs.tracks)
    chosen = cost[pairs.tracks, pairs.detections]
    assert (chosen < limit).all()
    assert np.isclose((chosen - limit).sum(), least(cost - limit, *cost.shape))


def test_some_of_the_rows_keep_their_own_numbers() -> None:
    cost = np.array([[0.0, 0.1, 0.2], [0.0, 0.1, 0.2], [0.3, 0.2, 0.1]])
    pairs = pair_some(cost, np.array([False, True, True]), np.array([False, True, True]), 0.5)
    assert (list(pairs.tracks), list(pairs.detections)) == ([1, 2], [1, 2])
    assert not len(pair_some(cost, np.zeros(3, bool), np.ones(3, bool), 0.5).tracks)
