"""Batched resizing against Pillow: hard edges and noise, where orders of passes, weights and rounding show."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from passerby.data.pixels.resizing import resize, resize_in_integers
from tests.data.pictures import picture

SIZES = [(64, 32), (128, 32), (64, 64), (32, 16), (300, 60), (300, 130), (31, 290), (50, 40), (128, 20), (128, 64)]
SIZES += [(9, 1), (1, 1)]


def pictures(kind: str, native: tuple[int, int], count: int = 2) -> torch.Tensor:
    """uint8 [count, 3, h, w] of black and white dots, of noise, or of something like a photograph."""
    if kind == "photographs":
        images = np.stack([np.asarray(picture(seed, native)) for seed in range(count)]).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(images))
    generator = np.random.default_rng(native[0] * 1000 + native[1])
    if kind == "dots":
        return torch.from_numpy(generator.integers(0, 2, (count, 3, *native), dtype=np.uint8) * np.uint8(255))
    return torch.from_numpy(generator.integers(0, 256, (count, 3, *native), dtype=np.uint8))


def by_pillow(images: torch.Tensor, size: tuple[int, int], interpolation: str) -> np.ndarray:
    resampling = Image.Resampling[interpolation.upper()]
    each = (Image.fromarray(np.ascontiguousarray(image)) for image in images.permute(0, 2, 3, 1).numpy())
    return np.stack([np.asarray(image.resize(size[::-1], resampling)).transpose(2, 0, 1) for image in each])


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("kind", ["dots", "noise", "photographs"])
@pytest.mark.parametrize("native", SIZES)
def test_integers_give_exactly_pillows_pixels(native: tuple[int, int], kind: str, interpolation: str) -> None:
    images = pictures(kind, native)
    resized = resize_in_integers(images, (128, 64), interpolation)
    assert resized.dtype == torch.uint8
    assert resized.is_contiguous()
    np.testing.assert_array_equal(resized.numpy(), by_pillow(images, (128, 64), interpolation))


LENGTHS = st.integers(1, 70)


@settings(max_examples=60, deadline=None)
@example((6, 2), (1, 1), "bilinear")  # one pixel, the same in both orders in most pictures
@example((2, 1), (1, 2), "bicubic")
@given(st.tuples(LENGTHS, LENGTHS), st.tuples(LENGTHS, LENGTHS), st.sampled_from(["bilinear", "bicubic"]))
def test_integers_give_exactly_pillows_pixels_at_any_size(
    native: tuple[int, int], size: tuple[int, int], interpolation: str
) -> None:
    images = pictures("dots", native, count=1)
    resized = resize_in_integers(images, size, interpolation)
    np.testing.assert_array_equal(resized.numpy(), by_pillow(images, size, interpolation))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("kind", ["dots", "noise", "photographs"])
@pytest.mark.parametrize("native", SIZES)
def test_on_the_cpu_only_doubled_images_differ_from_pillows_and_only_by_one_grey_level_at_the_border(
    native: tuple[int, int], kind: str, interpolation: str
) -> None:
    images = pictures(kind, native, count=20)
    resized = resize(images, (128, 64), interpolation)
    assert resized.is_contiguous()
    off = np.abs(resized.numpy().astype(int) - by_pillow(images, (128, 64), interpolation))
    if native in {(64, 32), (128, 32), (64, 64)}:
        assert off.max() <= 1
        assert (off > 0).mean() < 0.001
        off = off[:, :, 3:-3, 3:-3]
    assert off.max() == 0


def test_an_image_of_the_right_size_stays_as_it_is() -> None:
    images = pictures("noise", (128, 64))
    assert torch.equal(resize(images, (128, 64), "bicubic"), images)
