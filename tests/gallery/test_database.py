"""What statements about many rows share."""

import pytest

from passerby.gallery.database import in_parts


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (500, [500]), (501, [500, 1]), (1001, [500, 500, 1])])
def test_many_values_go_into_as_many_statements_as_they_need(count: int, sizes: list[int]) -> None:
    parts = list(in_parts(range(count)))
    assert [value for some, _ in parts for value in some] == list(range(count))
    assert [(len(some), marks.count("?")) for some, marks in parts] == [(size, size) for size in sizes]
