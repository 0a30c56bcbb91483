from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.video.reading.time_stamps import Pace, TimeStamps


def times(stamps: list[float], step: float = 0.04) -> tuple[list[float], list[int], list[int]]:
    """The times, and the places of what was repaired and what jumped."""
    repair = TimeStamps(step)
    found = [repair.next(stamp) for stamp in stamps]
    return (
        [each.seconds for each in found],
        [place for place, each in enumerate(found) if each.repaired],
        [place for place, each in enumerate(found) if each.jumped],
    )


@pytest.mark.parametrize(
    ("stamps", "expected", "repaired", "jumped"),
    [
        ([5.0, 5.04, 5.08], [0, 0.04, 0.08], [], []),
        ([0.0, 0.0, 0.0, 0.12], [0, 0.04, 0.08, 0.12], [1, 2], []),
        ([0.0, 0.04, nan, 0.12], [0, 0.04, 0.08, 0.12], [2], []),
        ([nan, nan, inf], [0, 0.04, 0.08], [0, 1, 2], []),
        ([0.0, 0.04, 0.08, 0.06, 0.16], [0, 0.04, 0.08, 0.12, 0.16], [3], []),
        ([100.0, 100.04, 3.0, 3.04, 3.08], [0, 0.04, 0.08, 0.12, 0.16], [2], [2]),
        ([100.0, 100.04, 0.0, 0.04, 0.08], [0, 0.04, 0.08, 0.12, 0.16], [2, 3], [3]),
        ([0.0, 0.04, 0.08, 0.04, 0.08, 0.12, 0.16], [0, 0.04, 0.08, 0.12, 0.14, 0.16, 0.18], [3, 4, 5, 6], []),
        ([0.0, 0.04, 0.08, 0.04, 0.08, 0.16, 0.24], [0, 0.04, 0.08, 0.12, 0.14, 0.16, 0.24], [3, 4], []),
        ([0.0, 0.04, 7.0, 7.04], [0, 0.04, 7.0, 7.04], [], [2]),
        ([0.0, 2.0, 4.0, 6.0], [0, 2, 4, 6], [], [1]),
    ],
)
def test_times_grow(stamps: list[float], expected: list[float], repaired: list[int], jumped: list[int]) -> None:
    found = times(stamps)
    assert found[0] == pytest.approx(expected)
    assert found[1:] == (repaired, jumped)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 100), max_size=60))
def test_times_grow_whatever_the_stamps(stamps: list[float]) -> None:
    found = times(stamps)[0]
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize(
    ("fps", "rate", "expected"), [(None, 25, range(10)), (5, 25, [0, 5]), (30, 25, range(10)), (10, 25, [0, 3, 6, 9])]
)
def test_the_pace_goes_by_time(fps: float | None, rate: float, expected: list[int]) -> None:
    pace = Pace(fps)
    assert [number for number in range(10) if pace.takes(number / rate)] == list(expected)


def test_rounding_to_milliseconds_does_not_halve_the_pace() -> None:
    pace = Pace(15)
    assert [number for number in range(9) if pace.takes(round(number / 30, 3))] == [0, 2, 4, 6, 8]
