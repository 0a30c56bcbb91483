"""What training sees when images cannot be read at one time and can at another."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from passerby.errors import DataError, RecipeError
from passerby.methods import find_method
from passerby.training.training_data import open_training_data
from tests.methods.small_world import nano_recipe, write_small_world


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return write_small_world(tmp_path / "world")


def damage(file: Path) -> bytes:
    """Make a file unreadable, its size and time as they were; returns what it held."""
    content, moment = file.read_bytes(), file.stat().st_mtime_ns
    restore(file, bytes(len(content)), moment)
    return content


def restore(file: Path, content: bytes, moment: int) -> None:
    file.write_bytes(content)
    os.utime(file, ns=(moment, moment))


def test_what_a_failing_disk_withheld_is_tried_again(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = nano_recipe(world, "data.skip_unreadable=true")
    method = find_method(recipe.method)
    file = sorted((world / "bounding_box_train").iterdir())[5]
    content, moment = damage(file), file.stat().st_mtime_ns
    assert len(open_training_data(recipe, method).training.split) == 31
    restore(file, content, moment)
    assert len(open_training_data(recipe, method).training.split) == 31, "a run that goes on sees what it saw"
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    assert len(open_training_data(recipe, method, retry_unreadable=True).training.split) == 31, "all processes alike"
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    assert len(open_training_data(recipe, method, retry_unreadable=True).training.split) == 32


@pytest.mark.parametrize("cache", ["target", "none"])
def test_rows_never_come_to_mean_other_images(world: Path, cache: str) -> None:
    recipe = nano_recipe(world, "data.skip_unreadable=true", f"data.cache={cache}")
    method = find_method(recipe.method)
    files = sorted((world / "bounding_box_train").iterdir())
    content, moment = damage(files[5]), files[5].stat().st_mtime_ns
    data = open_training_data(recipe, method).training
    source = data.open_plain()
    assert len(source) == len(data.split) == 31
    transforms = (data.train_transform, data.test_transform)
    sources = (data.training, source)
    trained, plain = (
        each.gather(np.arange(31), how.size, how.interpolation).on().float()
        for each, how in zip(sources, transforms, strict=True)
    )
    assert (trained - plain).abs().mean(dim=(1, 2, 3)).max() < 8, "the same images, but for their interpolation"
    restore(files[5], content, moment)
    if cache == "target":  # another run begins meanwhile
        other = open_training_data(recipe, method, retry_unreadable=True).training
        assert len(other.open_plain()) == len(other.split) == 32
    assert len(data.open_plain()) == 31, "the run knows which images it trains on"
    for file in files[9:11]:
        damage(file)
        file.touch()
    with pytest.raises(DataError, match="31 images could be read when training began, 29 of them can now: restore"):
        data.open_plain()


@pytest.mark.parametrize("cache", ["target", "native", "none"])
def test_a_run_that_goes_on_trains_on_no_more_images_than_before(world: Path, cache: str) -> None:
    recipe = nano_recipe(world, "data.skip_unreadable=true", f"data.cache={cache}")
    method = find_method(recipe.method)
    first = open_training_data(recipe, method)
    assert (len(first.training.split), first.left_out.tolist()) == (32, [])
    again = open_training_data(recipe, method, left_out=np.array([5, 31, 99]))  # 99: of a list that was longer
    kept = [row for row in range(32) if row not in (5, 31)]
    assert again.left_out.tolist() == [5, 31]
    file = sorted((world / "bounding_box_train").iterdir())[6]
    content, moment = damage(file), file.stat().st_mtime_ns
    file.touch()
    assert len(open_training_data(recipe, method, left_out=np.array([5, 31])).training.split) == 29
    restore(file, content, moment)
    again = open_training_data(recipe, method, left_out=np.array([5, 31]))
    assert again.training.split.paths.to_pylist() == [first.training.split.paths[row].as_py() for row in kept]
    for old, new, how in (
        (first.training.training, again.training.training, first.training.train_transform),
        (first.training.plain, again.training.plain, first.training.test_transform),
    ):
        before = old.gather(np.array(kept), how.size, how.interpolation).on()
        assert torch.equal(new.gather(np.arange(30), how.size, how.interpolation).on(), before)


def table(world: Path, part: str, name: str) -> Path:
    """A table of one's own of the training images in a world's folder; every image is somebody's."""
    files = sorted((world / part).iterdir())
    file = world / name
    file.write_text("path,identity\n" + "".join(f"{part}/{each.name},{each.name[:4]}\n" for each in files))
    return file


def test_files_in_two_data_sets_are_refused(world: Path) -> None:
    names = f"data.name=[{world},{table(world, 'bounding_box_train', 't.csv')}]"
    recipe = nano_recipe(world, names, "data.root=null")
    with pytest.raises(DataError, match=r"t.csv share 32 images \(.*/bounding_box_train/0001_c1s1_000000_00.jpg\)"):
        open_training_data(recipe, find_method(recipe.method))
    others = write_small_world(world / "others")
    names = f"data.name=[{others},{table(world, 'bounding_box_train', 't.csv')}]"
    recipe = nano_recipe(world, names, "data.root=null")
    assert open_training_data(recipe, find_method(recipe.method)).training.split.identity_count == 8


def test_a_root_that_no_data_set_takes_is_refused(world: Path) -> None:
    tables = [table(world, part, f"{part}.csv") for part in ("bounding_box_train", "query")]
    recipe = nano_recipe(world, f"data.name=[{tables[0]},{tables[1]}]", f"data.root={world}")
    with pytest.raises(RecipeError, match=r"data.root: .* are tables or folders and take no root: leave it out"):
        open_training_data(recipe, find_method(recipe.method))


def test_what_validation_took_is_said_where_too_few_are_left(world: Path) -> None:
    recipe = nano_recipe(world, "data.validation.identities=2")
    with pytest.raises(RecipeError, match=r"show 2 identities: .* \(data.validation.identities sets 2 aside\)$"):
        open_training_data(recipe, find_method(recipe.method))
