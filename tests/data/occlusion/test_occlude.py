"""Controlled occlusion: areas, nesting, seeds, donors, and a manifest that makes every image again."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from passerby.data.loading.pixel_sources import PerImageSource
from passerby.data.occlusion.manifest import manifest_rows, reproduce, write_manifest
from passerby.data.occlusion.occlude import LEVELS, Occlusion, donor_choice, image_seed, occlude
from passerby.data.occlusion.source import Donors, OccludedSource, OcclusionRun, choose_donors
from passerby.data.split import Split
from passerby.errors import DataError

SIZE = (64, 32)


def picture(seed: int, size: tuple[int, int] = (256, 128)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 120, (*size, 3), dtype=np.uint8)


@given(
    condition=st.sampled_from(["rectangle", "bottom", "patches", "people"]),
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([(256, 128), (128, 64), (64, 32), (224, 224)]),
)
@settings(max_examples=60, deadline=None)
def test_higher_levels_hide_what_lower_ones_hide_and_as_much_as_they_say(
    condition: str, seed: int, size: tuple[int, int]
) -> None:
    image, donor = np.zeros((*size, 3), dtype=np.uint8), np.full((*size, 3), 255, dtype=np.uint8)
    hidden = [occlude(image, Occlusion(condition, level, seed), donor) for level in LEVELS]  # type: ignore[arg-type]
    assert not hidden[0].mask.any()
    for lower, higher in itertools.pairwise(hidden):
        assert not (lower.mask & ~higher.mask).any()
    for level, found in zip(LEVELS, hidden, strict=True):
        assert found.covered == pytest.approx(level, abs=0.02 if min(size) > 32 else 0.04)
        assert np.array_equal(found.image.any(2), found.mask), "nothing else changes"


def test_patches_are_cells_of_an_exact_number() -> None:
    hidden = occlude(picture(0), Occlusion("patches", 0.3, 5)).mask
    cells = hidden.reshape(16, 16, 8, 16).transpose(0, 2, 1, 3).reshape(128, -1)
    assert set(cells.mean(1)) == {0.0, 1.0}
    assert int(cells.mean(1).sum()) == round(0.3 * 128)


def test_the_bottom_is_hidden_from_below() -> None:
    hidden = occlude(picture(0), Occlusion("bottom", 0.4, 5)).mask
    assert hidden[-102:].all()
    assert not hidden[:-102].any()


def test_rectangles_differ_between_images_and_have_their_aspect() -> None:
    aspects = []
    for seed in range(200):
        rows, columns = np.nonzero(occlude(picture(0), Occlusion("rectangle", 0.1, seed)).mask)
        aspects.append((np.ptp(rows) + 1) / (np.ptp(columns) + 1))
    assert 0.45 < min(aspects) < 0.6
    assert 1.7 < max(aspects) < 2.15
    assert abs(float(np.mean(np.log(aspects)))) < 0.1


@pytest.mark.parametrize("fill", ["grey", "mean", "noise"])
def test_what_hides(fill: str) -> None:
    image = picture(3)
    found = occlude(image, Occlusion("rectangle", 0.3, 9, fill))  # type: ignore[arg-type]
    values = found.image[found.mask]
    assert np.array_equal(found.image[~found.mask], image[~found.mask])
    if fill == "grey":
        assert set(values.ravel().tolist()) == {128}
    elif fill == "mean":
        assert np.abs(values - image.mean((0, 1))).max() <= 0.5
    else:
        more = occlude(image, Occlusion("rectangle", 0.5, 9, "noise")).image
        assert np.array_equal(more[found.mask], values), "a pixel keeps its noise at higher levels"
        assert values.astype(float).std() > 60


def test_a_person_comes_in_from_one_side_with_the_middle_of_the_donor() -> None:
    image, donor = picture(1), picture(2) + np.uint8(120)
    sides = set()
    for seed in range(20):
        found = occlude(image, Occlusion("people", 0.25, seed), donor)
        left = bool(found.mask[0, 0])
        sides.add(left)
        target = slice(0, 32) if left else slice(96, 128)
        assert np.array_equal(found.image[:, target], donor[:, 48:80])
    assert sides == {True, False}


def test_with_a_mask_only_the_person_is_pasted() -> None:
    image, donor, mask = picture(1), picture(2), np.zeros((256, 128), dtype=np.uint8)
    mask[100:, 60:68] = 255
    found = occlude(image, Occlusion("people", 0.5, 3), donor, mask)
    assert found.covered == pytest.approx(156 * 8 / (256 * 128))
    assert np.array_equal(found.image[~found.mask], image[~found.mask])


def test_seeds_tell_images_runs_and_conditions_apart() -> None:
    seeds = {image_seed(*key) for key in [("a", "1.jpg", "people", 0), ("a", "1.jpg", "people", 1)]}
    seeds |= {image_seed("b", "1.jpg", "people", 0), image_seed("a", "2.jpg", "people", 0)}
    assert len(seeds | {image_seed("a", "1.jpg", "bottom", 0)}) == 5
    assert image_seed("market", "query/1.jpg", "rectangle", 0) == 1821464463
    assert {donor_choice(seed, 3) for seed in range(50)} == {0, 1, 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("holes", 0.1, 0), "'holes' is not known: choose rectangle"),
        (("bottom", 1.5, 0), "level must be a number from 0 to 1, not 1.5"),
        (("bottom", 0.5, 0, "red"), "'red' is not known: choose grey"),
    ],
)
def test_wrong_settings_are_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Occlusion(*arguments)  # type: ignore[arg-type]


def test_people_need_a_donor_of_the_same_size() -> None:
    with pytest.raises(DataError, match="give an image of another person"):
        occlude(picture(0), Occlusion("people", 0.5, 0))
    with pytest.raises(DataError, match="must be of the image's size 256×128"):
        occlude(picture(0), Occlusion("people", 0.5, 0), picture(0, SIZE))


def write_split(folder: Path, names: tuple[str, ...], *, masks: bool = False) -> Split:
    folder.mkdir()
    paths = []
    for number, name in enumerate(names):
        file = f"{number}-{name}.png"
        Image.fromarray(picture(number, SIZE)).save(folder / file)
        if masks:
            (folder / "masks").mkdir(exist_ok=True)
            Image.fromarray(picture(90 + number, SIZE)[..., 0] * np.uint8(2)).save(folder / "masks" / file)
        paths.append(file)
    known = tuple(sorted(set(names)))
    identities = np.array([known.index(name) for name in names], dtype=np.int64)
    return Split(folder, pa.array(paths), identities, known)


def test_donors_are_other_people_and_nobody_who_is_searched_for(tmp_path: Path) -> None:
    queries = write_split(tmp_path / "query", ("ann", "bob", "ann"))
    donors = Donors(write_split(tmp_path / "train", ("ann", "cid", "dan", "eve")))
    runs = [OcclusionRun("x", "people", number) for number in range(20)]
    chosen = np.stack([choose_donors(queries, donors, run, frozenset({"dan"})) for run in runs])
    assert set(chosen[:, 0]) == {1, 3}, "neither ann herself nor dan"
    assert set(chosen[:, 1]) == {0, 1, 3}
    with pytest.raises(DataError, match=r"nobody can stand before 0-ann\.png"):
        choose_donors(queries, donors, OcclusionRun("x", "people"), frozenset({"bob", "cid", "dan", "eve"}))


@pytest.mark.parametrize("condition", ["rectangle", "people"])
@pytest.mark.parametrize("masks", [False, True])
def test_a_manifest_makes_every_image_again(tmp_path: Path, condition: str, masks: bool) -> None:
    queries = write_split(tmp_path / "query", ("ann", "bob", "ann"))
    train = write_split(tmp_path / "train", ("cid", "dan"), masks=masks)
    donors = Donors(train, tmp_path / "train" / "masks" if masks else None)
    run = OcclusionRun("x", condition, 1, "noise")  # type: ignore[arg-type]
    chosen = (donors, choose_donors(queries, donors, run, frozenset())) if condition == "people" else None
    tables, images = [], []
    for level in (0.0, 0.3, 0.6):
        source = OccludedSource(PerImageSource(queries, 1), queries, run, level, chosen)
        images.append(source.gather(np.arange(3), SIZE, "bilinear").on().numpy().transpose(0, 2, 3, 1))
        tables.append(manifest_rows(queries, run, level, source, chosen))
    write_manifest(tables, tmp_path / "manifest.parquet")
    rows = pa.parquet.read_table(tmp_path / "manifest.parquet").to_pylist()
    assert len(rows) == 9
    for row, image in zip(rows, np.concatenate(images), strict=True):
        made = reproduce(row, SIZE, "bilinear")
        assert np.array_equal(made.image, image)
        assert made.covered == row["covered"]
    plain = PerImageSource(queries, 1).gather(np.arange(3), SIZE, "bilinear").on().numpy().transpose(0, 2, 3, 1)
    assert np.array_equal(images[0], plain), "level 0 is the clean image"
    assert not np.array_equal(images[1], plain)
