"""Pages of a list of identities are those of a list of all, sorted and chosen."""

import itertools
from typing import Any

import pytest

from passerby.gallery.gallery import open_gallery
from passerby.gallery.identities.labelled import LabelledPerson
from passerby.gallery.identities.listing import Listed
from passerby.gallery.identities.people import Identity
from tests.gallery.people import made_up
from tests.gallery.servers import Store

NAMES = ["Zoë", None, "anna", "Änne", None, "Ann ÉTÉ", None]


def place(identity: Identity, order: str) -> Any:
    if order == "name":
        return identity.name is None, (identity.name or "").casefold(), identity.number
    return (-len(identity.tracklets) if order == "tracklets" else 0), identity.number


def test_pages_are_those_of_the_whole_list(store: Store) -> None:
    with open_gallery(store.location, create=True) as gallery:
        tracklets = made_up(28, people=7)
        gallery.add(tracklets)
        keys = [each.key for each in tracklets]
        sizes = itertools.accumulate([0, 1, 2, 3, 4, 5, 6, 7])
        people = [keys[begin:end] for begin, end in itertools.pairwise(sizes)]
        gallery.take_over([LabelledPerson(each, confirmed=number % 2 == 0) for number, each in enumerate(people)])
        for identity, name in zip(gallery.identities(), NAMES, strict=True):
            if name is not None:
                gallery.name(identity.number, name)
        known, cameras = gallery.identities(), list(gallery.cameras())
        assert len(cameras) > 1
        for order, name, camera, confirmed in itertools.product(
            ("tracklets", "number", "name"),
            (None, "", "ann", "été", "nobody", "3", " 5 "),
            (None, cameras[0]),
            (None, True, False),
        ):
            expected = sorted(
                (
                    each
                    for each in known
                    if (name is None or name in (each.name or "").casefold() or name.strip() == str(each.number))
                    and (camera is None or camera in each.cameras)
                    and (confirmed is None or each.confirmed == confirmed)
                ),
                key=lambda each: place(each, order),
            )
            listed = Listed(order, name, camera, confirmed)  # type: ignore[arg-type]
            assert gallery.identity_page(listed, offset=0, limit=500) == (expected, len(expected))
            assert gallery.identity_page(listed, offset=2, limit=3) == (expected[2:5], len(expected))


@pytest.mark.parametrize("order", ["tracklets", "number", "name"])
def test_a_list_of_nobody_is_empty(store: Store, order: Any) -> None:
    with open_gallery(store.location, create=True) as gallery:
        assert gallery.identity_page(Listed(order)) == ([], 0)
