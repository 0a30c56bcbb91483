"""The batched transform against torchvision's chain, timm's RandomErasing and first principles."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from timm.data.random_erasing import RandomErasing
from torchvision.transforms import InterpolationMode, v2

from passerby.data.augmentation import batch as augmentation
from passerby.data.augmentation.batch import sample_parameters
from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.pixels.decoding import resize_image
from passerby.errors import DataError, RecipeError

SIZE = (64, 32)


def random_images(count: int, size: tuple[int, int] = SIZE, seed: int = 0) -> torch.Tensor:
    generator = np.random.default_rng(seed)
    return torch.from_numpy(
        generator.integers(1, 256, (count, 3, *size), dtype=np.uint8)
    )  # no zeros: zeros are padding


def smooth_picture(size: tuple[int, int]) -> Image.Image:
    rows, columns = np.mgrid[: size[0], : size[1]]
    waves = [127 + 120 * np.sin(rows / (4 + channel)) * np.cos(columns / (3 + channel)) for channel in range(3)]
    return Image.fromarray(np.stack(waves, axis=2).astype(np.uint8))


def drawn(count: int, **changes):
    arguments = {"flip": 0.5, "padding": 10, "erasing": 0.5, "seed": 3, "epoch": 1} | changes
    return sample_parameters(np.arange(count), (256, 128), **arguments)


# --- the same distribution -------------------------------------------------------------------------------------------


def test_flip_rate_and_crop_offsets():
    parameters = drawn(20_000, erasing=0.0)
    assert stats.binomtest(int(parameters.flipped.sum()), 20_000, 0.5).pvalue > 1e-4
    for axis in range(2):
        counts = np.bincount(parameters.shifts[:, axis] + 10, minlength=21)
        assert len(counts) == 21
        assert stats.chisquare(counts).pvalue > 1e-4
    assert abs(np.corrcoef(parameters.shifts.T)[0, 1]) < 0.03
    assert not parameters.noise.size


def test_erased_boxes_follow_the_published_distribution():
    parameters = drawn(3_000, padding=0)
    erased = parameters.boxes[parameters.boxes[:, 2] > 0]
    top, left, height, width = erased.T
    assert stats.binomtest(len(erased), 3_000, 0.5).pvalue > 1e-4
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 256).all()
    assert (left + width <= 128).all()
    rounding = 1.05
    area = height * width / (256 * 128)
    assert area.min() > 0.02 / rounding
    assert area.max() < 1 / 3 * rounding
    aspect = height / width
    assert aspect.min() > 0.3 / rounding
    assert aspect.max() < 1 / 0.3 * rounding
    assert abs(stats.kurtosis(parameters.noise)) < 0.01  # standard normal: 0
    assert abs(parameters.noise.mean()) < 1e-3
    assert abs(parameters.noise.std() - 1) < 1e-3


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_erased_boxes_against_other_implementations(library):
    """Two-sample Kolmogorov-Smirnov tests of height, width and place."""
    torch.manual_seed(0)
    import random

    random.seed(0)
    transform = (
        RandomErasing(1.0, mode="pixel", max_count=1, device="cpu")
        if library == "timm"
        else v2.RandomErasing(1.0, scale=(0.02, 1 / 3), ratio=(0.3, 1 / 0.3), value="random")
    )
    theirs = []
    for _ in range(1_500):
        erased = transform(torch.zeros(1, 64, 32))[0] != 0
        rows, columns = erased.any(1).nonzero(), erased.any(0).nonzero()
        theirs.append([rows.min(), columns.min(), rows.max() - rows.min() + 1, columns.max() - columns.min() + 1])
    ours = sample_parameters(np.arange(10_000), (64, 32), flip=0, padding=0, erasing=1.0, seed=0, epoch=0).boxes
    ours = ours[ours[:, 2] > 0]
    for column in range(4):
        assert stats.ks_2samp(ours[:, column], np.array(theirs)[:, column]).pvalue > 1e-3


def test_whole_transform_has_the_moments_of_the_chain():
    """Mean and variance of every pixel over many draws, the chain against the batch."""
    transform = TrainTransform(size=(16, 8), padding=2)
    picture = smooth_picture((16, 8))
    chain = transform.chain()
    torch.manual_seed(0)
    count = 3_000
    theirs = torch.stack([chain(picture) for _ in range(count)])
    batch = torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).copy()).expand(count, -1, -1, -1)
    ours = transform.augment(batch.contiguous(), seed=0, epoch=0, positions=np.arange(count))
    error = ((theirs.var(0) + ours.var(0)) / count).sqrt()
    deviation = (theirs.mean(0) - ours.mean(0)) / error
    assert deviation.abs().max() < 5
    assert abs(deviation.square().mean() - 1) < 0.5
    assert (theirs.std(0) - ours.std(0)).abs().max() < 0.1


def test_chain_without_randomness_equals_the_batch():
    transform = TrainTransform(size=(32, 16), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), flip=0, padding=0)
    transform = TrainTransform(**{**vars(transform), "erasing": 0.0})
    picture = smooth_picture((50, 21))
    pixels = resize_image(picture, transform.size, "bicubic")
    ours = transform.augment(
        torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()), seed=0, epoch=0, positions=np.array([0])
    )
    torch.testing.assert_close(ours[0], transform.chain()(picture), atol=1e-6, rtol=0)


# --- what the operations do ------------------------------------------------------------------------------------------


def test_shift_is_pad_then_crop_of_the_flipped_image():
    images = random_images(40)
    parameters = sample_parameters(np.arange(40), SIZE, flip=0.5, padding=10, erasing=0.0, seed=0, epoch=0)
    shifted = augmentation.shift(images, parameters)
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (10, 10), (10, 10)))
    flipped = np.pad(images.numpy()[..., ::-1], ((0, 0), (0, 0), (10, 10), (10, 10)))
    for sample, (down, right) in enumerate(parameters.shifts + 10):
        source = flipped if parameters.flipped[sample] else padded
        expected = source[sample, :, down : down + SIZE[0], right : right + SIZE[1]]
        np.testing.assert_array_equal(shifted[sample].numpy(), expected)


def test_shift_beyond_the_image_is_black():
    images = random_images(200, (4, 3))
    parameters = sample_parameters(np.arange(200), (4, 3), flip=0.5, padding=9, erasing=0.0, seed=0, epoch=0)
    gone = (abs(parameters.shifts) >= (4, 3)).any(axis=1)
    assert gone.any()
    assert not augmentation.shift(images, parameters)[gone].any()
    assert augmentation.shift(images, parameters)[~gone].flatten(1).any(1).all()


def test_copying_and_gathering_give_the_same_pixels():
    images = random_images(30)
    parameters = sample_parameters(np.arange(30), SIZE, flip=0.5, padding=40, erasing=0.0, seed=0, epoch=0)
    copied = augmentation._shift_by_copying(images, parameters)
    assert torch.equal(copied, augmentation._shift_by_gathering(images, parameters))


def test_erasing_by_boxes_and_by_mask_give_the_same_pixels():
    parameters = sample_parameters(np.arange(30), SIZE, flip=0.5, padding=0, erasing=0.7, seed=0, epoch=0)
    assert 0 < (parameters.boxes[:, 2] > 0).sum() < 30
    by_boxes, by_mask = torch.zeros(30, 3, *SIZE), torch.zeros(30, 3, *SIZE)
    augmentation._erase_by_boxes(by_boxes, parameters)
    augmentation._erase_by_mask(by_mask, parameters)
    assert by_boxes.any()
    assert torch.equal(by_boxes, by_mask)


def test_erasing_changes_the_box_and_nothing_else():
    transform = TrainTransform(size=SIZE, flip=0, padding=0, erasing=1.0)
    images = random_images(20)
    parameters = transform.sample(seed=0, epoch=0, positions=np.arange(20))
    erased = transform.apply(images, parameters)
    whole = augmentation.normalise(images, transform.mean, transform.std)
    end = 0
    for sample, (top, left, height, width) in enumerate(parameters.boxes.tolist()):
        box = erased[sample, :, top : top + height, left : left + width]
        begin, end = end, end + box.numel()
        np.testing.assert_array_equal(box.numpy().ravel(), parameters.noise[begin:end])
        box.copy_(whole[sample, :, top : top + height, left : left + width])
    assert torch.equal(erased, whole)


# --- randomness is keyed ---------------------------------------------------------------------------------------------


def test_a_sample_does_not_depend_on_its_batch():
    transform = TrainTransform(size=SIZE)
    images = random_images(24)
    positions = np.arange(100, 124)
    whole = transform.augment(images, seed=5, epoch=2, positions=positions)
    order = np.random.default_rng(0).permutation(24)
    shuffled = transform.augment(images[order], seed=5, epoch=2, positions=positions[order])
    assert torch.equal(shuffled, whole[order])
    single = [transform.augment(images[[i]], seed=5, epoch=2, positions=torch.tensor([100 + i])) for i in range(24)]
    assert torch.equal(torch.cat(single), whole)


def test_seed_epoch_and_position_all_matter():
    transform = TrainTransform(size=SIZE)
    images = random_images(1).expand(16, -1, -1, -1).contiguous()
    reference = {"seed": 5, "epoch": 2, "positions": np.arange(16)}
    base = transform.augment(images, **reference)
    for change in ({"seed": 6}, {"epoch": 3}, {"positions": np.arange(16, 32)}):
        other = transform.augment(images, **reference | change)
        assert not (other == base).flatten(1).all(1).all()
    assert len({sample.numpy().tobytes() for sample in base}) == 16


def test_global_generators_are_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    TrainTransform(size=SIZE).augment(random_images(4), seed=0, epoch=0, positions=np.arange(4))
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_draws_are_numpys_philox_at_the_documented_counter():
    """The key is (seed, epoch), the counter (0, 0, position, stream): what a foreign implementation would need."""
    parameters = sample_parameters(np.array([77]), (256, 128), flip=0.5, padding=10, erasing=1.0, seed=11, epoch=4)
    uniforms = np.random.Generator(np.random.Philox(key=[11, 4], counter=[0, 0, 77, 0])).random(3)
    assert parameters.flipped[0] == (uniforms[0] < 0.5)
    np.testing.assert_array_equal(parameters.shifts[0], np.floor(uniforms[1:] * 21) - 10)
    noise = np.random.Generator(np.random.Philox(key=[11, 4], counter=[0, 0, 77, 1]))
    np.testing.assert_array_equal(parameters.noise, noise.standard_normal(len(parameters.noise), dtype=np.float32))


# --- the test transform ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_test_transform_is_torchvisions(interpolation):
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    transform = TestTransform((48, 20), mean, std, interpolation)
    chain = v2.Compose(
        [
            v2.Resize([48, 20], InterpolationMode(interpolation), antialias=True),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(list(mean), list(std)),
        ]
    )
    for size in ((100, 41), (20, 20), (48, 20)):
        picture = smooth_picture(size)
        torch.testing.assert_close(transform(picture), chain(picture), atol=1e-6, rtol=0)
        assert torch.equal(transform(np.asarray(picture)), transform(picture))
        batch = torch.from_numpy(transform.resize(picture).transpose(2, 0, 1)[None].copy())
        assert torch.equal(transform.normalise(batch)[0], transform(picture))


def test_test_transform_takes_any_mode():
    grey = smooth_picture((30, 20)).convert("L")
    assert TestTransform((16, 8))(grey).shape == (3, 16, 8)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": (0, 4)}, "size"),
        ({"size": (4, 4, 4)}, "size"),
        ({"std": (0.5, 0.0, 0.5)}, "std"),
        ({"mean": (0.5,)}, "mean"),
        ({"interpolation": "nearest"}, "bilinear, bicubic"),
        ({"flip": 1.5}, "flip"),
        ({"erasing": -0.1}, "erasing"),
        ({"erasing": math.nan}, "erasing"),
        ({"padding": -1}, "padding"),
    ],
)
def test_impossible_transforms_are_refused(arguments, message):
    with pytest.raises(RecipeError, match=message):
        TrainTransform(**arguments)


def test_wrong_batches_are_refused():
    transform = TrainTransform(size=SIZE)
    with pytest.raises(DataError, match=r"uint8 \[B, 3, 64, 32\]"):
        transform.augment(random_images(2, (8, 8)), seed=0, epoch=0, positions=np.arange(2))
    with pytest.raises(DataError, match="2 images, but 3 positions"):
        transform.augment(random_images(2), seed=0, epoch=0, positions=np.arange(3))
    with pytest.raises(DataError, match="negative"):
        transform.augment(random_images(2), seed=-1, epoch=0, positions=np.arange(2))
    with pytest.raises(DataError, match="uint8 RGB"):
        TestTransform(SIZE)(np.zeros((4, 4), dtype=np.uint8))
    with pytest.raises(DataError, match="float32"):
        TestTransform(SIZE).normalise(torch.zeros(1, 3, *SIZE))


def test_padding_leaves_something_of_every_image() -> None:
    TrainTransform(size=(64, 32), padding=16)
    with pytest.raises(RecipeError, match="padding must be 0 to 16"):
        TrainTransform(size=(64, 32), padding=17)


def test_erased_boxes_may_be_black():
    transform = TrainTransform(
        size=(32, 16), padding=2, erasing=1, fill="black", mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.5)
    )
    images = torch.full((40, 3, 32, 16), 200, dtype=torch.uint8)
    keys = {"seed": 1, "epoch": 0, "positions": np.arange(40)}
    parameters = transform.sample(**keys)
    seen = transform.augment(images, **keys)
    for sample, (top, left, height, width) in enumerate(parameters.boxes.tolist()):
        box = seen[sample, :, top : top + height, left : left + width]
        black = torch.tensor([-2.5, -1.6, -0.6])[:, None, None].expand_as(box)
        torch.testing.assert_close(box, black)
    assert parameters.boxes[:, 2].sum() > 0
