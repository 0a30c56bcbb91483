"""Counts beside windows, against comparing every value with every window."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.metrics.ranking import window_counts
from passerby.metrics.ranking.window_counts import WindowCounts


def obvious(values, low, high):
    within = ((values >= low[:, None]) & (values <= high[:, None])).any(axis=0)
    return (values[~within] > high[:, None]).sum(axis=1), np.flatnonzero(within)


def assert_counts(problems, settle_after):
    """Each problem is the values, lows and highs of one query."""
    low, high = (np.concatenate([problem[place] for problem in problems]) for place in (1, 2))
    offsets = np.concatenate([[0], np.cumsum([problem[1].size for problem in problems])])
    counts = WindowCounts(low, high, offsets)
    found = []
    for number, (values, _, _) in enumerate(problems):
        lent = values.copy()
        counts.add(lent)
        lent[:] = np.nan
        if number % settle_after == 0 or number == len(problems) - 1:
            found.append(counts.settle())
    queries, places = (np.concatenate(column) for column in zip(*found, strict=True))
    for number, problem in enumerate(problems):
        above, within = obvious(*problem)
        np.testing.assert_array_equal(counts.above[offsets[number] : offsets[number + 1]], above)
        np.testing.assert_array_equal(places[queries == number], within)
    assert (np.diff(queries) >= 0).all()


numbers = st.one_of(
    st.sampled_from([-np.inf, -0.0, 0.0, 1e-45, -1e-45, 1e7]), st.integers(-6, 6), st.floats(-3, 3, width=32)
)


@st.composite
def queries(draw):
    values = np.array(draw(st.lists(numbers, min_size=1, max_size=30)), dtype=np.float32)
    centres = draw(st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=6))
    width = draw(st.sampled_from([0.0, 1e-45, 1e-6, 0.5, 100.0]))
    ends = np.sort(np.array(centres, dtype=np.float32))[::-1]
    below, above = (np.float32(value) for value in (-np.inf, np.inf))
    width = np.float32(width)
    return values, np.nextafter(ends - width, below), np.nextafter(ends + width, above)


@settings(max_examples=300, deadline=None)
@given(
    problems=st.lists(queries(), min_size=1, max_size=4),
    bins=st.sampled_from([1, 7, 64]),
    few=st.sampled_from([0, 3]),
    settle_after=st.integers(1, 4),
)
def test_counts_are_those_of_comparing_every_value_with_every_window(problems, bins, few, settle_after):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_counts, "_BINS", (bins, bins))
        patch.setattr(window_counts, "_FEW_VALUES", few)
        assert_counts(problems, settle_after)


@pytest.mark.parametrize("windows", [1, 14, 800])
@pytest.mark.parametrize("spread", [1.0, 1e-4, 0.0])
def test_so_are_those_of_many_values_spread_out_or_all_alike(windows, spread):
    generator = np.random.default_rng(windows)
    problems = []
    for _ in range(3):
        centres = np.sort(1 + spread * generator.standard_normal(windows))[::-1]
        values = np.float32(1 + spread * generator.standard_normal(5000))
        values[::7] = -np.inf
        problems.append((values, np.float32(centres - 2e-6), np.float32(centres + 2e-6)))
    assert_counts(problems, 2)
