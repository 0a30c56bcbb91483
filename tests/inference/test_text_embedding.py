"""Sentences as features."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from passerby.config import read_recipe
from passerby.errors import CheckpointError, DataError
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.methods.clip_pretrain.method import ClipPretrainMethod
from passerby.methods.clip_pretrain.recipe import ClipPretrainRecipe
from passerby.models.clip.towers import ClipShape
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes
from passerby.runs.request import checked_recipe


@pytest.fixture(scope="module")
def model() -> TorchEmbedder:
    overrides = ("model.architecture=vit-nano", "model.image_size=[32, 16]")
    recipe = checked_recipe(read_recipe("clip-pretrain-tiny", overrides))
    assert isinstance(recipe, ClipPretrainRecipe)
    torch.manual_seed(0)
    method = ClipPretrainMethod()
    towers = method.build(recipe, 0, 0)
    return TorchEmbedder(towers, method.transforms(recipe)[1], method.description(recipe, towers), torch.device("cpu"))


def test_texts_lie_in_the_space_of_images(model: TorchEmbedder) -> None:
    texts = ["A tall man in a red t-shirt.", "a woman with a black backpack", "a person in blue jeans"] * 100
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = model.embed_text(texts)
    assert features.shape == (300, model.embed_dim)
    assert features.dtype == np.float32
    assert np.allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    assert np.allclose(features[:3], features[-3:], atol=1e-5)
    assert np.allclose(model.embed_text(texts[1]), features[1:2], atol=1e-5)
    assert model.embed_text([]).shape == (0, model.embed_dim)


def test_words_never_read_are_named_once_and_in_order(model: TorchEmbedder) -> None:
    with pytest.warns(UserWarning, match=r"nothing: photo, of, umbrella, cyan$") as caught:
        model.embed_text(["a photo of a man", "An Umbrella, a cyan photo"])
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize("text", ["", "  ", 3, "man " * 80])
def test_what_is_no_sentence_is_refused(model: TorchEmbedder, text: object) -> None:
    with pytest.raises(DataError, match="text"):
        model.embed_text([text])  # type: ignore[list-item]


@pytest.mark.parametrize("texts", [None, 3, b"a man in red", "", 2.5])
def test_what_is_no_list_of_sentences_is_refused(model: TorchEmbedder, texts: Any) -> None:
    with pytest.raises(DataError, match=r"must be a sentence about a person, not "):
        model.embed_text(texts)


def test_a_model_without_words_says_which_has_some(model: TorchEmbedder) -> None:
    network = ClipReid(ClipShape("vit-nano", (32, 16)), ClipReidSizes(classes=None))
    without = TorchEmbedder(network, model.transform, {}, torch.device("cpu"))
    with pytest.raises(CheckpointError, match="tiny-clip"):
        without.embed_text("a man")
