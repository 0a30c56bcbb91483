"""The pixel cache against Pillow, and against everything that can go wrong while it is built."""

import multiprocessing
import os
import pickle
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from passerby.data import cache_building
from passerby.data import reading as reading_images
from passerby.data.cache import PixelCache, default_cache_folder
from passerby.data.cache_files import DONE
from passerby.data.pixels import read_image, resize_image
from passerby.errors import DataError, DeviceError
from tests.data.pictures import jpeg_split, picture, truncate

SIZE = (32, 16)
RAGGED = [(40, 20), (31, 17), (40, 20), (64, 32), (32, 16), (31, 17), (90, 25)]


def opened(split, folder, size=SIZE, **changes) -> PixelCache:
    return PixelCache.open(split, size, "bicubic", folder, **{"show_progress": False} | changes)


def by_pillow(split, rows, size=SIZE, interpolation="bicubic") -> np.ndarray:
    images = [resize_image(read_image(split.path(row)), size, interpolation).transpose(2, 0, 1) for row in rows]
    return np.stack(images)


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that are decoded from now on."""
    names = []

    def reading(path):
        names.append(path.name)
        return read_image(path)

    monkeypatch.setattr(cache_building, "read_image", reading)
    return names


# --- the pixels ------------------------------------------------------------------------------------------------------


def test_target_cache_holds_pillows_pixels(tmp_path):
    split = jpeg_split(tmp_path / "images", RAGGED)
    cache = opened(split, tmp_path / "cache")
    rows = np.array([5, 0, 6, 0])
    images = cache.images(rows)
    assert images.dtype == torch.uint8
    np.testing.assert_array_equal(images.numpy(), by_pillow(split, rows))
    images.zero_()  # a batch is a copy
    np.testing.assert_array_equal(cache.images(rows).numpy(), by_pillow(split, rows))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_native_cache_is_within_a_grey_level_of_pillow(tmp_path, interpolation):
    split = jpeg_split(tmp_path / "images", RAGGED)
    cache = opened(split, tmp_path / "cache", size=None)
    rows = np.array([6, 4, 0, 1, 2, 3, 5, 1])
    images = cache.images(rows, SIZE, interpolation)
    assert images.shape == (8, 3, *SIZE)
    difference = abs(images.numpy().astype(int) - by_pillow(split, rows, SIZE, interpolation))
    assert difference.max() <= 1
    assert not difference[1].any()  # already of that size
    assert (cache.location / "pixels.bin").stat().st_size == sum(3 * h * w for h, w in RAGGED)


def test_one_native_cache_serves_every_size_and_interpolation(tmp_path):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 3)
    first = opened(split, tmp_path / "cache", size=None)
    assert PixelCache.open(split, None, "bilinear", tmp_path / "cache").location == first.location
    assert first.images(np.arange(3), (20, 10), "bilinear").shape == (3, 3, 20, 10)
    with pytest.raises(DataError, match="say which size"):
        first.images(np.arange(3))


def test_rows_can_be_chosen_once_for_all(tmp_path):
    split = jpeg_split(tmp_path / "images", RAGGED)
    cache = opened(split, tmp_path / "cache").take(np.array([6, 2, 4])).take(np.array([2, 0]))
    assert len(cache) == 2
    np.testing.assert_array_equal(cache.images(np.array([0, 1])).numpy(), by_pillow(split, [4, 6]))
    again = pickle.loads(pickle.dumps(cache))
    np.testing.assert_array_equal(again.images(np.array([0, 1])).numpy(), by_pillow(split, [4, 6]))
    assert len(pickle.dumps(cache)) < 2_000


def test_another_size_is_refused(tmp_path):
    cache = opened(jpeg_split(tmp_path / "images", RAGGED), tmp_path / "cache")
    with pytest.raises(DataError, match="holds bicubic images"):
        cache.images(np.array([0]), (8, 8))
    with pytest.raises(DataError, match="holds bicubic images"):
        cache.images(np.array([0]), interpolation="bilinear")


# --- what a cache belongs to -----------------------------------------------------------------------------------------


def test_nothing_is_decoded_twice(tmp_path, decoded):
    split = jpeg_split(tmp_path / "images", RAGGED)
    opened(split, tmp_path / "cache")
    assert len(decoded) == len(RAGGED)
    opened(split, tmp_path / "cache")
    assert len(decoded) == len(RAGGED)


@pytest.mark.parametrize("size", [SIZE, None])
def test_only_changed_files_are_decoded_again(tmp_path, decoded, size):
    split = jpeg_split(tmp_path / "images", RAGGED)
    opened(split, tmp_path / "cache", size)
    picture(99, (50, 22)).save(split.path(2))
    os.utime(split.path(4), ns=(1, 1))
    decoded.clear()
    cache = opened(split, tmp_path / "cache", size)
    assert sorted(decoded) == ["0002.jpg", "0004.jpg"]
    rows = np.arange(len(RAGGED))
    difference = abs(cache.images(rows, SIZE, "bicubic").numpy().astype(int) - by_pillow(split, rows))
    assert difference.max() <= (0 if size else 1)


def test_other_sizes_interpolations_and_orders_are_other_caches(tmp_path):
    split = jpeg_split(tmp_path / "images", RAGGED)
    folder = tmp_path / "cache"
    locations = {
        opened(split, folder).location,
        opened(split, folder, (16, 16)).location,
        opened(split, folder, None).location,
        PixelCache.open(split, SIZE, "bilinear", folder, show_progress=False).location,
        opened(split.take(np.arange(7)[::-1]), folder).location,
    }
    assert len(locations) == 5


def test_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    assert default_cache_folder() == tmp_path
    monkeypatch.delenv("PASSERBY_CACHE")
    assert default_cache_folder() == Path.home() / ".cache" / "passerby"


# --- images that cannot be read --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SIZE, None])
def test_unreadable_images_are_counted_and_named_and_nothing_is_lost(tmp_path, decoded, size):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 12)
    for row in (1, 3, 5):
        truncate(split.path(row))
    split.path(8).unlink()
    split.path(9).write_bytes(b"")
    with pytest.raises(
        DataError, match=r"^5 of 12 images cannot be read \(.*0001.*0003.*0005.*, \.\.\.\): repair"
    ) as caught:
        opened(split, tmp_path / "cache", size)
    assert "0008" not in str(caught.value)
    assert "\n" not in str(caught.value)
    for row in (1, 3, 5, 8, 9):  # repaired: only these are decoded
        picture(row, (40, 20)).save(split.path(row))
    decoded.clear()
    cache = opened(split, tmp_path / "cache", size)
    assert sorted(decoded) == ["0001.jpg", "0003.jpg", "0005.jpg", "0008.jpg", "0009.jpg"]
    assert cache.readable.all()
    difference = cache.images(np.arange(12), SIZE, "bicubic").numpy().astype(int) - by_pillow(split, range(12))
    assert abs(difference).max() <= (0 if size else 1)
    assert [each.name for each in (tmp_path / "cache").glob("*.building")] == []


@pytest.mark.parametrize("size", [SIZE, None])
def test_unreadable_images_can_be_left_out(tmp_path, capsys, size):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 6)
    truncate(split.path(2))
    cache = opened(split, tmp_path / "cache", size, skip_unreadable=True, show_progress=True)
    assert "1 of 6 images cannot be read and are left out: image " in capsys.readouterr().err.replace("\n", " ")
    np.testing.assert_array_equal(cache.readable, [True, True, False, True, True, True])
    with pytest.raises(DataError, match=r"rows \[2\]"):
        cache.images(np.array([1, 2]), SIZE, "bicubic")
    rest = cache.take(np.flatnonzero(cache.readable))
    assert rest.readable.all()
    difference = rest.images(np.arange(5), SIZE, "bicubic").numpy().astype(int) - by_pillow(split, [0, 1, 3, 4, 5])
    assert abs(difference).max() <= (0 if size else 1)
    with pytest.raises(DataError, match="1 of 6 images"):  # whoever does not ask to skip is still told
        opened(split, tmp_path / "cache", size)


def test_a_cache_without_any_readable_image_is_refused(tmp_path):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 2)
    for row in range(2):
        truncate(split.path(row))
    with pytest.raises(DataError, match="2 of 2 images"):
        opened(split, tmp_path / "cache", skip_unreadable=True)
    with pytest.raises(DataError, match="no images"):
        opened(split.take(np.array([], dtype=np.int64)), tmp_path / "cache")


@pytest.mark.parametrize("size", [SIZE, None])
def test_unreadable_images_are_tried_again_when_asked(tmp_path, size, decoded):
    """As after a failing disk or network: the file's size and time are what they were."""
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 6)
    contents = {row: (split.path(row).read_bytes(), split.path(row).stat()) for row in (1, 2, 4)}
    for row in contents:
        split.path(row).write_bytes(bytes(len(contents[row][0])))
        os.utime(split.path(row), ns=(0, contents[row][1].st_mtime_ns))
    first = opened(split, tmp_path / "cache", size, skip_unreadable=True)
    before = first.images(np.array([0, 3, 5]), SIZE, "bicubic")
    decoded.clear()
    again = opened(split, tmp_path / "cache", size, skip_unreadable=True, retry_unreadable=True)
    assert (again.readable.tolist(), decoded) == (first.readable.tolist(), []), "they are as broken as before"
    for row in (1, 4):
        split.path(row).write_bytes(contents[row][0])
        os.utime(split.path(row), ns=(0, contents[row][1].st_mtime_ns))
    unasked = opened(split, tmp_path / "cache", size, skip_unreadable=True)
    np.testing.assert_array_equal(unasked.readable, first.readable)
    healed = opened(split, tmp_path / "cache", size, skip_unreadable=True, retry_unreadable=True)
    assert healed.location == first.location
    np.testing.assert_array_equal(healed.readable, [True, True, False, True, True, True])
    rows = np.flatnonzero(healed.readable)
    difference = abs(healed.images(rows, SIZE, "bicubic").numpy().astype(int) - by_pillow(split, rows))
    assert difference.max() <= (0 if size else 1)
    np.testing.assert_array_equal(first.images(np.array([0, 3, 5]), SIZE, "bicubic"), before)
    with pytest.raises(DataError, match=r"1 of 6 images cannot be read \(image .*0002"):
        opened(split, tmp_path / "cache", size)


