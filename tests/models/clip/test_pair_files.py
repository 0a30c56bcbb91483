"""A trained pair of towers as the weights that other methods start from."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from passerby.errors import CheckpointError, RecipeError
from passerby.models.checkpoint import save_model
from passerby.models.clip.pair import ClipPair
from passerby.models.clip.pretrained import clip_weights
from passerby.models.clip.towers import ClipShape, build_clip
from passerby.models.clip.vocabulary import tokenise, vocabulary_of
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes

SHAPE = ClipShape("vit-nano", (64, 32))
TEXT = "a red hat"


@pytest.fixture(scope="module")
def pair() -> ClipPair:
    torch.manual_seed(0)
    return ClipPair(SHAPE, vocabulary_of({"a", "red", "hat"})).eval()


@pytest.fixture(scope="module")
def run(pair: ClipPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    description = {"method": "clip-pretrain", "shape": asdict(SHAPE), "tokens": list(pair.vocabulary.tokens)}
    save_model(folder / "model.safetensors", pair, description)
    return folder


def test_towers_built_from_a_run_compute_the_same(pair: ClipPair, run: Path) -> None:
    images = torch.randn(2, 3, 64, 32)
    for source in (run, run / "model.safetensors"):
        weights = clip_weights(str(source), "vit-nano")
        assert weights.quick_gelu is True
        clip = build_clip(SHAPE, weights.tensors).eval()
        with torch.no_grad():
            torch.testing.assert_close(clip.encode_image(images, normalize=True), pair.embed(images))
            torch.testing.assert_close(
                clip.encode_text(tokenise([TEXT]), normalize=True), pair.embed_text(tokenise([TEXT]))
            )


def test_clip_reid_starts_from_a_run(pair: ClipPair, run: Path) -> None:
    weights = clip_weights(str(run), "vit-nano")
    model = ClipReid(SHAPE, ClipReidSizes(classes=3), clip_tensors=weights.tensors).eval()
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        projected = torch.nn.functional.normalize(model.features(images).projected)
        torch.testing.assert_close(projected, pair.embed(images))


def test_weights_of_another_architecture_or_size_are_refused(run: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.architecture=vit-nano"):
        clip_weights(str(run), "vit-tiny")
    tensors = clip_weights(str(run), "vit-nano").tensors
    with pytest.raises(RecipeError, match="patches"):
        build_clip(ClipShape("vit-nano", (96, 32)), tensors)


def test_weights_at_the_native_size_are_still_resized() -> None:
    native = build_clip(ClipShape("vit-nano", (32, 32)))
    fitted = build_clip(SHAPE, native.state_dict())
    assert fitted.visual.positional_embedding.shape == (1 + 8 * 4, 32)
