"""Whoever is erased goes with every name they had; others can still be taken apart again, with theirs."""

from collections.abc import Iterator

import pytest

from passerby.gallery.gallery import Gallery, open_gallery
from tests.gallery.people import made_up
from tests.gallery.servers import Store

STRANGERS = 0.999


@pytest.fixture
def gallery(store: Store) -> Iterator[Gallery]:
    """Six tracklets, each a person of its own."""
    with open_gallery(store.location, create=True) as opened:
        opened.add(made_up(6))
        opened.identify(threshold=STRANGERS)
        yield opened


def people(gallery: Gallery) -> dict[str | None, list[int]]:
    return {each.name: sorted(each.tracklets) for each in gallery.identities() if each.name}


def of(gallery: Gallery, tracklet: int) -> int:
    return next(each.number for each in gallery.identities() if tracklet in each.tracklets)


def test_erasing_somebody_else_counts_one_and_leaves_a_merge_that_can_be_taken_back(gallery: Gallery) -> None:
    gallery.name(of(gallery, 1), "Alice Adams")
    gallery.name(of(gallery, 2), "Robert Brown")
    gallery.merge(of(gallery, 1), of(gallery, 2))
    assert gallery.erase([6]).identities == 1
    gallery.undo()
    assert people(gallery) == {"Alice Adams": [1], "Robert Brown": [2]}


def test_a_name_goes_with_its_tracklet_although_that_belonged_to_somebody_else_last(gallery: Gallery) -> None:
    gallery.name(of(gallery, 1), "Alice Adams")
    gallery.name(of(gallery, 2), "Robert Brown")
    gallery.merge(of(gallery, 1), of(gallery, 2))
    receipt = gallery.erase([2])
    assert receipt.identities == 0  # whose it was has another tracklet
    assert not receipt.files_left
    assert people(gallery) == {"Alice Adams": [1]}
    gallery.undo()
    assert people(gallery) == {"Alice Adams": [1]}  # the merge, of which Alice is left


def test_a_name_goes_although_a_tracklet_that_was_split_off_could_be_moved_back(gallery: Gallery) -> None:
    person = of(gallery, 1)
    gallery.name(person, "Robert Brown")
    gallery.merge(person, of(gallery, 2))
    gallery.split(person, [2])
    gallery.name(of(gallery, 2), "Alice Adams")
    assert gallery.erase([1]).identities == 1
    assert people(gallery) == {"Alice Adams": [2]}
    gallery.undo()
    gallery.undo()
    assert all(each.name != "Robert Brown" for each in gallery.identities())
