"""What cameras do to light."""

from itertools import combinations

import numpy as np
import pytest

from passerby.synth.cameras.camera import make_camera

CARD = np.full((128, 64, 3), 128, dtype=np.uint8)


def test_cameras_see_the_same_grey_card_differently() -> None:
    sensors = [make_camera(7, number).sensor for number in range(1, 7)]
    means = [sensor.develop(CARD, 1.0, np.random.default_rng(0)).mean(axis=(0, 1)) for sensor in sensors]
    apart = [np.abs(a - b).max() for a, b in combinations(means, 2)]
    assert np.median(apart) > 8
    assert min(apart) > 1


def test_exposure_drifts_between_crops_and_not_within_a_film() -> None:
    sensor = make_camera(7, 1).sensor
    crops = [sensor.develop(CARD, 0.0, np.random.default_rng(n)).mean() for n in range(20)]
    film = [sensor.develop(CARD, 0.0, np.random.default_rng(0), grain_key=n).mean() for n in range(20)]
    assert np.std(crops) > 1 > 5 * np.std(film)


def test_frames_of_a_film_have_each_their_own_grain() -> None:
    sensor = make_camera(7, 1).sensor
    first, second, again = (
        sensor.develop(CARD, 0.0, np.random.default_rng(0), grain_key=n).astype(int) for n in (1, 2, 1)
    )
    assert np.abs(first - second).mean() > 0.5
    np.testing.assert_array_equal(first, again)
    assert sensor.grain * 0.5 < first.std(axis=(0, 1)).mean() < sensor.grain * 2


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_light_comes_from_above_and_from_one_direction(number: int) -> None:
    camera = make_camera(3, number)
    towards, up = np.array(camera.light.towards), np.array(camera.light.up)
    assert np.linalg.norm(towards) == pytest.approx(1)
    assert np.linalg.norm(up) == pytest.approx(1)
    assert towards @ up > 0.3  # the sun is above the horizon
    assert up[0] == 0
    assert up[1] < -0.7
    # Shadows point away from the sun along the ground.
    assert camera.shadow[0] * towards[0] < 0


def test_a_camera_follows_from_seed_and_number() -> None:
    assert make_camera(3, 2).lens == make_camera(3, 2).lens != make_camera(4, 2).lens
    directions = [make_camera(3, number).direction for number in range(1, 5)]
    apart = [np.abs(np.angle(np.exp(1j * (a - b)))) for a, b in combinations(directions, 2)]
    assert min(apart) > 0.5  # people pass each camera in another direction
