"""Arrays that grow keep their rows, and whoever has some of them keeps these as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.gallery.columns import growing
from passerby.gallery.columns.growing import Growing


@given(parts=st.lists(st.lists(st.integers(-100, 100), max_size=6), max_size=12), first=st.integers(0, 5))
def test_rows_are_those_appended_and_earlier_views_stay(parts: list[list[int]], first: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing, "_LEAST_ROOM", 3)
        array: Growing[np.int64] = Growing(np.int64, (2,), first)
        before, expected = [], []
        for part in parts:
            array.append(np.array([[number, -number] for number in part], np.int64).reshape(-1, 2))
            expected += part
            assert array.rows.tolist() == [[number, -number] for number in expected]
            before.append((array.rows, list(expected)))
        for rows, numbers in before:
            assert rows[:, 0].tolist() == numbers
