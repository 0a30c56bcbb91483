"""The pixel cache on disks that are full, closed, failing or have damaged it."""

import errno
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import namedtuple
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from passerby.data.cache import building as cache_building
from passerby.data.cache.files import find_damage
from passerby.data.cache.pixel_cache import PixelCache
from passerby.data.pixels import reading as reading_images
from passerby.errors import DataError, DeviceError
from tests.data.cache.caches import RAGGED, SIZE, by_pillow, opened, said
from tests.data.pictures import jpeg_split, picture, truncate


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
    assert (tmp_path / "cache" / f"{location.name}.1.damaged").is_dir(), "a run may have it open"
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


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOMEM, errno.EIO, errno.ESTALE, errno.EACCES])
@pytest.mark.parametrize("file", ["manifest.json", "status.npy", "pixels.bin"])
def test_a_cache_that_cannot_be_read_for_now_is_kept(tmp_path, monkeypatch, file, code):
    split = jpeg_split(tmp_path / "images", RAGGED)
    location = opened(split, tmp_path / "cache").location
    before = {path.name: path.stat().st_mtime_ns for path in location.iterdir()}

    def failing(function):
        def failed(path, *arguments, **options):
            if str(path).endswith(file):
                raise OSError(code, os.strerror(code))
            return function(path, *arguments, **options)

        return failed

    monkeypatch.setattr(np, "load", failing(np.load))
    monkeypatch.setattr(Path, "open", failing(Path.open))
    for reading in (partial(opened, split, tmp_path / "cache"), partial(PixelCache, location)):
        with pytest.raises(DeviceError, match=rf"cannot be read \({file}: {os.strerror(code)}\), .* kept: start again"):
            reading()
    monkeypatch.undo()
    assert opened(split, tmp_path / "cache").location == location
    assert {path.name: path.stat().st_mtime_ns for path in location.iterdir()} == before
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == [location]


@pytest.mark.parametrize("size", [SIZE, None])
@pytest.mark.parametrize("left", [0, 0.5])
def test_a_cache_that_is_cut_off_while_it_is_open_gives_a_line(tmp_path, size, left):
    """In a process of its own: what is mapped and cut off ends a process with SIGBUS."""
    split = jpeg_split(tmp_path / "images", RAGGED)
    location = opened(split, tmp_path / "cache", size).location
    code = f"""
import os, sys
import numpy as np
from pathlib import Path
from passerby.data import PixelCache
cache = PixelCache(Path({str(location)!r}))
os.truncate({str(location / "pixels.bin")!r}, int({left} * {(location / "pixels.bin").stat().st_size}))
try:
    cache.images(np.arange({len(split)}), (32, 16), "bicubic")
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.match(r"DataError the pixel cache .* is damaged \(pixels.bin is too short\): start again", done.stdout)


def test_building_goes_on_without_an_earlier_cache_that_cannot_be_read(tmp_path, monkeypatch, capsys):
    split = jpeg_split(tmp_path / "images", RAGGED)
    first = opened(split, tmp_path / "cache").location
    os.utime(split.path(0), ns=(1, 1))
    load = np.load

    def refused(path, *arguments, **options):
        if Path(path).parent == first:
            raise PermissionError(errno.EACCES, "Permission denied")
        return load(path, *arguments, **options)

    monkeypatch.setattr(np, "load", refused)
    cache = opened(split, tmp_path / "cache", show_progress=True)
    assert f"nothing is copied from the pixel cache {first}: " in said(capsys)
    np.testing.assert_array_equal(cache.images(np.arange(len(split))).numpy(), by_pillow(split, range(len(split))))


@pytest.mark.filterwarnings("ignore:Reading `.npy`")
@pytest.mark.parametrize("file", ["records.npy", "status.npy"])
def test_flipped_bits_of_a_header_are_damage(tmp_path, file):
    """NumPy has as many exceptions for them as Python's parser has."""
    location = opened(jpeg_split(tmp_path / "images", RAGGED), tmp_path / "cache").location
    content = (location / file).read_bytes()
    found = []
    for bit in range(0, 8 * 128, 3):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (location / file).write_bytes(flipped)
        found.append(find_damage(location, complete=True))
    assert len([damage for damage in found if damage]) > len(found) / 2  # other bits are of spaces


def cut(file: Path, left: float | None) -> None:
    """Leave this share of a file, or no file."""
    content = file.read_bytes()
    file.unlink()  # a cache that is open keeps what it has mapped
    if left is not None:
        file.write_bytes(content[: int(left * len(content))])


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
