"""CCAFL's network: both features, the prompts, and what is left of it for embedding."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from passerby.methods.ccafl.network import TRAINING_ONLY, Ccafl
from passerby.models.checkpoint import load_strictly
from passerby.models.clip.towers import ClipShape, vision_tokens
from passerby.models.clip.vocabulary import tokenise
from passerby.models.layers import CosineClassifier, GeneralisedMean


def network(architecture: str, **options: int) -> Ccafl:
    torch.manual_seed(0)
    return Ccafl(ClipShape(architecture, (64, 32)), 5, **options)


@pytest.mark.parametrize(("architecture", "width"), [("vit-nano", 32), ("resnet-nano", 128)])
def test_features_are_pooled_normalised_and_of_length_one(architecture: str, width: int) -> None:
    model, images = network(architecture), torch.randn(6, 3, 64, 32)
    features = model.train().features(images)
    assert features.retrieval.shape == (6, width) == (6, model.embed_dim)
    assert features.joint.shape == (6, 16)
    torch.testing.assert_close(features.retrieval.norm(dim=1), torch.ones(6))
    with torch.no_grad():
        model.eval()
        torch.testing.assert_close(model.embed(images), model.features(images).retrieval)
        torch.testing.assert_close(model.embed(images, torch.zeros(6, dtype=torch.int64)), model.embed(images))


def test_the_retrieval_feature_is_gem_over_patches_behind_the_neck() -> None:
    model, images = network("vit-nano").train(), torch.randn(8, 3, 64, 32)
    with torch.no_grad():
        patches = vision_tokens(model.image_encoder, images).final[:, 1:].double()
        pooled = patches.clamp(min=1e-6).pow(3).mean(1).pow(1 / 3)
        expected = normalize((pooled - pooled.mean(0)) / (pooled.var(0, unbiased=False) + 1e-5).sqrt())
        torch.testing.assert_close(model.features(images).retrieval.double(), expected, rtol=1e-3, atol=1e-4)


def test_the_retrieval_feature_is_gem_over_the_last_map_of_stride_one() -> None:
    model, images = network("resnet-nano").eval(), torch.randn(2, 3, 64, 32)
    seen: list[Tensor] = []
    model.pooling.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model.features(images)
    assert seen[0].shape == (2, 4 * 2, 128)


def test_the_exponent_of_the_pooling_learns() -> None:
    pooling = GeneralisedMean()
    places = torch.rand(2, 7, 3)
    torch.testing.assert_close(pooling(places), places.pow(3).mean(1).pow(1 / 3))
    pooling(places).sum().backward()
    assert pooling.exponent.grad is not None
    assert pooling.exponent.grad.abs() > 0


def test_half_precision_ends_in_float32() -> None:
    model, images = network("vit-nano"), torch.randn(4, 3, 64, 32)
    with torch.autocast("cpu", torch.bfloat16):
        features = model.features(images)
        cosines = model.classifier(features.retrieval)
    assert features.retrieval.dtype == cosines.dtype == torch.float32


def test_the_classifier_gives_cosines() -> None:
    classifier, features = CosineClassifier(6, 4), normalize(torch.randn(3, 6))
    bound = (6 / (6 + 4)) ** 0.5
    assert classifier.weight.abs().max() <= bound
    expected = torch.nn.functional.cosine_similarity(features[:, None], classifier.weight[None], dim=2)
    torch.testing.assert_close(classifier(features), expected)


@pytest.mark.parametrize(
    ("prefix", "sentence"),
    [(4, "a photo of a * * * * person ."), (5, "a photo of a x * * * * ."), (6, "a photo of a x x * * * *")],
)
def test_prompts_keep_their_end_where_it_is(prefix: int, sentence: str) -> None:
    model = network("vit-nano", prompt_prefix=prefix)
    learner = model.prompt_learner
    assert learner.end == 11
    tokens = learner(torch.tensor([3]))[0]
    words = sentence.split()
    assert tokens.shape[0] == 77
    for place, word in enumerate(words, start=1):
        learned = any(torch.equal(tokens[place], row) for row in learner.cls_ctx[3])
        assert learned == (word == "*"), word
    plain = network("vit-nano").prompt_learner(torch.tensor([0]))[0]
    whole = tokenise(["A photo of a X X X X person."])[0]
    assert int(whole.argmax()) == 11
    assert torch.equal(tokens[11:], plain[11:]), "the end and what follows stay"


def test_embedding_needs_no_texts_and_no_classifier() -> None:
    model = network("vit-nano").eval()
    bare = Ccafl(model.shape, classes=None)
    load_strictly(bare, model.state_dict(), source="a test", ignored=TRAINING_ONLY)
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(bare.eval().embed(images), model.embed(images))
