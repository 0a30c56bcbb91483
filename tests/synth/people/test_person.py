"""People: bodies and painted clothes."""

import numpy as np
import pytest

from passerby.synth.people.cones import REGION, REGIONS, SLOTS
from passerby.synth.people.fabrics import COLUMNS, ROWS
from passerby.synth.people.person import Person, make_person
from passerby.synth.people.poses import BONES
from passerby.synth.people.wardrobe import COLOURS, SKIN


@pytest.fixture(scope="module")
def crowd() -> list[Person]:
    return [make_person(2, number) for number in range(120)]


def test_bodies_have_plausible_heights(crowd: list[Person]) -> None:
    by_sex = {sex: [who.height for who in crowd if who.wears["sex"] == sex] for sex in ("man", "woman")}
    assert 1.68 < np.mean(by_sex["man"]) < 1.82
    assert 1.56 < np.mean(by_sex["woman"]) < 1.70
    assert min(who.height for who in crowd) > 1.45
    assert max(who.height for who in crowd) < 2.0


def test_cones_are_well_formed(crowd: list[Person]) -> None:
    for who in crowd:
        cones = who.cones
        count = len(cones.bone)
        assert 25 <= count <= 60
        assert all(len(getattr(cones, name)) == count for name in vars(cones))
        assert (cones.radius > 0).all()
        assert (cones.stretch > 0).all()
        assert set(cones.bone) <= set(range(len(BONES)))
        assert {REGION[name] for name in ("upper", "head", "shoes")} <= set(cones.region)
        assert set(cones.region) <= set(range(len(REGIONS)))


@pytest.mark.parametrize(("region", "attribute"), [("bag", "bag"), ("hat", "hat")])
def test_what_is_worn_has_a_shape(crowd: list[Person], region: str, attribute: str) -> None:
    assert {True, False} == {who.wears[attribute] == "none" for who in crowd}
    for who in crowd:
        assert (REGION[region] in who.cones.region) == (who.wears[attribute] != "none")


def test_clothes_have_the_colours_that_the_words_say(crowd: list[Person]) -> None:
    """Mean colour of each map, against every colour there is: the nearest is the one that is named, or close to it."""
    right = total = 0
    for who in crowd:
        assert who.atlas.shape == (len(SLOTS), ROWS, COLUMNS, 3)
        assert who.atlas.dtype == np.uint8
        if who.wears["outer"] == "none" and who.wears["pattern"] == "plain":
            seen = who.atlas[SLOTS.index("torso"), 24:, 40:88].mean(axis=(0, 1))
            distance = {name: np.linalg.norm(seen - rgb) for name, rgb in COLOURS.items()}
            right += who.wears["upper_colour"] in sorted(distance, key=distance.__getitem__)[:2]
            total += 1
        hand = who.atlas[SLOTS.index("hand")].mean(axis=(0, 1))
        assert np.abs(hand - SKIN[who.wears["skin"]]).max() < 40
    assert total > 10
    assert right > 0.9 * total


def test_a_front_is_not_a_back(crowd: list[Person]) -> None:
    quarter = COLUMNS // 4
    torso = np.stack([who.atlas[SLOTS.index("torso")].astype(float) for who in crowd])
    front, back = torso[:, :, quarter:-quarter], np.roll(torso, COLUMNS // 2, axis=2)[:, :, quarter:-quarter]
    assert (np.abs(front - back).mean(axis=(1, 2, 3)) > 2).mean() > 0.8


def test_a_person_follows_from_seed_and_number(crowd: list[Person]) -> None:
    again = make_person(2, 17)
    np.testing.assert_array_equal(again.atlas, crowd[17].atlas)
    np.testing.assert_array_equal(again.cones.start, crowd[17].cones.start)
    assert not np.array_equal(make_person(3, 17).atlas, crowd[17].atlas)
