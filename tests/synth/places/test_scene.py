"""Several people in one place: who hides whom, counted on pixels."""

import numpy as np
import pytest

from passerby.synth.cameras.camera import HEIGHT, WIDTH
from passerby.synth.people.cones import REGION
from passerby.synth.people.person import Person, make_person
from passerby.synth.people.poses import Motion
from passerby.synth.places.scene import Place, Shot, Window, make_place, shoot
from passerby.synth.places.walks import Standing, put

HALF = Window(0.0, 0.0, 0.5, HEIGHT // 2, WIDTH // 2)


@pytest.fixture(scope="module")
def place() -> Place:
    full = make_place(7, 1)
    return Place(full.camera, full.picture, np.full_like(full.depth, np.inf))  # without furniture


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [make_person(7, number) for number in (1, 4, 7)]


def stand(x: float, z: float, heading: float = 0.0) -> Standing:
    return Standing(x, z, heading, Motion(1.0))


def test_a_person_alone_is_seen_as_a_whole(place: Place, people: list[Person]) -> None:
    shot = shoot(place, [(people[0], stand(0, 8))], HALF)
    assert shot.visible_fraction(0) == 1
    assert (shot.owner == 0).sum() == shot.whole[0].sum() == shot.visible[0].sum()


def test_the_nearer_of_two_hides_the_other_whatever_their_order(place: Place, people: list[Person]) -> None:
    near, far = (people[0], stand(0.0, 7.0)), (people[1], stand(0.15, 8.5))
    one, other = shoot(place, [near, far], HALF), shoot(place, [far, near], HALF)
    assert one.visible_fraction(0) == other.visible_fraction(1) == 1
    assert 0 < one.visible_fraction(1) < 0.8
    np.testing.assert_array_equal(one.owner == 0, other.owner == 1)


def test_visible_pixels_are_the_whole_ones_less_those_of_whoever_is_nearer(place: Place, people: list[Person]) -> None:
    """The same numbers from masks of each person alone, by set operations."""
    spots = [stand(0.0, 7.0), stand(0.2, 7.8, 1.0), stand(-0.2, 9.0, 2.0)]
    alone = [shoot(place, [somebody], HALF).owner == 0 for somebody in zip(people, spots, strict=True)]
    shot = shoot(place, list(zip(people, spots, strict=True)), HALF)
    hidden_by = np.zeros_like(alone[0])
    for number, mask in enumerate(alone):
        visible = mask & ~hidden_by
        np.testing.assert_array_equal(shot.owner == number, visible)
        assert shot.visible_fraction(number) == pytest.approx(visible.sum() / mask.sum())
        hidden_by |= mask


def test_furniture_hides_who_is_behind_it_and_nobody_in_front(place: Place, people: list[Person]) -> None:
    depth = np.full_like(place.depth, np.inf)
    _, _, at = place.camera.lens.project(0, 8.0, 0.9)
    depth[:, : WIDTH // 2] = at
    walled = Place(place.camera, place.picture, depth)
    behind = shoot(walled, [(people[0], stand(0, 9.5))], HALF)
    front = shoot(walled, [(people[0], stand(0, 7.0))], HALF)
    assert 0.2 < behind.visible_fraction(0) < 0.8
    assert not (behind.owner[:, : WIDTH // 4] == 0).any()
    assert front.visible_fraction(0) == 1


def test_who_leaves_the_picture_is_seen_in_part(place: Place, people: list[Person]) -> None:
    _, z = place.camera.lens.ground(WIDTH / 2, HEIGHT - 100)
    edge, _ = place.camera.lens.ground(WIDTH, HEIGHT - 100)
    shot = shoot(place, [(people[0], stand(edge, z)), (people[1], stand(0, 200.0))], HALF)
    assert 0.2 < shot.visible_fraction(0) < 0.8
    outside = shoot(place, [(people[0], stand(50, 8))], HALF)
    assert outside.visible_fraction(0) == 0
    assert not outside.whole.any()


def drawn_box(shot: Shot, number: int) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(shot.owner == number)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("heading", [0.0, 1.3, 2.8, 4.4])
def test_boxes_are_those_of_the_drawn_pixels(place: Place, people: list[Person], heading: float) -> None:
    for person in people:
        standing = stand(0.4, 8.0, heading)
        shot = shoot(place, [(person, standing)], HALF)
        box = put(person, standing, place.camera, 0.0, 0.0, HALF.zoom).outline()
        np.testing.assert_allclose(drawn_box(shot, 0), box, atol=4)


def test_people_stand_where_the_lens_says_and_are_as_tall(place: Place, people: list[Person]) -> None:
    """An independent projection of feet and crown through the pinhole."""
    lens, person = place.camera.lens, people[0]
    for x, z in ((-1.5, 7.0), (0.0, 9.0), (2.0, 11.0)):
        shot = shoot(place, [(person, Standing(x, z, 0.0, Motion(0.0, vigour=0.0)))], HALF)
        left, top, right, bottom = drawn_box(shot, 0)
        column, foot, _ = lens.project(x, z)
        _, crown, _ = lens.project(x, z, person.height)
        assert bottom / 0.5 == pytest.approx(foot, abs=0.06 * (foot - crown))
        assert top / 0.5 == pytest.approx(crown, abs=0.06 * (foot - crown))
        assert (left + right) / 2 / 0.5 == pytest.approx(column, abs=0.12 * (foot - crown))


def test_a_lens_and_its_inverse_agree(place: Place) -> None:
    lens = place.camera.lens
    for column, row in ((100.0, 700.0), (640.0, 500.0), (1200.0, 400.0)):
        x, z = lens.ground(column, row)
        np.testing.assert_allclose(lens.project(x, z)[:2], (column, row))
    assert lens.project(0, 1e9)[1] == pytest.approx(lens.horizon(), abs=0.01)


def test_front_and_back_show_other_things(place: Place) -> None:
    person = next(who for number in range(100) if (who := make_person(7, number)).wears["bag"] == "backpack")
    facing = -np.arctan2(0.0, 8.0)
    front = shoot(place, [(person, stand(0, 8, facing))], HALF)
    back = shoot(place, [(person, stand(0, 8, facing + np.pi))], HALF)
    assert back.visible[0, REGION["bag"]] > 20 * max(1, front.visible[0, REGION["bag"]])
    assert front.visible[0, REGION["head"]] > back.visible[0, REGION["head"]]


def test_a_place_is_in_part_furnished() -> None:
    for number in (1, 2):
        place = make_place(3, number)
        assert place.picture.shape == (HEIGHT, WIDTH, 3)
        assert 0.01 < np.isfinite(place.depth).mean() < 0.5
        assert place.picture.std() > 15
