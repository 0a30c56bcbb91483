"""What an erasure would reach is what a loop over all tracklets finds, and only that goes, from every file."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import ModelKey
from passerby.gallery.search import Filters
from tests.gallery.erasure.test_erasing import files_with, texts_and_bytes, with_pictures
from tests.gallery.people import MODEL, MORNING, SIZES, crowd, made_up
from tests.gallery.servers import Store


@pytest.fixture
def gallery(store: Store) -> Iterator[Gallery]:
    with open_gallery(store.location, create=True, actor="tester") as opened:
        yield opened


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(cameras=["cam1"]),
        Filters(cameras=["cam0", "cam2"], since=MORNING + minutes(2), until=MORNING + minutes(4)),
        Filters(since=MORNING + minutes(5)),
        Filters(until=MORNING + minutes(1)),
        Filters(cameras=["cam1"], min_height=100, min_visible=0.3),
    ],
)
def test_everybody_of_cameras_and_times_is_reached_but_for_the_held(gallery: Gallery, filters: Filters) -> None:
    tracklets = made_up(60)
    tracklets[57:] = [replace(each, taken_from=None, taken_to=None) for each in tracklets[57:]]
    gallery.add(tracklets)
    for number in (1, 2, 3, 25, 26, 41):
        gallery.hold(tracklet=number, reason="case 12")
    expected, undated = [], 0
    for number, each in enumerate(tracklets, start=1):
        if filters.cameras is not None and each.camera not in filters.cameras:
            continue
        if filters.since or filters.until:
            if each.taken_from is None or each.taken_to is None:
                undated += 1
                continue
            if (filters.since and each.taken_to < filters.since) or (filters.until and each.taken_from > filters.until):
                continue
        if each.height >= filters.min_height and each.visible >= filters.min_visible:
            expected.append(number)
    held = sorted({1, 2, 3, 25, 26, 41} & set(expected))
    assert held
    plan = gallery.plan_erasure(filters=filters)
    assert plan.numbers == [number for number in expected if number not in held]
    assert (list(plan.held), plan.undated, plan.probabilities, plan.same_people) == (held, undated, {}, [])
    assert len(gallery) == 60
    assert gallery.log()[-1].action == "hold"


def test_an_hour_of_a_camera_is_in_no_file_after_it_was_erased(gallery: Gallery, store: Store) -> None:
    tracklets = with_pictures(made_up(120))
    gallery.add(tracklets)
    gallery.hold(tracklet=2, reason="case 12")
    filters = Filters(cameras=["cam1"], until=MORNING + minutes(6))
    plan = gallery.plan_erasure(filters=filters)
    assert 2 not in plan.numbers
    receipt = gallery.erase(plan.numbers, reason="nobody was told of the camera")
    assert receipt.tracklets == len(plan.numbers) > 10
    gone = [piece for number in plan.numbers for piece in texts_and_bytes(tracklets[number - 1])[1:6:2]]
    assert files_with(store.files, gone) == set()
    assert files_with(store.files, texts_and_bytes(tracklets[1]))
    left = gallery.plan_erasure(filters=filters)
    assert (left.numbers, list(left.held)) == ([], [2])
    assert len(gallery) == 120 - receipt.tracklets
    assert [each.kind for each in gallery.verify() if each.kind != "picture"] == []


def test_who_looks_like_somebody_is_reached_from_a_probability_on(gallery: Gallery) -> None:
    tracklets = crowd(400)
    twins = [
        replace(each, key=f"again/{each.key}", camera="cam9", video=f"w{n}") for n, each in enumerate(tracklets[:9])
    ]
    gallery.add([*tracklets, *twins])
    query = tracklets[4].features[SIZES].vector
    calibration = gallery.calibration()
    everyone = gallery.search(query, count=1_000)
    for probability in (0.2, 0.9, 0.999):
        plan = gallery.plan_erasure(query, probability=probability, reason="asked for it")
        assert plan.numbers == [hit.tracklet.number for hit in everyone if (hit.probability or 0) >= probability]
        assert plan.probabilities == {
            hit.tracklet.number: hit.probability for hit in everyone if (hit.probability or 0) >= probability
        }
        assert calibration.probability(calibration.cosine(probability)) == pytest.approx(probability)
    assert (gallery.log()[-1].action, gallery.log()[-1].reason) == ("search", "asked for it")
    assert plan.numbers[:2] == [5, 405]
    assert gallery.plan_erasure(query, probability=0.9, filters=Filters(cameras=["cam9"])).numbers[0] == 405
    gallery.hold(tracklet=405, reason="case 12")
    held = gallery.plan_erasure(query, probability=0.9)
    assert (405 in held.numbers, list(held.held)) == (False, [405])


def test_tracklets_of_the_same_identity_that_are_less_alike_are_named(gallery: Gallery) -> None:
    tracklets = crowd(400)
    gallery.add(tracklets)
    with gallery._database.writing() as transaction:
        transaction.run("INSERT INTO identities (confirmed) VALUES (0)")
        transaction.run("UPDATE tracklets SET identity = 1 WHERE id IN (5, 17, 300)")
    plan = gallery.plan_erasure(tracklets[4].features[SIZES].vector, probability=0.999)
    assert plan.numbers[0] == 5
    assert list(plan.same_people) == sorted({17, 300} - set(plan.numbers))


def test_what_cannot_be_planned_is_told_in_one_line(gallery: Gallery) -> None:
    gallery.add(made_up(20))
    query = made_up(1)[0].features[MODEL].vector
    for given, message in (
        ({}, "say what to erase"),
        ({"features": query}, "needs features and a probability"),
        ({"features": query, "probability": 0.9}, "probabilities are not known"),
        ({"features": query, "probability": 1.0}, "lies between 0 and 1"),
        ({"features": query, "probability": math.nan}, "lies between 0 and 1"),
        ({"features": np.full(16, np.nan, np.float32), "probability": 0.9}, "not known|not finite"),
        ({"filters": Filters(cameras=["roof"])}, "no tracklet of camera roof: the cameras are cam0, cam1, cam2"),
        ({"filters": Filters(since=MORNING.replace(tzinfo=None))}, "needs a time zone"),
        ({"features": query, "probability": 0.9, "model": ModelKey("b" * 64, "other", 16)}, "no features of other"),
    ):
        with pytest.raises(GalleryError, match=message) as caught:
            gallery.plan_erasure(**given)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    assert len(gallery) == 20
