"""Who is found to be who, against worlds where that is known and against doing everything at once."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.identities import identifying
from passerby.gallery.identities.identifying import owners_of
from passerby.gallery.records import Feature, NewTracklet
from tests.gallery.identities.worlds import everything, partition, scores, walks
from tests.gallery.people import MORNING, SIZES, unit
from tests.gallery.servers import Store


@pytest.fixture
def gallery(store: Store) -> Iterator[Gallery]:
    with open_gallery(store.location, create=True, actor="tester") as opened:
        yield opened


def overlapping(one: NewTracklet, other: NewTracklet) -> bool:
    return one.video == other.video and max(one.begins, other.begins) <= min(one.ends, other.ends)


def f1(found: set[frozenset[str]], tracklets: list[NewTracklet], who: list[int]) -> float:
    precision, recall = scores(found, tracklets, who)
    return 2 * precision * recall / max(1e-9, precision + recall)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_people_are_found_again_nearly_as_well_as_with_the_threshold_that_is_best_in_hindsight(
    gallery: Gallery, seed: int
) -> None:
    tracklets, who = walks(seed=seed)
    gallery.add(tracklets)
    gallery.identify()
    found = f1(partition(gallery), tracklets, who)
    best = 0.0
    for threshold in np.arange(0.3, 0.8, 0.05):
        gallery.identify(threshold=float(threshold))
        best = max(best, f1(partition(gallery), tracklets, who))
    assert best > 0.95
    assert found > 0.93 * best


def test_nobody_is_at_two_places_at_once_and_everybody_has_an_identity(gallery: Gallery) -> None:
    tracklets, _ = walks()
    gallery.add(tracklets)
    outcome = gallery.identify(threshold=0.2)
    found = partition(gallery)
    assert outcome.identities == outcome.founded == len(found)
    assert outcome.moved == len(tracklets)
    by_key = {each.key: each for each in tracklets}
    for group in found:
        assert not any(overlapping(by_key[one], by_key[other]) for one, other in combinations(group, 2))


def test_the_outcome_is_the_same_in_any_order_at_once_or_bit_by_bit(tmp_path: Path) -> None:
    tracklets, _ = walks(30)
    order = np.random.default_rng(0).permutation(len(tracklets)).tolist()
    found = []
    for name, parts in (
        ("whole", [tracklets]),
        ("shuffled", [[tracklets[place] for place in order]]),
        ("in parts", [tracklets[:70], tracklets[70:71], tracklets[71:]]),
    ):
        with open_gallery(tmp_path / name, create=True) as gallery:
            for part in parts:
                gallery.add(part)
                gallery.identify(threshold=0.55)
            found.append(partition(gallery))
    assert found[0] == found[1] == found[2]


def test_identifying_again_changes_nothing_not_even_after_reopening(tmp_path: Path) -> None:
    with open_gallery(tmp_path, create=True) as gallery:
        gallery.add(walks()[0])
        first = gallery.identify()
        before = everything(gallery)
        assert gallery.identify() == first._replace(founded=0, moved=0)
        assert len(gallery.history()) == 1
    with open_gallery(tmp_path) as gallery:
        assert everything(gallery) == before
        gallery.identify()
        assert everything(gallery) == before


def test_those_who_come_later_join_identities_that_keep_their_numbers(gallery: Gallery) -> None:
    tracklets, who = walks(seed=3)
    gallery.add(tracklets[:120])
    gallery.identify(threshold=0.55)
    before = {each.number: set(each.tracklets) for each in gallery.identities()}
    gallery.add(tracklets[120:])
    gallery.identify(threshold=0.55)
    after = {each.number: set(each.tracklets) for each in gallery.identities()}
    kept = [number for number in before if before[number] <= after.get(number, set())]
    assert len(kept) > 0.9 * len(before)
    assert sum(len(after[number]) > len(before[number]) for number in kept) > 20
    assert min(scores(partition(gallery), tracklets, who)) > 0.9


def test_what_is_confirmed_stays_however_wrong_and_others_may_join_it(gallery: Gallery) -> None:
    tracklets, who = walks()
    gallery.add(tracklets[:80])
    gallery.identify(threshold=0.55)
    anna, bob, carl = (each.number for each in gallery.identities()[:3])
    gallery.name(anna, "Anna")
    gallery.merge(bob, carl)  # two people
    before = {number: set(gallery.identity(number).tracklets) for number in (anna, bob)}
    gallery.add(tracklets[80:])
    gallery.identify(threshold=0.55)
    after = {number: set(gallery.identity(number).tracklets) for number in (anna, bob)}
    assert before[anna] <= after[anna]
    assert before[bob] <= after[bob]
    person = who[min(before[anna]) - 1]
    same = {number + 1 for number, each in enumerate(who) if each == person}
    assert len(after[anna] & same) > len(before[anna])
    gallery.identify(threshold=-0.99)
    assert set(gallery.identity(anna).tracklets).isdisjoint(gallery.identity(bob).tracklets)
    gallery.identify(threshold=0.99)
    assert before[anna] <= set(gallery.identity(anna).tracklets)


def test_decisions_are_kept_whatever_the_features_say(gallery: Gallery) -> None:
    tracklets, _ = walks(20)
    gallery.add(tracklets)
    gallery.identify(threshold=0.55)
    groups = [each.tracklets for each in gallery.identities() if len(each.tracklets) > 1]
    alike, unlike = groups[0][:2], (groups[1][0], groups[2][0])
    gallery.decide(*alike, same=False)
    gallery.decide(*unlike, same=True)
    gallery.identify(threshold=0.55)
    owners = {number: each.number for each in gallery.identities() for number in each.tracklets}
    assert owners[alike[0]] != owners[alike[1]]
    assert owners[unlike[0]] == owners[unlike[1]]
    for threshold in (-0.99, 0.99):
        gallery.identify(threshold=threshold)
        owners = {number: each.number for each in gallery.identities() for number in each.tracklets}
        assert owners[alike[0]] != owners[alike[1]]
        assert owners[unlike[0]] == owners[unlike[1]]
    gallery.decide(*alike, same=None)
    gallery.decide(*unlike, same=None)
    gallery.identify(threshold=0.55)
    assert set(groups) == {each.tracklets for each in gallery.identities() if len(each.tracklets) > 1}


def alone(key: str, camera: str, second: float) -> NewTracklet:
    feature = np.zeros(SIZES.dim, np.float32)
    feature[:2] = 1, len(key) / 100
    when = MORNING + timedelta(seconds=second)
    return NewTracklet(
        key, camera, f"video of {key}", 0.0, 1.0, 10, 100.0, taken_from=when, taken_to=when + timedelta(seconds=10),
        features={SIZES: Feature(unit(feature))},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("travel_time", "clock_offset", "second", "one_person"),
    [
        (None, 0, 5, True),  # nothing is known: the cameras may overlap
        (0, 0, 5, False),
        (0, 0, 10, True),
        (60, 0, 69, False),
        (60, 0, 70, True),
        (60, 0, -69, False),
        (60, 0, -70, True),
        (0, 100, 5, True),  # its clock is ahead: it was a while before
        (0, 100, 105, False),
    ],
)
def test_nobody_is_in_two_cameras_sooner_than_the_way_takes(
    gallery: Gallery, travel_time: float | None, clock_offset: float, second: float, one_person: bool
) -> None:
    gallery.add([alone("a", "here", 0), alone("bb", "there", second)])
    gallery.set_travel_time("here", "there", travel_time)
    gallery.set_clock("there", clock_offset)
    gallery.identify(threshold=0.5)
    assert len(gallery.identities()) == (1 if one_person else 2)


def test_a_camera_that_is_not_there_or_a_time_that_is_none_is_refused_in_one_line(gallery: Gallery) -> None:
    gallery.add([alone("a", "here", 0), alone("bb", "there", 5)])
    gallery.set_travel_time("here", "there", 7)
    assert [(each.name, each.travel_times) for each in gallery.camera_network()] == [
        ("here", {"there": 7.0}),
        ("there", {"here": 7.0}),
    ]
    for camera, other, seconds, message in (
        ("here", "nowhere", 1.0, "no camera 'nowhere'"),
        ("here", "here", 1.0, "two different cameras"),
        ("here", "there", -1.0, "from 0 on, not -1.0"),
        ("here", "there", float("nan"), "not nan"),
    ):
        with pytest.raises(GalleryError, match=message):
            gallery.set_travel_time(camera, other, seconds)
    with pytest.raises(GalleryError, match="a number of seconds, not inf"):
        gallery.set_clock("here", float("inf"))


def test_too_little_evidence_and_thresholds_that_are_none_are_told_in_one_line(gallery: Gallery) -> None:
    with pytest.raises(GalleryError, match="no features of any model"):
        gallery.identify()
    tracklets = walks(4)[0]
    gallery.add([*tracklets, replace(tracklets[0], key="without features", features={})])
    with pytest.raises(GalleryError, match="and 200 are needed"):
        gallery.identify()
    for wrong in (1.0, -1.0, float("nan")):
        with pytest.raises(GalleryError, match="a cosine between -1 and 1"):
            gallery.identify(threshold=wrong)
    gallery.identify(threshold=0.5)
    assert gallery.get([17])[0].identity is None
    gallery.add(walks(60, seed=9)[0])
    with pytest.raises(GalleryError, match="false_links is a number above 0"):
        gallery.identify(false_links=0)


def test_a_gallery_with_identities_finds_each_person_once(gallery: Gallery) -> None:
    tracklets, _ = walks()
    gallery.add(tracklets)
    gallery.search(tracklets[0].features[SIZES].vector)
    gallery.identify()
    hits = gallery.search(tracklets[0].features[SIZES].vector, by_identity=True, count=1000)
    owners = [hit.tracklet.identity for hit in hits]
    assert sorted(owners, key=str) == sorted((each.number for each in gallery.identities()), key=str)


def test_groups_go_on_as_the_identity_that_most_of_their_tracklets_had() -> None:
    groups = np.array([0, 0, 0, 1, 1, 2, 2, 3])
    identities = np.array([7, 7, 5, 7, 5, 9, 0, 0])
    confirmed = np.array([0, 0, 0, 0, 0, 9, 0, 0])
    assert owners_of(groups, identities, confirmed).tolist() == [7, 5, 9, 0]


def test_what_somebody_changes_meanwhile_is_honoured(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tracklets, _ = walks(10)
    with open_gallery(store.location, create=True) as gallery, open_gallery(store.location) as other:
        gallery.add(tracklets)
        gallery.identify(threshold=0.55)
        first, second, third = (each.number for each in gallery.identities()[:3])
        gone = gallery.identity(third).tracklets
        begun: list[int] = []
        grouped = identifying.group_decided

        def interrupted(*given: Any, **named: Any) -> np.ndarray:
            begun.append(1)
            if len(begun) == 1:
                other.merge(first, second)
            if len(begun) == 2:
                other.erase(gone)
            return grouped(*given, **named)

        monkeypatch.setattr(identifying, "group_decided", interrupted)
        gallery.identify(threshold=0.9)
        assert len(begun) == 3
        assert gallery.identity(first).confirmed
        assert sum(len(each.tracklets) for each in gallery.identities()) == len(tracklets) - len(gone)

        def always_interrupted(*given: Any, **named: Any) -> np.ndarray:
            other.name(first)
            return grouped(*given, **named)

        monkeypatch.setattr(identifying, "group_decided", always_interrupted)
        with pytest.raises(GalleryError, match="others keep changing identities"):
            gallery.identify(threshold=0.5)


def _identify_for_ever(folder: Path) -> None:
    with open_gallery(folder) as gallery:
        while True:
            for threshold in (0.4, 0.7):
                gallery.identify(threshold=threshold)


def test_a_killed_run_leaves_the_identities_of_one_run_as_a_whole(tmp_path: Path) -> None:
    tracklets, _ = walks(60)
    wholes = []
    with open_gallery(tmp_path, create=True) as gallery:
        gallery.add(tracklets)
        for threshold in (0.4, 0.7):
            gallery.identify(threshold=threshold)
            wholes.append(partition(gallery))
    for pause in (0.0, 0.05, 0.13, 0.2):
        process = multiprocessing.get_context("spawn").Process(target=_identify_for_ever, args=(tmp_path,))
        with open_gallery(tmp_path) as gallery:
            before = len(gallery.history())
            process.start()
            while len(gallery.history()) < before + 2:
                time.sleep(0.01)
        time.sleep(pause)
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with open_gallery(tmp_path) as gallery:
            assert partition(gallery) in wholes
            moved = gallery.history()[-1].moved
            assert moved
            gallery.undo()
            assert partition(gallery) in wholes
