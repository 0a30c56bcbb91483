"""The look `street`: as keyed as the plain one, and different where it should be."""

from pathlib import Path

import numpy as np
import pytest

from passerby.errors import DataError
from passerby.synth import LOOKS, Look, Pairs, World, write_market
from passerby.synth.cameras.camera import make_camera
from passerby.synth.cameras.street import street_camera
from passerby.synth.people.fabrics import COLUMNS, ROWS
from passerby.synth.people.person import make_person
from passerby.synth.people.street_fabrics import noise, street_woven
from passerby.synth.people.wardrobe import COLOURS
from passerby.synth.places.crops import Box, detect

CARD = np.full((128, 64, 3), 120, np.uint8)
RED, WHITE = (np.array(COLOURS[name], np.float32) for name in ("red", "white"))


def world(look: Look) -> World:
    return World(seed=3, steps=2, size=(128, 64), look=look)


def test_a_crop_does_not_depend_on_what_was_drawn_before() -> None:
    alone, box = world("street").crop(5, 2, 1)
    other = world("street")
    for person in (1, 5):
        crop, again = other.crop(person, 2, 1)
    np.testing.assert_array_equal(crop.image, alone.image)
    assert (crop.visible, again) == (alone.visible, box)


def test_people_keep_what_words_say_of_them_and_look_otherwise() -> None:
    plain, street = (make_person(7, 4, look) for look in LOOKS)
    assert plain.wears == street.wears
    assert (plain.atlas != street.atlas).mean() > 0.5
    assert plain.height != street.height


def test_nobody_wears_what_another_wears() -> None:
    """Look-alikes too: a family of the plain look shares its outfit, on the street each has cloth of their own."""
    maps = np.stack([make_person(7, number, "street").atlas[:1, ::8, ::8].ravel() for number in range(60)])
    apart = np.abs(maps[:, None].astype(int) - maps[None]).mean(axis=2)
    assert apart[~np.eye(60, dtype=bool)].min() > 3


@pytest.mark.parametrize("pattern", ["plain", "stripes", "vertical stripes", "checks", "floral print", "logo", "band"])
def test_cloth_is_a_map_of_colours(pattern: str) -> None:
    for number in range(12):
        cloth = street_woven(pattern, RED, WHITE, np.random.default_rng(number))
        assert cloth.shape == (ROWS, COLUMNS, 3)
        assert np.isfinite(cloth).all()
        assert cloth.min() > -60, "melange of a dark dye is cut later"
        assert cloth.max() < 320


def test_stripes_lie_level_and_vertical_ones_upright() -> None:
    level = [street_woven("stripes", RED, WHITE, np.random.default_rng(n)) for n in range(8)]
    upright = [street_woven("vertical stripes", RED, WHITE, np.random.default_rng(n)) for n in range(8)]
    assert all(np.ptp(cloth, axis=1).max() == 0 for cloth in level)
    assert all(np.ptp(cloth, axis=0).max() == 0 for cloth in upright)
    assert sum(len(np.unique(cloth.reshape(-1, 3), axis=0)) > 1 for cloth in level + upright) > 12


def test_noise_is_seamless_at_the_back() -> None:
    soft = noise((6, 8), np.random.default_rng(0))
    across = np.abs(np.diff(soft, axis=1)).mean()
    assert np.abs(soft[:, 0] - soft[:, -1]).mean() < 3 * across


def test_cameras_differ_more_than_plain_ones() -> None:
    def spread(make: object) -> float:
        cameras = [make(7, number) for number in range(1, 25)]  # type: ignore[operator]
        shown = [c.sensor.develop(CARD, c.sensor.blur * 0.5, np.random.default_rng(0)) for c in cameras]
        return float(np.std([image.mean() for image in shown]))

    assert spread(street_camera) > 1.1 * spread(make_camera)


def test_a_film_has_one_exposure_and_new_grain_in_every_frame() -> None:
    sensor = street_camera(7, 2).sensor
    frames = [sensor.develop(CARD, 0.5, np.random.default_rng(0), grain_key=number) for number in range(8)]
    crops = [sensor.develop(CARD, 0.5, np.random.default_rng(number)) for number in range(8)]
    assert all(frame.shape == CARD.shape and frame.dtype == np.uint8 for frame in frames)
    assert np.std([frame.mean() for frame in frames]) < 0.5 < np.std([crop.mean() for crop in crops])
    assert (frames[0] != frames[1]).any()


def test_boxes_are_looser_and_now_and_then_cut() -> None:
    person = Box(100, 100, 60, 180)
    boxes = [detect(person, np.random.default_rng(number), "street") for number in range(400)]
    plain = [detect(person, np.random.default_rng(number)) for number in range(400)]
    heights, usual = (np.array([box.height for box in some]) for some in (boxes, plain))
    assert heights.std() > 2 * usual.std()
    assert 0.02 < (heights < 0.85 * person.height).mean() < 0.2 > (usual < 0.85 * person.height).mean()
    assert all(0.25 < box.width / box.height < 1 for box in boxes)


def draw(folder: Path, **changes: object) -> dict[str, bytes]:
    arguments: dict[str, object] = {"identities": 3, "cameras": 2, "images_per_camera": 2, "size": (64, 32)}
    quiet = {"show_progress": False, "train_fraction": 0.67}
    write_market(folder, **(arguments | quiet | changes))  # type: ignore[arg-type]
    return {path.name: path.read_bytes() for path in folder.rglob("*.jpg")}


def test_cities_have_cameras_of_their_own_and_the_first_stays_as_it_is(tmp_path: Path) -> None:
    together = draw(tmp_path / "one", look="street")
    apart = draw(tmp_path / "many", look="street", people_per_city=1)
    assert together.keys() == apart.keys()
    same = {name[:4] for name in apart if apart[name] == together[name] and name[:2] != "-1"}
    assert same == {"0001"} | {name[:4] for name in apart if name.startswith("0000")}
    more = draw(tmp_path / "more", look="street", people_per_city=1, identities=4, train_fraction=0.5)
    assert all(more[name] == image for name, image in apart.items() if name.startswith(("0001", "0002")))


@pytest.mark.parametrize("write", [lambda out: draw(out, look="real"), lambda _: Pairs(1, look="real")])  # type: ignore[arg-type]
def test_an_unknown_look_is_refused(write: object, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="look must be plain or street, not 'real'"):
        write(tmp_path / "world")  # type: ignore[operator]
