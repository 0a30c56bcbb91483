"""The pixel cache against Pillow, and what it belongs to."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from passerby.data.cache.pixel_cache import PixelCache
from passerby.errors import DataError
from passerby.output_paths import default_cache_folder
from tests.data.cache.caches import RAGGED, SIZE, by_pillow, opened
from tests.data.pictures import jpeg_split, picture, truncate

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


def test_palette_and_transparency_are_cached_as_rgb(tmp_path):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 3)
    Image.new("RGBA", (20, 40), (10, 20, 30, 0)).save(split.path(1), format="PNG")
    picture(5, (40, 20)).convert("P").save(split.path(2), format="PNG")
    cache = opened(split, tmp_path / "cache")
    np.testing.assert_array_equal(cache.images(np.arange(3)).numpy(), by_pillow(split, range(3)))
    assert cache.images(np.array([1]))[0, :, 0, 0].tolist() == [10, 20, 30]


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
    with pytest.raises(DataError, match=r"none of the 2 images can be read .*: repair or replace them$"):
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
