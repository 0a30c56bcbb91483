"""A time line covers what was seen, and nothing that is further off than a step."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from passerby.report.gallery.lanes import lane

SPANS = st.lists(st.tuples(st.floats(0, 900), st.floats(0, 100)).map(lambda pair: (pair[0], pair[0] + pair[1])))


@given(SPANS)
def test_bars_cover_what_was_seen_within_a_step(spans: list[tuple[float, float]]) -> None:
    bars = [(float(left), float(left) + float(width)) for left, width in lane(spans, 0, 1000)]
    assert bars == sorted(bars)
    assert all(before[1] < after[0] for before, after in pairwise(bars))
    step = 100 / 300 + 0.02
    for moment in range(0, 1001, 7):
        away = min((max(first - moment, moment - last, 0) / 10 for first, last in spans), default=100.0)
        drawn = any(left - 0.02 <= moment / 10 <= right + 0.02 for left, right in bars)
        if away == 0:
            assert drawn
        if away > step:
            assert not drawn


def test_a_line_without_length_has_one_bar() -> None:
    assert lane([(5.0, 5.0)], 5.0, 5.0) == [("0.00", "0.33")]