# --- disks -----------------------------------------------------------------------------------------------------------


def test_size_is_told_and_lack_of_room_refused(tmp_path, monkeypatch, capsys):
    split = jpeg_split(tmp_path / "images", RAGGED)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6, 100))
    with pytest.raises(DeviceError, match=r"no room for the pixel cache in .*7 images at 32x16 .*PASSERBY_CACHE"):
        opened(split, tmp_path / "cache")
    monkeypatch.undo()
    opened(split, tmp_path / "cache", show_progress=True)
    assert "7 images at 32x16 (bicubic), 0.0 MiB" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_a_cache_folder_that_is_a_file_is_named(tmp_path, folder):
    split = jpeg_split(tmp_path / "images", RAGGED)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        DeviceError, match=rf"cannot be kept in .*{folder}, for that is a file .*: name another"
    ) as caught:
        opened(split, tmp_path / folder)
    assert "data.cache_folder" in str(caught.value)
    assert "PASSERBY_CACHE" in str(caught.value)


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    split = jpeg_split(tmp_path / "images", RAGGED)

    def refused(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache_building.Path, "mkdir", refused)
    with pytest.raises(
        DeviceError, match=r"cannot write the pixel cache in .*cache: Permission denied; name another folder"
    ):
        opened(split, tmp_path / "cache")


