"""Whom a model learns from, whom it is judged by, and that neither contradicts what people said."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passerby.errors import GalleryError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.identities.decisions import Decision
from passerby.gallery.identities.people import Identity
from passerby.gallery.records import Feature, ModelKey, NewTracklet, Tracklet
from passerby.workflows.adapting.choosing import Chosen, choose
from passerby.workflows.adapting.division import divide, seen_at_once
from passerby.workflows.adapting.judging import is_worse, judge
from passerby.workflows.adapting.learning_data import Plan
from passerby.workflows.adapting.persons import persons_to_learn
from tests.gallery.people import unit
from tests.workflows.adapting.worlds import labelled, person_of, sights

MODEL = ModelKey("d" * 64, "of colours", 64)


def identity(number: int, *tracklets: int, confirmed: bool = False) -> Identity:
    return Identity(number, None, None, confirmed, tracklets, ("cam0",))


def test_decisions_make_identities_one_person_or_leave_them_out() -> None:
    known = [identity(3, 1, 2), identity(5, 4), identity(8, 6, 7, confirmed=True), identity(9, 10, 11)]
    said = [Decision(2, 4, True), Decision(4, 6, True), Decision(10, 11, False), Decision(1, 10, False)]
    persons = persons_to_learn(known, [*said, Decision(1, 99, True)])  # 99: of a tracklet that belongs to nobody
    assert persons.members() == {3: [1, 2, 4, 6, 7], 9: [10, 11]}
    assert (persons.confirmed, persons.contradicted) == ({3}, {9})


def test_what_was_said_before_both_were_confirmed_does_not_make_them_one() -> None:
    known = [identity(3, 1, 2, confirmed=True), identity(5, 4), identity(8, 6, 7, confirmed=True)]
    persons = persons_to_learn(known, [Decision(1, 4, True), Decision(4, 6, True)])
    assert persons.members() == {3: [1, 2, 4], 8: [6, 7]}


def with_features(tracklets: list[NewTracklet], *, noise: float = 0.3) -> list[NewTracklet]:
    """The same, with made-up features: each person has a direction."""
    generator, made = np.random.default_rng(0), []
    for each in tracklets:
        centre = np.random.default_rng(int(each.key[6:9])).standard_normal(MODEL.dim)
        halves = unit(centre + noise * generator.standard_normal((2, MODEL.dim)))
        made.append(replace(each, features={MODEL: Feature(unit(halves.mean(0)), halves)}))
    return made


def chosen(folder: Path, tracklets: list[NewTracklet], way: Any = "identities", **choices: Any) -> Chosen:
    said = {"hold_back": 0.25, "min_tracklets": 2, "seed": 1, "name": "gallery", **choices}
    known, confirmed = said.pop("known", True), said.pop("confirmed", True)
    with open_gallery(folder / "gallery", create=True) as opened:
        opened.add(tracklets)
        if known:
            opened.take_over(labelled(tracklets, confirmed=confirmed))
        return choose(opened, MODEL, way, **said)


def test_confirmed_people_are_held_back_whole_and_always_the_same(tmp_path: Path) -> None:
    tracklets = with_features(sights(20))
    found = [chosen(tmp_path, tracklets, seed=seed).division for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0].held.keys() != found[2].held.keys()
    for division in found:
        assert division.measure == "people"
        assert len(set(division.held.values())) == 5
        with open_gallery(tmp_path / "gallery") as opened:
            held, learned = ({person_of(opened, n) for n in part} for part in (division.held, division.learned))
        assert held & learned == set()
        assert len(held | learned) == 20


def test_where_few_are_confirmed_people_of_the_same_moments_are_held_back(tmp_path: Path) -> None:
    tracklets = with_features(sights(48, at_once=8))
    found = chosen(tmp_path, tracklets, confirmed=False, hold_back=0.5)
    assert found.division.measure == "pairs"
    with open_gallery(tmp_path / "gallery") as opened:
        held = opened.get(sorted(found.division.held))
        people = [{person_of(opened, n) for n in part} for part in (found.division.held, found.division.learned)]
    assert people[0] & people[1] == set()
    pairs = {tuple(sorted((held[a].number, held[b].number))) for a, b in zip(*seen_at_once(held), strict=True)}
    brute = {
        (a.number, b.number)
        for a, b in itertools.combinations(held, 2)
        if a.video == b.video and a.begins <= b.ends and b.begins <= a.ends
    }
    assert pairs == brute
    assert len(brute) >= 15


def test_who_is_who_is_found_out_where_it_never_was(tmp_path: Path) -> None:
    tracklets = with_features(sights(48, at_once=8), noise=0.05)
    found = chosen(tmp_path, tracklets, known=False, hold_back=0.5)
    with open_gallery(tmp_path / "gallery") as opened:
        assert [change.kind for change in opened.history()] == ["identify"]
        of = {n: each.number for each in opened.identities() for n in each.tracklets}
        labels = found.learned.labels
        both = [
            (n, m) for n, m in itertools.combinations(sorted(labels), 2) if person_of(opened, n) == person_of(opened, m)
        ]
    assert all((labels[n] == labels[m]) == (of[n] == of[m]) for n, m in itertools.combinations(sorted(labels), 2))
    assert all(labels[n] == labels[m] for n, m in both)
    assert found.people == len(set(labels.values()))


def test_labels_stand_for_nobody_outside(tmp_path: Path) -> None:
    learned = chosen(tmp_path, with_features(sights(20))).learned
    order = [learned.labels[number] for number in sorted(learned.labels)]
    assert sorted(set(order)) == [f"p{number:06d}" for number in range(15)]
    assert order != sorted(order)


def test_a_contradicted_person_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    found = _contradicted(tmp_path, with_features(sights(20)))
    assert found.people == 14
    assert "1 people were left out, for somebody said that two of their tracklets are two people" in found.notes[0]


def _contradicted(folder: Path, tracklets: list[NewTracklet]) -> Chosen:
    """Person 0 is not confirmed, and somebody said that the two tracklets are two people."""
    with open_gallery(folder / "gallery", create=True) as opened:
        opened.add(tracklets)
        opened.take_over(labelled(tracklets[2:], confirmed=True))
        opened.take_over(labelled(tracklets[:2], confirmed=False))
        opened.decide(1, 2, same=False)
        return choose(opened, MODEL, "identities", hold_back=0.25, min_tracklets=2, seed=1, name="gallery")


@pytest.mark.parametrize(
    ("people", "choices", "message"),
    [
        (0, {}, "gallery: is empty: `passerby index` puts videos into it"),
        (11, {"hold_back": 0.5}, r"gallery: 5 people with 2 tracklets or more besides those held back are too few"),
        (11, {"way": "ccafl", "cameras": 1, "confirmed": False}, "what is learned could not be judged: 0 confirmed"),
        (20, {"crops": 0}, r"gallery: holds features without pictures, of which nothing can be learned"),
        (8, {"known": False}, r"who is who was never found out, and cannot be without a threshold .*--threshold X"),
        (12, {"way": "cluster-contrast"}, r"14 tracklets besides those held back are too few to learn from"),
    ],
)
def test_too_little_is_said_in_one_line(tmp_path: Path, people: int, choices: dict[str, Any], message: str) -> None:
    choices = dict(choices)
    world = {name: choices.pop(name) for name in ("cameras", "crops") if name in choices}
    with pytest.raises(GalleryError, match=message) as raised:
        chosen(tmp_path, with_features(sights(people, **world)), **choices)
    assert "\n" not in str(raised.value)


def one_camera(people: int) -> list[NewTracklet]:
    """Two tracklets of each person in the one camera, an hour apart."""
    first = with_features(sights(people, cameras=1))
    later = [replace(each, key=f"{each.key}/again", begins=each.begins + 3600, ends=each.ends + 3600) for each in first]
    return [*first, *later]


def test_one_camera_is_remarked_on_and_not_enough_for_ccafl(tmp_path: Path) -> None:
    assert chosen(tmp_path, one_camera(20)).notes[0].startswith("All tracklets are of one camera")
    with pytest.raises(GalleryError, match="has one camera, and method=ccafl learns to link people of several"):
        chosen(tmp_path, one_camera(20), way="ccafl")


def test_clusters_are_found_among_tracklets_whoever_they_are(tmp_path: Path) -> None:
    found = chosen(tmp_path, with_features(sights(24)), way="cluster-contrast")
    assert len(set(found.learned.labels.values())) == len(found.learned.tracklets) == found.people == 36
    assert len(set(found.confirmed.values())) == 24
    assert found.notes == []


def _tracklet(number: int, camera: str) -> Tracklet:
    new = replace(sights(1)[0], camera=camera)
    made: dict[str, Any] = {name: getattr(new, name) for name in ("video", "begins", "ends", "frames", "height")}
    made |= {"taken_from": None, "taken_to": None, "visible": 1.0, "caption": None, "identity": None}
    return Tracklet(number=number, key=str(number), camera=camera, added=None, **made)  # type: ignore[arg-type]


def _plan(measure: Any, held: dict[int, int]) -> Plan:
    return Plan(measure, held, people=0, tracklets=0, pictures=0)


def test_people_are_judged_by_searching_each_tracklet_among_the_others() -> None:
    generator = np.random.default_rng(3)
    held = {number: number % 6 for number in range(1, 25)}
    tracklets = [_tracklet(number, f"cam{number // 6}") for number in held]
    features = {number: Feature(unit(generator.standard_normal(8))) for number in held}
    figures = judge(tracklets, _plan("people", held), features)
    precisions, first = [], []
    for query in tracklets:
        others = [e for e in tracklets if (held[e.number], e.camera) != (held[query.number], query.camera)]
        others.sort(key=lambda each: -float(features[each.number].vector @ features[query.number].vector))
        right = [held[each.number] == held[query.number] for each in others]
        precisions.append(np.mean([sum(right[: at + 1]) / (at + 1) for at, hit in enumerate(right) if hit]))
        first.append(right[0])
    assert figures == pytest.approx({"mAP": np.mean(precisions), "rank1": np.mean(first)})
    alone = judge([replace(each, camera="cam0") for each in tracklets], _plan("people", held), features)
    assert 0 < alone["mAP"] < 1  # of one camera nobody is left out but the tracklet itself


def test_pairs_are_judged_by_halves(tmp_path: Path) -> None:
    tracklets = with_features(sights(40, at_once=8), noise=2.5)
    with open_gallery(tmp_path / "gallery", create=True) as opened:
        opened.add(tracklets)
        stored = opened.get(opened.numbers())
        features = opened.features(opened.numbers(), MODEL)
    figures = judge(stored, _plan("pairs", {each.number: each.number for each in stored}), features)
    halves = {number: each.halves for number, each in features.items() if each.halves is not None}
    same = np.array([float(np.dot(*halves[each.number])) for each in stored])
    two = [
        float(np.dot(halves[a.number][side], halves[b.number][1 - side]))
        for a, b in itertools.combinations(stored, 2)
        if a.video == b.video and a.begins <= b.ends and b.begins <= a.ends
        for side in (0, 1)
    ]
    grid = np.linspace(-1, 1, 20001)
    wrong = [abs(np.mean(same < at) - np.mean(np.array(two) >= at)) for at in grid]
    at = grid[int(np.argmin(wrong))]
    assert figures["wrong_pairs"] == pytest.approx((np.mean(same < at) + np.mean(np.array(two) >= at)) / 2, abs=0.02)
    passed = np.sort(two)[-int(0.01 * len(two)) - 1]  # the best of those that do not pass
    assert figures["found_at_1_percent"] == pytest.approx(np.mean(same > passed), abs=1e-9)


def test_the_figure_that_decides() -> None:
    assert is_worse({"mAP": 0.5, "rank1": 0.1}, {"mAP": 0.4, "rank1": 0.9})
    assert not is_worse({"mAP": 0.5}, {"mAP": 0.5})
    assert is_worse({"wrong_pairs": 0.1}, {"wrong_pairs": 0.2})
    assert not is_worse(
        {"wrong_pairs": 0.2, "found_at_1_percent": 0.9}, {"wrong_pairs": 0.1, "found_at_1_percent": 0.8}
    )


def test_too_few_pairs_are_not_judged_by() -> None:
    tracklets = [_tracklet(number, "cam0") for number in range(1, 20)]
    with pytest.raises(GalleryError, match=r"19 tracklets held back|what is learned could not be judged"):
        divide(tracklets, persons_to_learn([], []), 0.5, 0)
