"""CLIP-ReID's network against values of the official code."""

import re

import pytest
import torch

from passerby.errors import DataError
from passerby.models.clip.towers import ClipShape
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes
from passerby.models.inference_mode import evaluation_mode
from tests.golden import golden_values
from tests.models.golden_fill import fill

CASES = {
    "vit stride 16": (
        ClipShape("ViT-B-16-quickgelu", (256, 128), 16),
        None,
        [-0.534865, 0.799058, -0.553321, -0.785958, 0.383488, -1.801818],
        27.665594,
        [1.156512, 1.230657, 1.091470, -0.497838, -0.381136, 0.227118],
        11.986031,
        [0.295719, 0.454513, 0.926690, -0.603228, -0.002392, -0.436636],
    ),
    "vit stride 12, cameras": (
        ClipShape("ViT-B-16-quickgelu", (256, 128), 12),
        [1, 4],
        [0.268208, 0.925746, -0.717159, -0.099667, 1.191578, -3.254185],
        None,
        [1.045712, 1.054788, 0.784033, -1.108184, -0.227166, 0.361223],
        None,
        [0.295719, 0.454513, 0.926690, -0.603228, -0.002392, -0.436636],
    ),
    "rn50": (
        ClipShape("RN50-quickgelu", (256, 128)),
        None,
        [0.097538, 0.023189, 0.020668, 0.040697, 0.059386, 0.0],
        None,
        [-0.086482, 0.001300, 0.039891, 0.005520, 0.056395, -0.121726],
        None,
        [-0.026259, 0.172633, 1.046818, 0.234841, 0.118854, 0.148568],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_features_are_those_of_the_official_code(case: str) -> None:
    shape, cameras, final, final_norm, projected, projected_norm, text = CASES[case]
    model = ClipReid(shape, ClipReidSizes(classes=10, camera_count=6 if cameras else 0)).eval()
    fill(model)
    images = torch.from_numpy(golden_values("image", (2, 3, 256, 128)))
    with torch.no_grad():
        features = model.features(images, torch.tensor(cameras) if cameras else None)
        prompts = model.prompt_features(torch.tensor([3]))
    near = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(features.final[0, :6], torch.tensor(final), **near)
    torch.testing.assert_close(features.projected[0, :6], torch.tensor(projected), **near)
    torch.testing.assert_close(prompts[0, :6], torch.tensor(text), **near)
    if final_norm is not None:
        torch.testing.assert_close(features.final[0].norm(), torch.tensor(final_norm), **near)
        torch.testing.assert_close(features.projected[0].norm(), torch.tensor(projected_norm), **near)


@pytest.mark.parametrize(
    ("architecture", "classes", "entries", "millions"),
    [("ViT-B-16-quickgelu", 751, 315, 126.8), ("RN50-quickgelu", 751, 502, 80.7)],
)
def test_tensors_and_parameters_are_as_many_as_published(
    architecture: str, classes: int, entries: int, millions: float
) -> None:
    model = ClipReid(ClipShape(architecture, (256, 128)), ClipReidSizes(classes))
    assert len(model.state_dict()) == entries
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_stored_sentence_has_the_published_layout() -> None:
    model = ClipReid(ClipShape("ViT-B-16-quickgelu", (256, 128)), ClipReidSizes(7))
    state = model.state_dict()
    assert state["prompt_learner.cls_ctx"].shape == (7, 4, 512)
    assert state["prompt_learner.token_prefix"].shape == (1, 5, 512)
    assert state["prompt_learner.token_suffix"].shape == (1, 68, 512)
    assert model.prompt_learner.end == 11


def test_the_last_feature_of_a_transformer_is_the_class_token_before_the_last_block() -> None:
    torch.manual_seed(0)
    model = ClipReid(ClipShape("vit-nano", (64, 32)), ClipReidSizes(None, camera_count=2), camera_coefficient=0.5)
    images, tower = torch.randn(2, 3, 64, 32), model.eval().image_encoder
    with torch.no_grad():
        model.cv_embed.normal_()
        features = model.features(images, torch.tensor([1, 0]))
        patches = tower.conv1(images).flatten(2).transpose(1, 2)
        token = tower.class_embedding + 0.5 * model.cv_embed[[1, 0]][:, None]
        stream = tower.ln_pre(torch.cat([token, patches], 1) + tower.positional_embedding)
        first, second = tower.transformer.resblocks
        before_last = first(stream)
        last = second(before_last)
    assert features.last.shape == (2, 32)
    torch.testing.assert_close(features.last, before_last[:, 0])
    torch.testing.assert_close(features.final, tower.ln_post(last)[:, 0])
    assert not torch.allclose(features.last, last[:, 0], atol=1e-2)


def test_the_last_feature_of_a_residual_network_is_the_mean_of_its_third_group() -> None:
    torch.manual_seed(0)
    model = ClipReid(ClipShape("resnet-nano", (64, 32)), ClipReidSizes(None)).eval()
    images, tower = torch.randn(2, 3, 64, 32), model.image_encoder
    with torch.no_grad():
        features = model.features(images)
        third = tower.layer3(tower.layer2(tower.layer1(tower.stem(images))))
    width = features.final.shape[1]
    assert features.last.shape == (2, width // 2)
    torch.testing.assert_close(features.last, third.flatten(2).mean(2))
    torch.testing.assert_close(features.final, tower.layer4(third).flatten(2).mean(2))


def test_unknown_cameras_get_the_mean_embedding() -> None:
    torch.manual_seed(0)
    model = ClipReid(ClipShape("vit-nano", (64, 32)), ClipReidSizes(5, camera_count=3), camera_coefficient=2.0).eval()
    images = torch.randn(3, 3, 64, 32)
    with torch.no_grad():
        model.cv_embed.normal_(std=0.5)
        each = model.embed(images, torch.tensor([0, 1, -1]))
        unknown = model.embed(images)
        alike = ClipReid(ClipShape("vit-nano", (64, 32)), ClipReidSizes(5, camera_count=3), camera_coefficient=2.0)
        alike.load_state_dict(model.state_dict())
        alike.cv_embed.copy_(model.cv_embed.mean(0).expand(3, -1))
        mean = alike.eval().embed(images, torch.tensor([2, 0, 1]))
    torch.testing.assert_close(each[2], unknown[2])
    torch.testing.assert_close(unknown, mean)
    assert not torch.allclose(each[:2], unknown[:2], atol=1e-3)


@pytest.mark.parametrize("wrong", [3, 99, -2])
def test_cameras_that_the_network_does_not_have_are_named(wrong: int) -> None:
    model = ClipReid(ClipShape("vit-nano", (64, 32)), ClipReidSizes(5, camera_count=3)).eval()
    message = f"camera {wrong} is not one of the 3 cameras this model was trained on (0 to 2): give -1 for an unknown"
    with pytest.raises(DataError, match=re.escape(message)):
        model.embed(torch.zeros(2, 3, 64, 32), torch.tensor([0, wrong]))


def test_a_network_without_camera_embedding_takes_any_camera() -> None:
    model = ClipReid(ClipShape("vit-nano", (64, 32)), ClipReidSizes(None)).eval()
    images = torch.randn(2, 3, 64, 32)
    torch.testing.assert_close(model.embed(images, torch.tensor([0, 99])), model.embed(images))


def test_parts_return_to_the_modes_they_had() -> None:
    model = ClipReid(ClipShape("resnet-nano", (64, 32)), ClipReidSizes(5)).train()
    model.text_encoder.eval()
    statistics = model.image_encoder.bn1.running_mean.clone()
    with evaluation_mode(model):
        assert not any(part.training for part in model.modules())
        model.features(torch.randn(2, 3, 64, 32))
    with pytest.raises(RuntimeError), evaluation_mode(model):
        model.features(torch.randn(2, 7, 64, 32))
    torch.testing.assert_close(model.image_encoder.bn1.running_mean, statistics, rtol=0, atol=0)
    assert model.image_encoder.bn1.training
    assert not any(part.training for part in model.text_encoder.modules())


def test_embedding_is_the_joint_unit_vector() -> None:
    model = ClipReid(ClipShape("resnet-nano", (64, 32)), ClipReidSizes(None)).eval()
    images = torch.randn(4, 3, 64, 32)
    with torch.no_grad():
        embedded, features = model.embed(images), model.features(images)
    joint = torch.cat([features.final, features.projected], 1)
    torch.testing.assert_close(embedded, joint / joint.norm(dim=1, keepdim=True))
    assert embedded.shape == (4, model.embed_dim)
    assert not any(name.startswith(("classifier", "prompt_learner", "text_encoder")) for name in model.state_dict())


def test_neck_biases_do_not_learn() -> None:
    model = ClipReid(ClipShape("vit-nano", (64, 32)), ClipReidSizes(4))
    fixed = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert fixed == {"bottleneck.bias", "bottleneck_proj.bias"}