def test_a_disk_that_fills_up_loses_nothing(tmp_path, monkeypatch, decoded):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 10)
    write = cache_building.Builder._write
    monkeypatch.setattr(reading_images, "_BLOCK", 2)

    def full(builder, pixels, offset, image):
        if offset >= 6 * 3 * 32 * 16:
            raise OSError(28, "No space left on device")
        write(builder, pixels, offset, image)

    monkeypatch.setattr(cache_building.Builder, "_write", full)
    with pytest.raises(DeviceError, match="No space left on device"):
        opened(split, tmp_path / "cache")
    monkeypatch.setattr(cache_building.Builder, "_write", write)
    decoded.clear()
    cache = opened(split, tmp_path / "cache")
    assert sorted(decoded) == [f"{row:04d}.jpg" for row in range(6, 10)]
    np.testing.assert_array_equal(cache.images(np.arange(10)).numpy(), by_pillow(split, range(10)))


@pytest.mark.parametrize("file", ["manifest.json", "records.npy", "status.npy", "unreadable.json", "pixels.bin"])
@pytest.mark.parametrize("left", [0, 0.5, None])
def test_a_damaged_cache_is_built_again(tmp_path, file, left, capsys):
    split = jpeg_split(tmp_path / "images", RAGGED)
    location = opened(split, tmp_path / "cache").location
    cut(location / file, left)
    if file != "unreadable.json":  # which only building needs
        with pytest.raises(DataError, match=r"^the pixel cache .* is damaged \(.*start again"):
            PixelCache(location)
    cache = opened(split, tmp_path / "cache", show_progress=True)
    assert re.search(rf"{re.escape(str(location))} is damaged \(.*\) and is built again", said(capsys))
    assert cache.location == location
    np.testing.assert_array_equal(cache.images(np.arange(len(split))).numpy(), by_pillow(split, range(len(split))))
    opened(split, tmp_path / "cache", show_progress=True)
    assert "damaged" not in said(capsys)


