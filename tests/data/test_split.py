"""Columns of images: labels never depend on the disk's order, and every row keeps its own labels."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.data.concatenation import concatenate
from passerby.data.split import JUNK, Benchmark, Split, split_from_names
from passerby.errors import DataError

ROWS = st.lists(
    st.tuples(st.sampled_from(["0002", "0010", "-1", "7", "é"]), st.sampled_from(["1", "2", "10"])),
    min_size=1,
    max_size=20,
)


def make(rows: list[tuple[str, str]], root: Path = Path("/data")) -> Split:
    paths = [f"{number}.jpg" for number in range(len(rows))]
    return split_from_names(root, paths, [row[0] for row in rows], [row[1] for row in rows])


@given(ROWS)
def test_every_row_keeps_the_name_it_came_with(rows: list[tuple[str, str]]) -> None:
    split = make(rows)
    for row, (identity, camera) in enumerate(rows):
        label = split.identities[row]
        assert (split.identity_names[label] if label != JUNK else "-1") == identity
        assert split.cameras is not None
        assert split.camera_names[split.cameras[row]] == camera
        assert split.path(row) == Path(f"/data/{row}.jpg")


@given(ROWS, st.randoms())
def test_labels_do_not_depend_on_the_order_of_the_rows(rows: list[tuple[str, str]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert make(rows).identity_names == make(shuffled).identity_names == tuple(sorted({i for i, _ in rows} - {"-1"}))
    assert make(rows).camera_names == make(shuffled).camera_names


@given(ROWS)
def test_relabelled_drops_junk_and_leaves_no_gap(rows: list[tuple[str, str]]) -> None:
    split = make(rows).take(np.arange(len(rows)) % 2 == 0).relabelled()
    expected = [identity for identity, _ in rows[::2] if identity != "-1"]
    assert [split.identity_names[label] for label in split.identities] == expected
    assert sorted(set(split.identities.tolist())) == list(range(len(split.identity_names)))


def test_counts_leave_junk_out() -> None:
    split = make([("a", "1"), ("a", "2"), ("-1", "3")])
    assert (len(split), split.identity_count, split.camera_count) == (3, 1, 3)
    assert split_from_names(Path(), ["x.jpg"], ["a"], None).camera_count == 0


def test_arrow_columns_and_lists_give_the_same_split() -> None:
    paths, identities = ["a/1.jpg", "b/2.jpg"], ["b", "-1"]
    from_lists = split_from_names(Path(), paths, identities, identities)
    from_arrow = split_from_names(
        Path(), pa.chunked_array([paths[:1], paths[1:]]), pa.array(identities), pa.chunked_array([identities])
    )
    assert from_lists.paths.to_pylist() == from_arrow.paths.to_pylist()
    assert from_lists.identities.tolist() == from_arrow.identities.tolist() == [0, JUNK]
    assert from_lists.cameras is not None
    assert from_arrow.cameras is not None
    assert from_lists.cameras.tolist() == from_arrow.cameras.tolist() == [1, 0]


def test_a_name_outside_the_given_list_is_refused() -> None:
    with pytest.raises(DataError, match="identity 'c' is not among the 2 names given"):
        split_from_names(Path(), ["1", "2", "3"], ["a", "-1", "c"], None, identity_names=("a", "b"))


@pytest.mark.parametrize("column", [np.zeros(2, dtype=np.int64), np.zeros(1, dtype=np.int32)])
def test_a_column_of_another_length_or_type_is_refused(column: np.ndarray) -> None:
    with pytest.raises(DataError, match="'frames' must be int64 of length 1"):
        split_from_names(Path(), ["1"], ["a"], None, frames=column)


def test_sets_that_share_names_stay_different_people(tmp_path: Path) -> None:
    first = make([("a", "1"), ("-1", "2"), ("b", "2")], tmp_path / "x")
    second = make([("a", "1"), ("c", "3")], tmp_path / "y" / "z")
    joined = concatenate([first, second])
    assert joined.identities.tolist() == [0, JUNK, 1, 2, 3]
    assert joined.identity_names == ("0/a", "0/b", "1/a", "1/c")
    assert joined.cameras is not None
    assert joined.cameras.tolist() == [0, 1, 1, 2, 3]
    assert [joined.path(row) for row in range(5)] == [s.path(r) for s in (first, second) for r in range(len(s))]


def test_a_column_that_one_set_lacks_is_left_out(tmp_path: Path) -> None:
    columns = {"tracks": np.array([0, 3]), "frames": np.array([5, 6])}
    full = split_from_names(tmp_path, ["1", "2"], ["a", "b"], ["1", "2"], **columns)
    bare = split_from_names(tmp_path, ["3"], ["a"], None)
    twice = concatenate([full, full])
    assert twice.tracks is not None
    assert twice.frames is not None
    assert twice.tracks.tolist() == [0, 3, 4, 7]
    assert twice.frames.tolist() == [5, 6, 5, 6]
    mixed = concatenate([full, bare])
    assert (mixed.cameras, mixed.camera_names, mixed.tracks, mixed.frames) == (None, (), None, None)
    assert concatenate([bare]) is bare
    with pytest.raises(DataError, match="no data set"):
        concatenate([])


def test_a_benchmark_says_which_part_it_lacks() -> None:
    images = make([("a", "1")])
    unnamed = split_from_names(Path(), ["1.jpg"], ["-1"], None)
    assert Benchmark("mine", images, None, None).training_split() is images
    assert Benchmark("mine", None, images, images).query_and_gallery() == (images, images)
    with pytest.raises(DataError, match="mine has no training images"):
        Benchmark("mine", None, images, images).training_split()
    with pytest.raises(DataError, match=r"mine has images but no identities: .*local_identity"):
        Benchmark("mine", unnamed, None, None).training_split()
    with pytest.raises(DataError, match="mine has no gallery images"):
        Benchmark("mine", None, images, None).query_and_gallery()
