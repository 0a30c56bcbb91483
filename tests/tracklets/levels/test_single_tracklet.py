from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from passerby.tracklets.distance import directions, group_sums
from passerby.tracklets.levels.single_tracklet import exclude_deviating
from passerby.tracklets.noise import radii
from tests.tracklets import naive


def tracklets(seed, count, spread):
    """Tracklets of 1 to 12 samples, whole numbers among the coordinates so that ties occur."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 13, count)
    rows = np.round(
        generator.standard_normal((sizes.sum(), 4)) * 2
        + spread * np.repeat(np.eye(4)[generator.integers(0, 4, count)], sizes, axis=0)
    )
    rows[~rows.any(axis=1)] = [1, 0, 0, 0]
    return naive.unit(rows), np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([0, 3, 8]), sigma=st.sampled_from([0.05, 0.21, 0.5, 1.1]))
def test_equals_the_definition(seed, spread, sigma):
    rows, offsets = tracklets(seed, 5, spread)
    found = exclude_deviating(rows, offsets, sigma)
    for begin, end in pairwise(offsets):
        kept, excluded, compared = naive.level1(rows[begin:end], sigma)
        assume(naive.settled([(value, sigma) for value in compared]))
        assert np.flatnonzero(~found.excluded[begin:end]).tolist() == kept
        assert found.deviation[begin:end][excluded] == pytest.approx(compared[: len(excluded)], abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([0, 3, 8]), sigma=st.sampled_from([0.051, 0.2137, 0.5137]))
def test_leaves_no_noise_and_nothing_to_do(seed, spread, sigma):
    rows, offsets = tracklets(seed, 6, spread)
    kept = ~exclude_deviating(rows, offsets, sigma).excluded
    labels = np.repeat(np.arange(6), np.diff(offsets))[kept]
    again = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=6))]).astype(np.int64)
    assert (np.diff(again) > 0).all()
    centroids = directions(group_sums(rows[kept], again), np.diff(again))
    assert (radii(rows[kept], again, centroids) < sigma).all()
    assert not exclude_deviating(rows[kept], again, sigma).excluded.any()


def test_of_two_that_differ_the_first_is_excluded():
    rows = np.eye(2)
    found = exclude_deviating(rows, np.array([0, 2]), 0.2)
    assert found.excluded.tolist() == [True, False]
    assert found.deviation[0] == pytest.approx(1)
    assert np.isnan(found.deviation[1])


def test_a_single_sample_is_kept():
    found = exclude_deviating(np.eye(3), np.array([0, 1, 2, 3]), 0.2)
    assert not found.excluded.any()
    assert np.isnan(found.deviation).all()


def test_a_centroid_without_direction_is_far_from_everything():
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    found = exclude_deviating(rows, np.array([0, 3]), 0.9)
    kept, excluded, _ = naive.level1(rows, 0.9)
    assert np.flatnonzero(~found.excluded).tolist() == kept
    assert len(excluded) == 2


def test_a_long_tracklet_stays_exact():
    generator = np.random.default_rng(0)
    rows = naive.unit(np.eye(16)[0] * 3 + generator.standard_normal((150, 16)))
    found = exclude_deviating(rows, np.array([0, 150]), 0.42)
    kept, excluded, compared = naive.level1(rows, 0.42)
    assert len(excluded) > 40
    assert np.flatnonzero(~found.excluded).tolist() == kept
    assert found.deviation[excluded] == pytest.approx(compared[: len(excluded)], abs=1e-12)