@pytest.mark.parametrize("size", [SIZE, None])
@pytest.mark.parametrize("left", [0, 0.33, None])
def test_nothing_is_copied_from_a_damaged_cache(tmp_path, size, left, capsys):
    split = jpeg_split(tmp_path / "images", RAGGED)
    first = opened(split, tmp_path / "cache", size).location
    cut(first / "pixels.bin", left)
    os.utime(split.path(0), ns=(1, 1))
    cache = opened(split, tmp_path / "cache", size, show_progress=True)
    assert cache.location != first
    assert f"nothing is copied from the pixel cache {first}: it is damaged" in said(capsys)
    images = cache.images(np.arange(len(split)), SIZE, "bicubic").numpy().astype(int)
    assert abs(images - by_pillow(split, range(len(split)))).max() <= (0 if size else 1)


@pytest.mark.parametrize("file", ["records.npy", "status.npy", "pixels.bin"])
def test_a_damaged_half_built_cache_is_begun_anew(tmp_path, file, capsys):
    split = jpeg_split(tmp_path / "images", RAGGED)
    truncate(split.path(3))
    with pytest.raises(DataError, match="cannot be read"):
        opened(split, tmp_path / "cache")
    (building,) = (tmp_path / "cache").glob("*.building")
    cut(building / file, 0.5)
    cache = opened(split, tmp_path / "cache", show_progress=True, skip_unreadable=True)
    assert re.search(rf"{re.escape(str(building))} is damaged \(.*\) and is built again", said(capsys))
    rows = np.array([row for row in range(len(split)) if row != 3])
    np.testing.assert_array_equal(cache.images(rows).numpy(), by_pillow(split, rows))


def cut(file: Path, left: float | None) -> None:
    """Leave this share of a file, or no file."""
    content = file.read_bytes()
    file.unlink()  # a cache that is open keeps what it has mapped
    if left is not None:
        file.write_bytes(content[: int(left * len(content))])


def said(capsys) -> str:
    """What was said on stderr since the last call, on one line."""
    return capsys.readouterr().err.replace("\n", "")


def test_an_earlier_cache_of_the_same_images_is_named(tmp_path, capsys):
    split = jpeg_split(tmp_path / "images", RAGGED)
    first = opened(split, tmp_path / "a cache", show_progress=True).location
    other = opened(split, tmp_path / "a cache", (16, 16), show_progress=True).location
    assert "rm -r" not in capsys.readouterr().err
    picture(99, (50, 22)).save(split.path(2))
    second = opened(split, tmp_path / "a cache", show_progress=True).location
    assert len({first, second, other}) == 3
    said = capsys.readouterr().err.replace("\n", "")
    assert f"rm -r {shlex.quote(str(first))}" in said
    assert str(other) not in said
    assert first.is_dir(), "a run may be reading it"


