"""SAGA's network on a small tower: sizes, branches, caching, variants."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from passerby.errors import RecipeError
from passerby.models.clip.towers import ClipShape
from passerby.models.saga.network import HEAD, TRAINING_ONLY, Saga, fuse
from passerby.models.saga.shape import AnchorShape, EmbeddingShape, SagaShape, SagaSizes, shape_from_description

CLIP = ClipShape("vit-nano", (64, 32))
NANO = AnchorShape(count=4, domain_count=2, token_layers=(1,), heads=4)


def build(anchors: AnchorShape = NANO, classes: int | None = None, **more: object) -> Saga:
    torch.manual_seed(0)
    cameras = 3 if anchors.domain == "camera" else 0
    shape = dataclasses.replace(SagaShape(CLIP, anchors), **more)  # type: ignore[arg-type]
    return Saga(shape, SagaSizes(classes, classifiers=2, cameras=cameras)).eval()


def test_cosines_of_the_embedding_are_weighted_means_of_the_branches() -> None:
    model, images = build(), torch.randn(3, 3, 64, 32)
    with torch.no_grad():
        embedded = model.embed(images)
        parts = [F.normalize(part) for part in model.branches(images)]
    assert embedded.shape == (3, model.embed_dim) == (3, 32 + 32 + 16)
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(3))
    expected = sum(weight * part @ part.T for weight, part in zip((2, 0.2, 0.05), parts, strict=True)) / 2.25
    torch.testing.assert_close(embedded @ embedded.T, expected)


def test_the_embedding_can_be_made_of_other_parts() -> None:
    model, images = build(), torch.randn(2, 3, 64, 32)
    model.embed_as(EmbeddingShape(weights=(1, 0, 0)))
    with torch.no_grad():
        refined, _, _ = model.branches(images)
        torch.testing.assert_close(model.embed(images)[:, :32], F.normalize(refined))


def test_anchors_are_kept_in_full_precision() -> None:
    model, images = build(), torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            model.embed(images)
        assert model.text_anchors().dtype == torch.float32
        kept = model.text_anchors()
        torch.testing.assert_close(kept, build().text_anchors())


def test_a_branch_of_weight_zero_does_not_count() -> None:
    first, second = torch.randn(2, 3), torch.randn(2, 5)
    found = fuse((first, second), (1.0, 0.0))
    assert found[:, 3:].abs().max() == 0
    torch.testing.assert_close(found[:, :3], F.normalize(first))


def test_flipped_images_embed_alike() -> None:
    model, images = build(embedding=EmbeddingShape(flip=True)), torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.embed(images), model.embed(images.flip(3)))
    plain = build()
    with torch.no_grad():
        assert not torch.allclose(plain.embed(images), plain.embed(images.flip(3)), atol=1e-4)


def test_anchors_are_computed_once_and_again_when_they_change() -> None:
    model, images = build(), torch.randn(1, 3, 64, 32)
    calls = []
    model.text_anchor.register_forward_hook(lambda *_: calls.append(1))
    with torch.inference_mode():
        first, again = model.embed(images), model.embed(images)
    assert len(calls) == 1
    assert torch.equal(first, again)
    with torch.no_grad():
        model.text_anchor.proj.weight.mul_(-1)
        changed = model.embed(images)
    assert len(calls) == 2
    assert not torch.allclose(first, changed, atol=1e-4)
    model.load_state_dict(build().state_dict())
    with torch.no_grad():
        torch.testing.assert_close(model.embed(images), first)
    model.train()
    with torch.no_grad():
        model.text_anchors()
    assert len(calls) == 4


@pytest.mark.parametrize(
    "anchors",
    [
        NANO.model_copy(update={"kind": "free"}),
        NANO.model_copy(update={"domain": "camera"}),
        NANO.model_copy(update={"domain": "clip"}),
        NANO.model_copy(update={"domain": "none"}),
        NANO.model_copy(update={"phrase_slots": 0}),
        NANO.model_copy(update={"token_layers": (1, 2)}),
        NANO.model_copy(update={"layers": 1}),
    ],
    ids=["free", "camera", "clip", "none", "no phrase", "two layers", "one refinement layer"],
)
def test_every_variant_embeds_and_learns_everywhere_in_its_head(anchors: AnchorShape) -> None:
    model, images = build(anchors, classes=5).train(), torch.randn(2, 3, 64, 32)
    model.start_refinement()
    tokens = model.tokens(images)
    found = model.aggregate(tokens.patches, tokens.projected, torch.tensor([0, -1]))
    sum(classifier(model.bn(found.refined)).square().sum() for classifier in model.classifiers).backward()
    learning = [name for name, p in model.named_parameters() if name.startswith(HEAD) and p.requires_grad]
    assert learning
    without = [name for name in learning if model.get_parameter(name).grad is None]
    assert without == []
    with torch.no_grad():
        assert model.eval().embed(images).shape == (2, model.embed_dim)


def test_camera_conditioned_anchors_look_at_the_camera() -> None:
    model, images = build(NANO.model_copy(update={"domain": "camera"})), torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        model.domain_anchor.cam_embed.weight.normal_()  # type: ignore[union-attr, operator]
        first, second = (model.embed(images, torch.tensor([camera])) for camera in (0, 2))
        unknown, nobody = model.embed(images, torch.tensor([-1])), model.embed(images)
    assert not torch.allclose(first, second, atol=1e-5)
    torch.testing.assert_close(unknown, nobody)


def test_part_features_stand_at_the_places_of_their_anchors() -> None:
    model, images = build(embedding=EmbeddingShape(parts=2)), torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        embedded = model.embed(images).reshape(2, 4, 32)
    assert model.embed_dim == 4 * 32
    assert (embedded.norm(dim=2) > 0).sum(1).tolist() == [2, 2]


def test_poolings_have_heads_of_their_own() -> None:
    model = build(classes=5, poolings=("gem", "query", "free"))
    patches, projected = torch.randn(3, 9, 32), torch.randn(3, 16)
    for kind, branch in model.poolings.items():
        feature = branch(patches, projected)
        assert feature.shape == (3, 32), kind
        assert branch.logits(feature).shape == (3, 5)  # type: ignore[operator]
    gem = model.poolings["gem"](patches, projected)
    expected = patches.clamp(min=1e-6).pow(3).mean(1).pow(1 / 3)
    torch.testing.assert_close(gem, expected)


def test_a_network_for_embedding_has_nothing_of_the_training_set() -> None:
    assert not any(name.startswith(TRAINING_ONLY) for name in build().state_dict())
    whole = {name for name in build(classes=5).state_dict() if not name.startswith(TRAINING_ONLY)}
    assert whole == set(build().state_dict())


def test_a_description_survives_json() -> None:
    import json

    shape = SagaShape(CLIP, NANO.model_copy(update={"token_layers": (1, 2)}), EmbeddingShape(parts=3), ("gem",))
    assert shape_from_description(json.loads(json.dumps(shape.description()))) == shape


@pytest.mark.parametrize(
    ("anchors", "message"),
    [
        (NANO.model_copy(update={"token_layers": (3,)}), "has blocks 1 to 2"),
        (NANO.model_copy(update={"token_layers": (2, 1)}), "ascending"),
        (NANO.model_copy(update={"token_layers": ()}), "must be one block"),
        (NANO.model_copy(update={"heads": 5}), "do not divide"),
    ],
)
def test_impossible_anchors_are_refused(anchors: AnchorShape, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build(anchors)


def test_what_needs_single_patches_is_refused_elsewhere() -> None:
    with pytest.raises(RecipeError, match="use a ViT"):
        Saga(SagaShape(ClipShape("resnet-nano", (64, 32))), SagaSizes(None))
    two = NANO.model_copy(update={"token_layers": (1, 2)})
    with pytest.raises(RecipeError, match="one token layer"):
        build(two, embedding=EmbeddingShape(parts=2)).embed(torch.randn(1, 3, 64, 32))
    with pytest.raises(RecipeError, match="one token layer"):
        build(two, poolings=("gem",))
