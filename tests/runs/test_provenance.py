"""A run goes on with the images it began with: copies are the same, changed files are not."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from passerby.errors import DataError, RecipeError
from passerby.runs.file_stamps import check_same_files, measure_files, read_stamps
from passerby.runs.recipe_data import open_sets
from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.training.runner import train
from tests.methods.small_world import nano_recipe, write_small_world
from tests.training.resumed import resume

HOUR = 3_600 * 10**9
SPLIT = {"images": 1, "identities": 1, "cameras": 1, "fingerprint": "a", "labels": "a"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    train(nano_recipe(world, "stage1.epochs=0", "stage2.epochs=1"), folder)
    return folder


@pytest.fixture
def finished(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def copied(world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world, tmp_path / "copy", ignore=shutil.ignore_patterns("cache")))


def images(world: Path, part: str = "") -> list[Path]:
    return sorted(world.glob(f"{part or '*'}/*.jpg"))


def later(file: Path, by: int = HOUR) -> None:
    moment = file.stat().st_mtime_ns + by
    os.utime(file, ns=(moment, moment))


def test_every_file_is_remembered(finished: Path, world: Path) -> None:
    stored = read_stamps(finished / "data-files.npz")
    for part, folder in (("train", "bounding_box_train"), ("query", "query"), ("gallery", "bounding_box_test")):
        files = [file.stat() for file in images(world, folder)]
        assert sorted(stored[f"0.{part}.bytes"]) == sorted(each.st_size for each in files)
        assert sorted(stored[f"0.{part}.times"]) == sorted(each.st_mtime_ns for each in files)


@pytest.mark.parametrize("unfinished", [True, False], ids=["goes on", "finished"])
@pytest.mark.parametrize("folder", ["bounding_box_train", "query"])
def test_one_changed_image_is_noticed_and_named(finished: Path, copied: Path, folder: str, unfinished: bool) -> None:
    if unfinished:
        (finished / "model.safetensors").unlink()
    part = {"bounding_box_train": "train"}.get(folder, folder)
    changed = images(copied, folder)[3]
    later(changed)
    with pytest.raises(DataError, match=rf"1 of \d+ {part} images have changed .*{changed.name}.* delete .*files.npz"):
        resume(finished, f"data.root={copied}")
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(DataError, match=rf"1 of \d+ {part} images have changed .*{changed.name}") as caught:
        resume(finished, f"data.root={copied}")
    assert "delete" not in str(caught.value)


def test_a_copy_with_times_of_its_own_is_the_same_and_remembered(finished: Path, copied: Path) -> None:
    (finished / "model.safetensors").unlink()
    for file in images(copied):
        later(file)
    resume(finished, f"data.root={copied}")
    now = measure_files(open_sets(resolve_recipe(TrainingRequest(None, resume=finished)).data))
    stored = read_stamps(finished / "data-files.npz")
    assert all(np.array_equal(stored[name], now[name]) for name in now)
    largest = max(images(copied), key=lambda file: file.stat().st_size)
    moment = largest.stat().st_mtime_ns
    largest.write_bytes(largest.read_bytes() + b"\0")
    os.utime(largest, ns=(moment, moment))
    for file in images(copied):
        later(file)
    with pytest.raises(DataError, match=f"1 of .* images have changed .*{largest.name}"):
        resume(finished)


def test_a_copy_that_lost_an_image_is_found_before_training(finished: Path, copied: Path) -> None:
    (finished / "model.safetensors").unlink()
    broken = images(copied, "query")[2]
    broken.write_bytes(bytes(broken.stat().st_size))
    for file in images(copied):
        later(file)
    with pytest.raises(DataError, match=f"market-layout, query: 1 of 8 images cannot be read .*{broken.name}"):
        resume(finished, f"data.root={copied}")


def test_file_systems_may_count_coarsely(finished: Path, copied: Path) -> None:
    for file in images(copied)[::2]:
        later(file, 10**9)
    assert resume(finished, f"data.root={copied}") == finished / "model.safetensors"


def test_without_the_record_of_files_64_sizes_are_compared(
    finished: Path, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished / "data-files.npz").unlink()
    later(images(copied)[3])
    resume(finished, f"data.root={copied}")
    assert "64 sizes are compared" in capsys.readouterr().err
    (finished / "data-files.npz").unlink()  # resuming has written it again
    images(copied)[3].write_bytes(b"another size")
    with pytest.raises(DataError, match="other files or labels"):
        resume(finished, f"data.root={copied}")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"{}"])
def test_a_damaged_record_is_named(finished: Path, content: bytes) -> None:
    (finished / "data-files.npz").write_bytes(content)
    with pytest.raises(RecipeError, match=r"data-files.npz: is damaged"):
        resume(finished)


def test_no_flipped_bit_of_the_record_goes_through(finished: Path) -> None:
    file = finished / "data-files.npz"
    whole, sound = file.read_bytes(), read_stamps(file)
    named = 0
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            found = read_stamps(file)
        except RecipeError:
            named += 1
        else:
            assert all(np.array_equal(found[name], sound[name]) for name in found.keys() & sound.keys())
    assert named > len(whole) / 2


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"sets": [], "trained_on": {}},
        {"sets": {}, "trained_on": None},
        {"sets": [{}], "trained_on": SPLIT},
        {"sets": [{"name": "own", "query": {**SPLIT, "cameras": None}}], "trained_on": SPLIT},
        {"sets": [{"name": "own", "train": {}}], "trained_on": SPLIT},
    ],
)
def test_a_description_that_lacks_something_is_named(finished: Path, content: object) -> None:
    (finished / "data.json").write_text(json.dumps(content))
    with pytest.raises(RecipeError, match=r"data.json: is missing or damaged"):
        resume(finished)


def test_images_that_broke_may_be_left_out_but_nobody_may_vanish(finished: Path, copied: Path) -> None:
    for file in (finished / "model.safetensors", finished / "checkpoints" / "stage2-images.safetensors"):
        file.unlink()
    first = images(copied, "bounding_box_train")
    first[0].write_bytes(first[0].read_bytes()[:300])
    skipping = (f"data.root={copied}", "data.skip_unreadable=true")
    with pytest.raises(DataError, match="cannot be read"):
        resume(finished, skipping[0])
    assert resume(finished, *skipping) == finished / "model.safetensors"
    (finished / "model.safetensors").unlink()
    (finished / "checkpoints" / "stage2-images.safetensors").unlink()
    shutil.copytree(copied, copied.parent / "worse")
    for file in images(copied.parent / "worse", "bounding_box_train")[1:8]:
        file.write_bytes(b"")
    with pytest.raises(DataError, match=r"the images that can be read are not those"):
        resume(finished, f"data.root={copied.parent / 'worse'}")


@pytest.mark.parametrize("part", ["query", "bounding_box_train"])
def test_an_image_that_broke_may_be_restored(finished: Path, copied: Path, part: str) -> None:
    broken = images(copied, part)[1]
    content, moment = broken.read_bytes(), broken.stat().st_mtime_ns
    places = f"data.root={copied}", f"data.cache_folder={copied / 'cache'}"
    broken.write_bytes(content[:200])
    for given in ((*places, "data.skip_unreadable=true"), (), ("data.skip_unreadable=false",)):
        for file in (finished / "model.safetensors", finished / "checkpoints" / "stage2-images.safetensors"):
            file.unlink()
        assert resume(finished, *given) == finished / "model.safetensors"
        broken.write_bytes(content)
        os.utime(broken, ns=(moment, moment))


def test_a_copy_may_lack_an_image_that_the_run_lacked(finished: Path, copied: Path) -> None:
    before, now = (measure_files(open_sets(nano_recipe(root).data)) for root in (copied, copied))
    sets = open_sets(nano_recipe(copied).data)
    for name in now:
        before[name][0] = -1
        if name.endswith("times"):
            now[name] += HOUR
        now[name][0] = -1
    assert check_same_files(before, now, sets, finished / "data-files.npz").unread


@pytest.mark.parametrize("unfinished", [True, False], ids=["goes on", "finished"])
def test_where_data_lies_now_is_remembered(finished: Path, copied: Path, unfinished: bool) -> None:
    record = json.loads((finished / "data.json").read_text())
    if unfinished:
        (finished / "model.safetensors").unlink()
    for file in images(copied):
        later(file)
    resume(finished, f"data.root={copied}")
    again = resolve_recipe(TrainingRequest(None, resume=finished))
    assert again.data.root == copied
    now, stored = measure_files(open_sets(again.data)), read_stamps(finished / "data-files.npz")
    assert all(np.array_equal(stored[name], now[name]) for name in now)
    assert json.loads((finished / "data.json").read_text())["trained_on"] == record["trained_on"]


def test_turning_skipping_on_does_not_change_the_network(finished: Path, copied: Path) -> None:
    for file in (finished / "model.safetensors", finished / "checkpoints" / "stage2-images.safetensors"):
        file.unlink()
    for file in images(copied, "bounding_box_train")[:8]:  # all of one person
        file.write_bytes(b"")
    with pytest.raises(DataError, match=r"=true changes what the network .* \(32 images then, 24 now, 4 id"):
        resume(finished, f"data.root={copied}", "data.skip_unreadable=true")
