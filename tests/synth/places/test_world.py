"""Crops of the world, measured on their pictures."""

import numpy as np
import pytest

from passerby.synth.cameras.camera import HEIGHT, WIDTH
from passerby.synth.people.person import make_person
from passerby.synth.people.poses import Motion
from passerby.synth.places.crops import Box, detect
from passerby.synth.places.scene import Window, shoot
from passerby.synth.places.walks import Standing, Walk
from passerby.synth.places.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=3, steps=2, size=(128, 64))


def test_a_crop_does_not_depend_on_what_was_drawn_before(world: World) -> None:
    alone, box = World(seed=3, steps=2, size=(128, 64)).crop(5, 2, 1)
    for person in (1, 2, 5):
        crop, again = world.crop(person, 2, 1)
    np.testing.assert_array_equal(crop.image, alone.image)
    assert (crop.visible, again) == (alone.visible, box)


def test_another_seed_is_another_world(world: World) -> None:
    other = World(seed=4, steps=2, size=(128, 64))
    assert (world.crop(1, 1, 0)[0].image != other.crop(1, 1, 0)[0].image).mean() > 0.5


@pytest.mark.parametrize("size", [(128, 64), (256, 128), (64, 40), (384, 128)])
def test_crops_have_the_size_asked_for(size: tuple[int, int]) -> None:
    crop, box = World(seed=3, steps=1, size=size).crop(1, 1, 0)
    assert crop.image.shape == (*size, 3)
    assert crop.image.dtype == np.uint8
    assert crop.mask.shape == size
    assert 0 < crop.visible <= 1
    assert 0.25 < box.width / box.height < 0.7


def test_an_empty_box_shows_nobody(world: World) -> None:
    crop, _ = world.empty_crop(1, 1)
    assert crop.visible == 0
    assert not crop.mask.any()
    assert crop.image.std() > 1


def test_people_are_seen_at_nine_tenths_on_average_and_sometimes_hardly(world: World) -> None:
    crops = [world.crop(person, camera, 0)[0] for person in range(1, 31) for camera in (1, 2)]
    visible = np.array([crop.visible for crop in crops])
    assert 0.85 < visible.mean() < 0.97
    assert (visible < 0.8).any()
    assert np.median(visible) > 0.95
    # A person fills a plausible part of the box.
    filled = np.array([crop.mask.mean() / 255 / crop.visible for crop in crops])
    assert 0.3 < np.median(filled) < 0.55


def test_long_passes_stay_before_the_camera() -> None:
    world = World(seed=3, steps=60, size=(64, 32))
    for person in range(1, 5):
        seen = [world.crop(person, 1, step)[0].visible for step in (0, 30, 59)]
        assert min(seen) > 0


def test_nobody_is_drawn_behind_the_camera() -> None:
    world = World(seed=3, steps=1, size=(64, 32))
    behind = Standing(0.0, -2.0, 0.0, Motion(0.0))
    shot = shoot(world.place(1), [(world.person(1), behind)], Window(0.0, 0.0, 1.0, HEIGHT, WIDTH))
    assert not shot.whole.any()


def test_the_crowd_can_be_dialled() -> None:
    seen = []
    for crowd in (0.0, 3.0):
        world = World(seed=3, steps=2, size=(64, 32), crowd=crowd)
        seen.append(np.mean([world.crop(person, 1, 0)[0].visible for person in range(1, 25)]))
    assert seen[0] > seen[1] + 0.03


def test_a_badly_cut_box_misses_part_of_the_person(world: World) -> None:
    whole = np.mean([world.crop(person, 1, 0)[0].visible for person in range(1, 9)])
    cut = np.mean([world.crop(person, 1, 0, badly_cut=True)[0].visible for person in range(1, 9)])
    assert cut < whole - 0.2


def test_the_same_person_looks_the_same_and_cameras_differ(world: World) -> None:
    """Mean colour of the person's own pixels: nearer within a pass than between cameras."""

    def colour(person: int, camera: int, step: int) -> np.ndarray:
        crop, _ = world.crop(person, camera, step)
        return crop.image[crop.mask > 200].mean(axis=0)

    within, between = [], []
    for person in range(1, 9):
        first, second, other = colour(person, 1, 0), colour(person, 1, 1), colour(person, 2, 0)
        within.append(np.abs(first - second).mean())
        between.append(np.abs(first - other).mean())
    assert np.mean(within) < np.mean(between)


def test_detectors_are_about_right() -> None:
    generator = np.random.default_rng(0)
    boxes = np.array([detect(Box(100, 50, 40, 100), generator) for _ in range(400)])
    np.testing.assert_allclose((boxes[:, 0] + boxes[:, 2] / 2).mean(), 120, atol=1)
    np.testing.assert_allclose(boxes[:, 3].mean(), 105, atol=1)
    assert 0 < boxes[:, 3].std() < 6


@pytest.mark.parametrize("bend", [0.0, 0.3, -1.0])
def test_a_way_is_walked_at_its_speed_in_its_heading(bend: float) -> None:
    """Differences of positions against speed and heading."""
    person, way = make_person(0, 1), Walk(1.0, 8.0, 0.7, 1.3, bend, 0.0, "swing")
    for time in np.linspace(-3, 3, 13):
        before, after = way.at(time - 1e-4, person), way.at(time + 1e-4, person)
        step = np.array([after.x - before.x, after.z - before.z]) / 2e-4
        heading = way.at(time, person).heading
        np.testing.assert_allclose(step, 1.3 * np.array([np.sin(heading), -np.cos(heading)]), atol=1e-5)


def test_nobody_walks_through_anybody() -> None:
    world = World(seed=5, steps=3, size=(64, 32), crowd=3.0)
    for person in range(1, 15):
        for step in range(3):
            (_, first), *others = world.people(person, 1, step)
            assert all(np.hypot(first.x - other.x, first.z - other.z) > 0.4 for _, other in others)