# --- interruptions and other processes -------------------------------------------------------------------------------


def test_an_interrupted_build_is_resumed(tmp_path, monkeypatch, decoded):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 20)
    monkeypatch.setattr(reading_images, "_BLOCK", 4)
    reading = cache_building.read_image

    def interrupted(path):
        if path.name == "0013.jpg":
            raise KeyboardInterrupt
        return reading(path)

    monkeypatch.setattr(cache_building, "read_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        opened(split, tmp_path / "cache")
    monkeypatch.setattr(cache_building, "read_image", reading)
    decoded.clear()
    cache = opened(split, tmp_path / "cache")
    assert sorted(decoded) == [f"{row:04d}.jpg" for row in range(12, 20)]
    np.testing.assert_array_equal(cache.images(np.arange(20)).numpy(), by_pillow(split, range(20)))


_BUILD = """
import signal, sys
from pathlib import Path
from passerby.data import cache_building
from passerby.data import reading as reading_images
from passerby.data.cache import PixelCache
from passerby.data.pixels import read_image
from passerby.data.split import split_from_names

images, folder, log, last = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])

def reading(path):
    if int(path.stem) == last:
        signal.raise_signal(signal.SIGKILL)
    with log.open("a") as stream:
        stream.write(path.name + "\\n")
    return read_image(path)

cache_building.read_image = reading
reading_images._BLOCK, cache_building._COMMIT_SECONDS = 4, -1.0
names = sorted(path.name for path in images.iterdir())
count = len(names)
split = split_from_names(images, names, [f"person{i % 3}" for i in range(count)], [f"c{i % 2}" for i in range(count)])
print("ready", flush=True)
sys.stdin.readline()
cache = PixelCache.open(split, (32, 16), "bicubic", folder)
print(int(cache.images(__import__("numpy").arange(count)).sum()))
"""


def start_building(tmp_path: Path, *, killed_at: int = -1) -> "subprocess.Popen[str]":
    """A process that builds the cache once it is told a line, and is killed when it comes to that image."""
    arguments = [str(tmp_path / "images"), str(tmp_path / "cache"), str(tmp_path / "log"), str(killed_at)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", _BUILD, *arguments], text=True, **pipes)


def test_a_killed_build_is_resumed(tmp_path, decoded):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 60)
    process = start_building(tmp_path, killed_at=30)
    process.communicate("go\n", timeout=300)
    assert process.returncode == -signal.SIGKILL
    (file,) = (tmp_path / "cache").glob("*.building/status.npy")
    done = np.load(file) == DONE
    assert done.tolist() == [True] * 28 + [False] * 32  # in blocks of four
    cache = opened(split, tmp_path / "cache")
    assert sorted(decoded) == [f"{row:04d}.jpg" for row in range(28, 60)]
    np.testing.assert_array_equal(cache.images(np.arange(60)).numpy(), by_pillow(split, range(60)))


def test_of_several_processes_one_builds(tmp_path):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 60)
    processes = [start_building(tmp_path) for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted((tmp_path / "log").read_text().split()) == [f"{row:04d}.jpg" for row in range(60)]
    assert {int(output) for output, _ in outputs} == {int(by_pillow(split, range(60)).sum())}
    assert sum("another process builds" in errors for _, errors in outputs) <= 1


def test_a_spawned_process_maps_the_file_itself(tmp_path):
    split = jpeg_split(tmp_path / "images", RAGGED)
    cache = opened(split, tmp_path / "cache")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        images = pool.apply(cache.images, (np.array([3, 1]),))
    np.testing.assert_array_equal(images.numpy(), by_pillow(split, [3, 1]))


def test_palette_and_transparency_are_cached_as_rgb(tmp_path):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 3)
    Image.new("RGBA", (20, 40), (10, 20, 30, 0)).save(split.path(1), format="PNG")
    picture(5, (40, 20)).convert("P").save(split.path(2), format="PNG")
    cache = opened(split, tmp_path / "cache")
    np.testing.assert_array_equal(cache.images(np.arange(3)).numpy(), by_pillow(split, range(3)))
    assert cache.images(np.array([1]))[0, :, 0, 0].tolist() == [10, 20, 30]
