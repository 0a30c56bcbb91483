"""The synthetic world, measured on its pictures."""

import numpy as np
import pytest

from passerby.synth.body import skeleton
from passerby.synth.camera import HEIGHT, WIDTH, make_camera
from passerby.synth.figure import View, draw
from passerby.synth.people import ATTRIBUTES, FAMILY, make_person
from passerby.synth.world import STRANGERS, World

FRONT = View(heading=0.0, phase=0.6, foot=(64.0, 240.0), scale=128.0, tilt=0.15, light=0.3)


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=3, cameras=3, steps=2, size=(128, 64))


def test_a_crop_does_not_depend_on_what_was_drawn_before(world: World) -> None:
    alone, visible = World(seed=3, cameras=3, steps=2, size=(128, 64)).shoot(5, 2, 1)
    for person in (1, 2, 5):
        image, seen = world.shoot(person, 2, 1)
    np.testing.assert_array_equal(image, alone)
    assert seen == visible


def test_another_seed_is_another_world(world: World) -> None:
    other = World(seed=4, cameras=3, steps=2, size=(128, 64))
    assert (world.shoot(1, 1, 0)[0] != other.shoot(1, 1, 0)[0]).mean() > 0.5


@pytest.mark.parametrize("size", [(128, 64), (256, 128), (64, 40), (384, 128)])
def test_crops_have_the_size_asked_for(size: tuple[int, int]) -> None:
    image, visible = World(seed=1, cameras=1, steps=1, size=size).shoot(1, 1, 0)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert 0 < visible <= 1


def test_an_empty_box_shows_nobody(world: World) -> None:
    assert not world.is_someone(STRANGERS + 1)
    assert world.shoot(STRANGERS + 1, 1, 0)[1] == 0
    assert world.shoot(STRANGERS + 2, 1, 0)[1] > 0


def test_people_are_rarely_hidden_but_sometimes_in_part(world: World) -> None:
    seen = np.array([world.shoot(person, camera, 0)[1] for person in range(1, 16) for camera in (1, 2, 3)])
    assert np.median(seen) > 0.9
    assert (seen < 0.97).any()
    assert (seen > 0.3).mean() > 0.9


@pytest.mark.parametrize("identity", range(1, 7))
@pytest.mark.parametrize("heading", [0.0, 0.8, np.pi / 2, np.pi])
def test_a_figure_fills_a_plausible_part_of_its_box(identity: int, heading: float) -> None:
    canvas = np.zeros((256, 128, 3), dtype=np.float32)
    person = make_person(0, identity)
    view = View(heading, 0.6, FRONT.foot, FRONT.scale, FRONT.tilt, FRONT.light)
    covered = draw(canvas, person, view)
    rows = np.flatnonzero((covered > 0.5).any(axis=1))
    tall = person.height * FRONT.scale
    assert 0.1 < (covered > 0.5).sum() / (tall * tall / 2) < 0.55
    assert 0.85 * tall < rows[-1] - rows[0] < 1.15 * tall
    assert abs(rows[-1] - FRONT.foot[1]) < 0.1 * tall  # the lower foot stands on the ground
    assert covered.min() >= 0
    assert covered.max() <= 1


def test_a_figure_outside_the_canvas_leaves_it_alone() -> None:
    canvas = np.full((64, 32, 3), 7, dtype=np.float32)
    covered = draw(canvas, make_person(0, 1), View(0.3, 0.0, (900.0, 60.0), 30.0, 0.1, 0.0))
    assert not covered.any()
    assert (canvas == 7).all()


def test_one_foot_is_on_the_ground_throughout_a_stride() -> None:
    person = make_person(0, 2)
    for phase in np.linspace(0, 2 * np.pi, 24):
        shoes = [part for part in skeleton(person, phase) if part.clothes == "shoe"]
        lowest = min(shoe.start[2] for shoe in shoes)
        assert lowest == pytest.approx(0.033, abs=0.002)


def test_a_person_looks_different_from_behind() -> None:
    pictures = []
    for heading in (0.0, np.pi):
        canvas = np.zeros((256, 128, 3), dtype=np.float32)
        draw(canvas, make_person(0, 1), View(heading, 0.6, FRONT.foot, FRONT.scale, FRONT.tilt, 0.0))
        pictures.append(canvas)
    assert np.abs(pictures[0] - pictures[1]).mean() > 1


def test_families_share_most_of_their_outfit_and_no_two_dress_alike() -> None:
    people = [make_person(7, identity) for identity in range(FAMILY * 10)]
    for first in range(0, len(people), FAMILY):
        for second in range(first + 1, first + FAMILY):
            shared = sum(people[first].wears[name] == people[second].wears[name] for name in ATTRIBUTES)
            assert shared >= len(ATTRIBUTES) - 6
    strangers = [
        sum(people[a].wears[name] == people[a + FAMILY].wears[name] for name in ATTRIBUTES)
        for a in range(len(people) - FAMILY)
    ]
    assert np.mean(strangers) < 0.6 * len(ATTRIBUTES)


def test_cameras_see_the_same_grey_card_differently() -> None:
    card = np.full((128, 64, 3), 128, dtype=np.uint8)
    means = []
    for number in range(1, 7):
        camera = make_camera(7, number)
        means.append(camera.develop(card, np.random.default_rng(0)).mean(axis=(0, 1)))
    apart = [np.abs(a - b).max() for i, a in enumerate(means) for b in means[:i]]
    assert min(apart) > 4
    assert np.median(apart) > 15


def test_a_camera_has_a_place_of_its_own() -> None:
    first, second = make_camera(7, 1), make_camera(7, 2)
    assert first.picture.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(first.picture.astype(int) - second.picture).mean() > 15
    assert 0.01 < (first.floor_line > 0).mean() < 0.5
    assert first.direction != second.direction
