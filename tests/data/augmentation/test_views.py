"""Views of images: against torchvision and Pillow, by how draws are distributed, and however they are loaded."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from passerby.data.augmentation import colour
from passerby.data.augmentation import colour_uint8 as colour_levels
from passerby.data.augmentation.view_parameters import ORDERS, Colours, View, ViewDraws, draw_view
from passerby.data.augmentation.views import ViewsTransform, recoloured, seen_one
from passerby.data.cache.pixel_cache import PixelCache
from passerby.data.loading.sources import PerImageSource
from passerby.data.loading.view_loader import ViewBatch, ViewLoader
from passerby.data.pixels.cropping import cut_out, cut_out_one
from passerby.data.split import Split, split_from_names
from passerby.errors import DataError, RecipeError

GLOBAL, LOCAL = View((64, 32), (0.8, 1.0), blur=0.5, solarise=0.5), View((32, 16), (0.05, 0.8), blur=0.5)
TRANSFORM = ViewsTransform((GLOBAL, GLOBAL, LOCAL))


def pictures(count: int, height: int = 40, width: int = 20) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randint(0, 256, (count, 3, height // 4, width // 4), generator=generator, dtype=torch.uint8)
    return functional.resize(coarse, [height, width], antialias=True)


def draws(count: int, view: View = LOCAL, native: tuple[int, int] = (40, 20), **changes: int) -> ViewDraws:
    keys = {"seed": 3, "epoch": 1, "number": 0} | changes
    sizes = np.tile(native, (count, 1))
    return draw_view(view, Colours(), sizes, positions=np.arange(count), ratio=(0.4, 0.6), flip=0.5, **keys)


CHANGES = [
    (colour.change_brightness, functional.adjust_brightness, [0.0, 0.7, 1.0, 1.4]),
    (colour.change_contrast, functional.adjust_contrast, [0.0, 0.7, 1.0, 1.4]),
    (colour.change_saturation, functional.adjust_saturation, [0.0, 0.7, 1.0, 1.4]),
    (colour.change_hue, functional.adjust_hue, [-0.1, 0.0, 0.07, 0.5]),
]


@pytest.mark.parametrize(("ours", "theirs", "amounts"), CHANGES, ids=["brightness", "contrast", "saturation", "hue"])
def test_colours_change_as_in_torchvision(ours, theirs, amounts) -> None:  # type: ignore[no-untyped-def]
    images = pictures(4).float()
    images[0, :, 0] = 77  # grey pixels have no hue
    expected = torch.stack([theirs(image / 255, amount) for image, amount in zip(images, amounts, strict=True)]) * 255
    torch.testing.assert_close(ours(images, torch.tensor(amounts)), expected, atol=0.03, rtol=0)


def test_grey_and_solarised_are_torchvision_s() -> None:
    images = pictures(2).float()
    torch.testing.assert_close(colour.grey_levels(images), functional.rgb_to_grayscale(images), atol=0.03, rtol=0)
    torch.testing.assert_close(
        colour.solarise(images), functional.solarize(images.to(torch.uint8), 128).float(), atol=0, rtol=0
    )


def test_blur_is_a_gaussian_that_goes_on_beyond_the_border() -> None:
    images, deviations = pictures(3).float(), torch.tensor([0.1, 1.0, 2.0])
    blurred = colour.blur(images, deviations)
    for image, found, deviation in zip(images, blurred, deviations.tolist(), strict=True):
        wide = functional.pad(image[None], [8, 8, 8, 8], padding_mode="edge")
        expected = functional.gaussian_blur(wide, [13, 13], [deviation, deviation])[0, :, 8:-8, 8:-8]
        torch.testing.assert_close(found, expected, atol=0.05, rtol=0)


@pytest.mark.parametrize("size", [(64, 32), (16, 8)])
def test_boxes_are_cut_out_as_pillow_does(size: tuple[int, int]) -> None:
    images, drawn = pictures(12), draws(12)
    together = cut_out(images, drawn.boxes, drawn.flipped, size).permute(0, 2, 3, 1).numpy()
    for place, image in enumerate(images):
        top, left, height, width = drawn.boxes[place].tolist()
        mirrored = bool(drawn.flipped[place])
        box = Image.fromarray(image.permute(1, 2, 0).numpy()).crop((left, top, left + width, top + height))
        theirs = np.asarray(box.resize(size[::-1], Image.Resampling.BICUBIC)).astype(np.float32)
        theirs = theirs[:, ::-1] if mirrored else theirs
        alone = cut_out_one(image, (top, left, height, width), size, mirrored=mirrored)
        assert alone.dtype == np.uint8
        assert np.abs(alone - theirs).max() <= 2
        assert np.abs(together[place] - theirs).max() <= 2


PAIRS = [
    (colour_levels.change_brightness, colour.change_brightness, 1.3),
    (colour_levels.change_contrast, colour.change_contrast, 0.7),
    (colour_levels.change_saturation, colour.change_saturation, 1.2),
    (colour_levels.change_hue, colour.change_hue, 0.07),
    (colour_levels.change_hue, colour.change_hue, -0.1),
    (colour_levels.blur, colour.blur, 0.1),
    (colour_levels.blur, colour.blur, 1.7),
]


@pytest.mark.parametrize(("levels", "batched", "amount"), PAIRS)
def test_whole_grey_levels_are_the_batched_values_rounded(levels, batched, amount: float) -> None:  # type: ignore[no-untyped-def]
    (image,) = pictures(1)
    found = levels(image.permute(1, 2, 0).contiguous().numpy(), amount).transpose(2, 0, 1).astype(np.float32)
    expected = batched(image[None].float(), torch.tensor([amount]))[0].numpy()
    hue = levels is colour_levels.change_hue  # 256 steps of hue and of saturation
    assert np.abs(found - expected).mean() < (1.5 if hue else 0.6)
    assert np.abs(found - expected).max() <= (8 if hue else 2)


def test_a_cpu_sees_what_other_devices_see() -> None:
    images, drawn = pictures(16), draws(16)
    together = recoloured(cut_out(images, drawn.boxes, drawn.flipped, (64, 32)), drawn).permute(0, 2, 3, 1).numpy()
    differences = [np.abs(seen_one(images[place], drawn, place, (64, 32)) - together[place]) for place in range(16)]
    assert max(each.mean() for each in differences) < 2.5


@pytest.mark.parametrize("view", [GLOBAL, LOCAL], ids=["global", "local"])
@pytest.mark.parametrize("native", [(128, 64), (300, 80), (64, 64)], ids=["half", "narrow", "square"])
def test_boxes_are_distributed_as_torchvision_s(view: View, native: tuple[int, int]) -> None:
    count = 1000
    ours = draws(count, view, native).boxes
    image = torch.empty(3, *native)
    torch.manual_seed(0)
    theirs = np.array(
        [v2.RandomResizedCrop(1, view.area, (0.4, 0.6)).make_params([image])[key] for _ in range(count) for key in KEYS]
    ).reshape(count, 4)
    assert (ours[:, :2] >= 0).all()
    assert (ours[:, :2] + ours[:, 2:] <= native).all()
    for column in range(4):
        a, b = np.sort(ours[:, column]), np.sort(theirs[:, column])
        assert np.abs(a - b).mean() < 0.02 * max(native)  # distance of the two distributions


KEYS = ("top", "left", "height", "width")


def test_decisions_have_their_probabilities() -> None:
    drawn = draws(4000, View((64, 32), (0.8, 1.0), blur=0.5, solarise=0.2))
    shares = {"flipped": 0.5, "changed": 0.8, "grey": 0.2, "solarised": 0.2}
    for name, share in shares.items():
        assert getattr(drawn, name).mean() == pytest.approx(share, abs=0.03)
    blurred = drawn.deviations[drawn.deviations > 0]
    assert len(blurred) / 4000 == pytest.approx(0.5, abs=0.03)
    assert (blurred.min(), blurred.max()) == pytest.approx((0.1, 2.0), abs=0.01)
    assert drawn.factors.min(0).tolist() == pytest.approx([0.6, 0.6, 0.8, -0.1], abs=0.01)
    assert drawn.factors.max(0).tolist() == pytest.approx([1.4, 1.4, 1.2, 0.1], abs=0.01)
    assert len(np.unique(drawn.orders)) == len(ORDERS) == 24


def test_a_sample_s_draws_depend_on_its_key_alone() -> None:
    whole, part = draws(8), draws(8).take(np.array([5]))
    sizes = np.array([[40, 20]])
    alone = draw_view(
        LOCAL, Colours(), sizes, number=0, positions=np.array([5]), seed=3, epoch=1, ratio=(0.4, 0.6), flip=0.5
    )
    for name, values in vars(alone).items():
        np.testing.assert_array_equal(values, getattr(part, name))
    for changes in ({"seed": 4}, {"epoch": 2}, {"number": 1}):
        assert (draws(8, **changes).boxes != whole.boxes).any()


def test_a_batch_is_recoloured_as_its_images_are_one_by_one() -> None:
    images, drawn = pictures(16).float(), draws(16)  # not solarised: that turns rounding near 128 into a leap
    together = recoloured(images.clone(), drawn)
    for place in range(16):
        alone = recoloured(images[place : place + 1].clone(), drawn.take(np.array([place])))
        torch.testing.assert_close(
            together[place : place + 1], alone, atol=0.05, rtol=0
        )  # blurs reach further in a batch
    assert -0.01 <= float(together.min()) <= float(together.max()) <= 255.01


def split_of(folder: Path) -> Split:
    """Twelve images of two sizes."""
    names = []
    for number, pixels in enumerate([*pictures(6), *pictures(6, 52, 24)]):
        names.append(f"{number:02d}.png")
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / names[-1])
    return split_from_names(folder, names, [str(number // 4) for number in range(12)], None)


def batches(source: PerImageSource | PixelCache, first: int = 0, prefetch: int = 0) -> list[ViewBatch]:
    rows = np.arange(12).reshape(3, 4)[:, ::-1].copy()
    loader = ViewLoader(source, TRANSFORM, rows, (64, 32), images_per_identity=2, seed=7, epoch=2, prefetch=prefetch)
    loader.skip_to(first)
    assert len(loader) == 3
    return list(loader)


def test_views_are_the_same_from_any_source_with_any_prefetch_and_after_a_restart(tmp_path: Path) -> None:
    split = split_of(tmp_path)
    whole = batches(PerImageSource(split))
    native = PixelCache.open(split, None, "bicubic", tmp_path / "cache", show_progress=False)
    assert [tuple(view.shape) for view in whole[0].views] == [(4, 3, 64, 32), (4, 3, 64, 32), (4, 3, 32, 16)]
    assert [batch.indices.tolist() for batch in whole] == [[3, 2, 1, 0], [7, 6, 5, 4], [11, 10, 9, 8]]
    assert not torch.equal(whole[0].views[0], whole[0].views[1])
    for again, first in ((batches(native, prefetch=2), 0), (batches(PerImageSource(split, threads=1), 1), 1)):
        for one, other in zip(whole[first:], again, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one.views, other.views, strict=True))


def test_a_cache_of_one_size_gives_views_too(tmp_path: Path) -> None:
    target = PixelCache.open(split_of(tmp_path), (64, 32), "bicubic", tmp_path / "cache", show_progress=False)
    assert batches(target)[0].views[2].shape == (4, 3, 32, 16)


def test_without_randomness_a_view_is_the_resized_image(tmp_path: Path) -> None:
    split = split_of(tmp_path)
    still = ViewsTransform(
        (View((32, 16), (1.0, 1.0)),), ratio=(0.5, 0.5), flip=0, colours=Colours(probability=0, grey=0)
    )
    loader = ViewLoader(
        PerImageSource(split), still, np.array([[0, 1]]), (64, 32), images_per_identity=1, seed=0, epoch=0
    )
    (batch,) = loader
    whole = functional.resize(
        functional.pil_to_tensor(Image.open(split.path(0))), [32, 16], v2.InterpolationMode.BICUBIC
    )
    mean, std = (torch.tensor(values)[:, None, None] for values in (still.mean, still.std))
    torch.testing.assert_close(batch.views[0][0], (whole / 255 - mean) / std, atol=0.04, rtol=0)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="at least one"):
        ViewsTransform(())
    with pytest.raises(RecipeError, match="area: must be"):
        ViewsTransform((View((8, 8), (0.5, 0.2)),))
    with pytest.raises(DataError, match="cannot skip to step 4"):
        batches(PerImageSource(split_of(tmp_path)), first=4)
