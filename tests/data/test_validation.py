"""A validation part: disjoint from training, and searchable."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.data.split import JUNK, Split, split_from_names
from passerby.data.validation import validation_split
from passerby.errors import DataError

SEEN = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), min_size=8, max_size=60)
"""Identity and camera of every image."""


def make(seen: list[tuple[int, int]], *, cameras: bool = True) -> Split:
    return split_from_names(
        Path("/data"),
        [f"{number:03d}.jpg" for number in range(len(seen))],
        [f"{identity:04d}" for identity, _ in seen],
        [str(camera) for _, camera in seen] if cameras else None,
    )


def names(split: Split) -> set[str]:
    return {split.identity_names[label] for label in split.identities}


@given(SEEN, st.integers(1, 9), st.integers(0, 5))
def test_every_query_has_another_camera_s_match_and_no_image_is_lost(
    seen: list[tuple[int, int]], number: int, seed: int
) -> None:
    whole = make(seen)
    try:
        train, query, gallery = validation_split(whole, identities=number, seed=seed)
    except DataError:
        return  # too few identities, or none that two cameras saw: tested below
    assert sorted(p for s in (train, query, gallery) for p in s.paths.to_pylist()) == whole.paths.to_pylist()
    assert len(names(query) | names(gallery)) == number
    assert not names(train) & (names(query) | names(gallery))
    assert sorted(set(train.identities.tolist())) == list(range(len(train.identity_names)))
    assert query.identity_names == gallery.identity_names
    assert train.camera_names == query.camera_names == gallery.camera_names == whole.camera_names
    assert query.cameras is not None
    assert gallery.cameras is not None
    pairs = list(zip(query.identities.tolist(), query.cameras.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    for identity, camera in pairs:
        assert np.any((gallery.identities == identity) & (gallery.cameras != camera))


@given(SEEN, st.integers(1, 9))
def test_as_many_cameras_as_possible_are_asked(seen: list[tuple[int, int]], number: int) -> None:
    """Brute force: for each identity, the largest set of cameras that can give up an image and all keep a match."""
    try:
        _, query, gallery = validation_split(make(seen), identities=number, seed=0)
    except DataError:
        return
    assert query.cameras is not None
    assert gallery.cameras is not None
    for label in range(len(query.identity_names)):
        images = np.concatenate([s.cameras[s.identities == label] for s in (query, gallery) if s.cameras is not None])
        cameras, counts = np.unique(images, return_counts=True)
        best = 0
        for choice in range(2 ** len(cameras)):
            chosen = np.array([choice >> bit & 1 for bit in range(len(cameras))])
            kept = counts - chosen
            if all(kept.sum() - kept[i] > 0 for i in np.flatnonzero(chosen)):
                best = max(best, int(chosen.sum()))
        assert int((query.identities == label).sum()) == best


def test_the_seed_decides_and_the_order_of_the_rows_does_not() -> None:
    seen = [(identity, camera) for identity in range(20) for camera in (1, 2, 2)]
    whole = make(seen)
    shuffled = whole.take(np.random.default_rng(3).permutation(len(whole)))
    first, again, other = (
        set(validation_split(split, identities=0.25, seed=seed)[1].paths.to_pylist())
        for split, seed in ((whole, 1), (shuffled, 1), (whole, 2))
    )
    assert first == again != other
    assert len(first) == 5  # camera 2 keeps its images: it is what camera 1's query finds


def test_an_identity_of_one_camera_becomes_a_distractor() -> None:
    seen = [(0, 1), (0, 1), (1, 1), (1, 2), (2, 1), (2, 2)]
    for seed in range(10):
        _, query, gallery = validation_split(make(seen), identities=2, seed=seed)
        if "0000" in names(gallery):
            assert "0000" not in names(query)
            return
    pytest.fail("identity 0000 was never drawn")


def test_without_cameras_one_image_of_each_identity_is_asked_for() -> None:
    whole = make([(identity, 1) for identity in range(6) for _ in range(identity + 1)], cameras=False)
    _, query, gallery = validation_split(whole, identities=5, seed=0)
    assert len(query) == query.identity_count
    assert names(query) == names(gallery) - {"0000"}


def test_junk_takes_no_part() -> None:
    whole = split_from_names(Path(), ["1", "2", "3", "4"], ["a", "a", "b", "-1"], None)
    train, query, gallery = validation_split(whole, identities=1, seed=1)
    assert len(train) + len(query) + len(gallery) == 3
    assert JUNK not in train.identities


@pytest.mark.parametrize("number", [0, 10, -1, 0.0, 1.5, 10.0, -0.5])
def test_a_number_that_leaves_nothing_is_refused(number: float) -> None:
    whole = make([(identity, camera) for identity in range(10) for camera in (1, 2)])
    with pytest.raises(DataError, match=f"cannot set {number:g} of 10 identities aside for validation"):
        validation_split(whole, identities=number, seed=0)


@pytest.mark.parametrize(("asked", "expected"), [(3, 3), (3.0, 3), (0.3, 3), (0.01, 1), (1.0, 1), (0.9, 9)])
def test_a_number_or_a_fraction(asked: float, expected: int) -> None:
    whole = make([(identity, camera) for identity in range(10) for camera in (1, 2)])
    train, query, _ = validation_split(whole, identities=asked, seed=0)
    assert (query.identity_count, train.identity_count) == (expected, 10 - expected)


def test_people_of_one_camera_cannot_be_searched_for() -> None:
    with pytest.raises(DataError, match="none of the 2 identities set aside"):
        validation_split(make([(0, 1), (0, 1), (1, 2), (2, 3)]), identities=2, seed=0)
