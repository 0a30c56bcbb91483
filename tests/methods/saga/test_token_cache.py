"""The cache of tokens: what it holds, and that a cut-off extraction goes on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from passerby.errors import CheckpointError
from passerby.methods import find_method
from passerby.methods.method import TrainingData
from passerby.methods.saga import token_cache
from passerby.methods.saga.token_batches import TokenBatches
from passerby.methods.saga.token_cache import ImageTokens, TokenCache, TokenShape
from passerby.training.training_data import open_training_data
from tests.methods.saga.saga_world import saga_recipe
from tests.methods.small_world import write_small_world

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    world = write_small_world(tmp_path_factory.mktemp("world"))
    return open_training_data(saga_recipe(world), find_method("saga")).training


def tokens_of(images: Tensor) -> ImageTokens:
    """Three tokens of two numbers, which tell the image."""
    rows = images.mean((1, 3))[:, [0, 20, 40]]
    return ImageTokens(torch.stack([rows, -rows], 2), images.flatten(1)[:, :4])


SHAPE = TokenShape(images=32, views=2, tokens=3, width=2, joint_dim=4)


def test_a_token_is_that_of_its_image_in_its_view(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cache, "_BLOCK_BYTES", 10 * SHAPE.bytes_per_image)
    cache = TokenCache(tmp_path, SHAPE)
    assert [list(block) for block in SHAPE.blocks][3] == [30, 31]
    cache.extract(tokens_of, data, cache.missing(), seed=5, device=CPU, quiet=True)
    assert cache.missing() == []
    rows, views = np.array([31, 0, 17]), np.array([1, 0, 1])
    found = cache.gather(rows, views)
    transform = data.train_transform
    pixels = data.training.gather(rows, transform.size, transform.interpolation).on()
    for place, (row, view) in enumerate(zip(rows, views, strict=True)):
        image = transform.augment(pixels[place : place + 1], seed=5, epoch=int(view), positions=np.array([row]))
        expected = tokens_of(image)
        assert torch.equal(found.patches[place], expected.patches[0].half())
        assert torch.equal(found.projected[place], expected.projected[0].half())


def test_only_missing_blocks_are_computed(data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "_BLOCK_BYTES", 10 * SHAPE.bytes_per_image)
    whole, cut = TokenCache(tmp_path / "whole", SHAPE), TokenCache(tmp_path / "cut", SHAPE)
    whole.extract(tokens_of, data, whole.missing(), seed=5, device=CPU, quiet=True)
    cut.extract(tokens_of, data, [2, 0], seed=5, device=CPU, quiet=True)
    assert cut.missing() == [1, 3]
    seen: list[int] = []

    def counting(images: Tensor) -> ImageTokens:
        seen.append(len(images))
        return tokens_of(images)

    cut.extract(counting, data, cut.missing(), seed=5, device=CPU, quiet=True)
    assert sum(seen) == 2 * 12
    rows, views = np.arange(32), np.ones(32, dtype=np.int64)
    assert torch.equal(whole.gather(rows, views).patches, cut.gather(rows, views).patches)


def test_views_of_an_epoch_do_not_depend_on_where_it_begins(data: TrainingData, tmp_path: Path) -> None:
    cache = TokenCache(tmp_path, SHAPE)
    cache.extract(tokens_of, data, cache.missing(), seed=5, device=CPU, quiet=True)
    rows = np.arange(32).reshape(8, 4)

    def batches(epoch: int, prefetch: int) -> TokenBatches:
        return TokenBatches(
            cache, rows, data.identities, data.split.cameras, seed=1, epoch=epoch, process=0, prefetch=prefetch
        )

    whole, resumed = batches(0, 0), batches(0, 2)
    resumed.skip_to(5)
    assert len(resumed) == 8
    first, second = list(whole), list(resumed)
    assert len(second) == 3
    for ours, theirs in zip(first[5:], second, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert first[2].identities.tolist() == data.identities[8:12].tolist()
    other = list(batches(1, 0))
    assert any(not torch.equal(a.patches, b.patches) for a, b in zip(first, other, strict=True))


def test_the_size_is_said_as_it_is() -> None:
    market = TokenShape(images=12936, views=4, tokens=210, width=768, joint_dim=512)
    assert market.describe() == "12,936 images × 4 views × 210 tokens of 768, float16: 16.7 GB"
    assert len(market.blocks) == 63
    assert len(TokenShape(10**6, 4, 210, 768, 512).blocks) <= 256, "each keeps two files open"
    assert market.images * market.bytes_per_image == pytest.approx(16.7e9, rel=0.01)


def test_a_damaged_block_is_computed_again(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(token_cache, "_BLOCK_BYTES", 10 * SHAPE.bytes_per_image)
    cache = TokenCache(tmp_path, SHAPE)
    cache.extract(tokens_of, data, cache.missing(), seed=5, device=CPU, quiet=True)
    tokens, projected = tmp_path / "00001-tokens.npy", tmp_path / "00002-projected.npy"
    tokens.write_bytes(tokens.read_bytes()[:-7])
    projected.write_bytes(b"")
    np.save(tmp_path / "00003-tokens.npy", np.zeros((1, 2)))
    assert cache.missing() == [1, 2, 3]
    assert cache.missing() == [1, 2, 3]
    assert capsys.readouterr().err.count("is damaged and its tokens are computed again") == 3
    cache.extract(tokens_of, data, cache.missing(), seed=5, device=CPU, quiet=True)
    assert cache.missing() == []


@pytest.mark.parametrize(("value", "fault"), [(torch.nan, "NaN"), (1e6, "infinite"), (0.0, "is zero")])
def test_tokens_without_meaning_are_refused_with_their_image(
    data: TrainingData, tmp_path: Path, value: float, fault: str
) -> None:
    def spoilt(images: Tensor) -> ImageTokens:
        found = tokens_of(images)
        found.projected[3] = value  # 1e6 is infinite in half precision
        return found

    cache = TokenCache(tmp_path, SHAPE)
    with pytest.raises(CheckpointError, match=rf"^{data.split.path(3)}: its feature .*{fault}"):
        cache.extract(spoilt, data, cache.missing(), seed=5, device=CPU, quiet=True)
    assert len(cache.missing()) == len(SHAPE.blocks)
