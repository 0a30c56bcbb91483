"""Official files: every family loads strictly and gives the features of an independent implementation."""

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from passerby.errors import CheckpointError
from passerby.models.backbones.backbone import Backbone
from passerby.models.backbones.official_files import backbone_tensors, load_backbone
from passerby.models.backbones.registry import create
from passerby.models.checkpoint import read_tensors
from passerby.models.zoo.files import recognise_backbone
from tests.models.backbones.official_backbones import OTHERS, REIDZOO, Official, official, write_reidzoo_file

SMALLEST = (
    "ghostnet_0_5",
    "edgenext_x_small",
    "repvit_m0_9",
    "fastvit_sa12",
    "resnet18",
    "resnet50_ibn",
    "convnext_tiny",
    "volo_d1",
    "vit_tiny",
    "swin_tiny",
)
"""One of each family; of ResNet both kinds of blocks."""


def features(backbone: Backbone, images: Tensor) -> Tensor:
    with torch.inference_mode():
        return backbone.eval()(images)


def assert_same_features(backbone: Backbone, network: Official) -> None:
    found = features(backbone, network.images)
    assert found.shape == network.features.shape
    difference = float((found - network.features).abs().max() / network.features.abs().max())
    assert difference < 1e-5, f"{backbone.name}: {difference:.1e}"


def check_reidzoo(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    network = official(name, size)
    tensors = read_tensors(write_reidzoo_file(tmp_path / f"{name}.pth", name, network.tensors))
    assert recognise_backbone(tensors, "file.pth") == name
    backbone = create(name)
    load_backbone(backbone, tensors, source="file.pth")
    assert_same_features(backbone, network)


@pytest.mark.parametrize("name", SMALLEST)
def test_reidzoo_files_give_the_features_of_the_reference(tmp_path: Path, name: str) -> None:
    check_reidzoo(tmp_path, name, (128, 64))  # the size of local crops: positions are interpolated, windows filled up


@pytest.mark.slow
@pytest.mark.parametrize("size", [(256, 128), (384, 128)], ids=["256x128", "384x128"])
@pytest.mark.parametrize("name", sorted(REIDZOO))
def test_all_reidzoo_files_give_the_features_of_the_reference(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    check_reidzoo(tmp_path, name, size)


@pytest.mark.parametrize("name", ["vit_small_plain", "vit_small_parts"])
def test_plain_state_dicts_of_transreid_ssl_and_pass_load(tmp_path: Path, name: str) -> None:
    network = official(name)
    torch.save(network.tensors, tmp_path / "vit.pth")
    backbone = create(name)
    load_backbone(backbone, read_tensors(tmp_path / "vit.pth"), source="vit.pth")
    assert_same_features(backbone, network)
    assert name in OTHERS


def test_the_encoder_of_luperson_files_is_taken_and_its_heads_are_not(tmp_path: Path) -> None:
    network = official("resnet18")
    state = {f"module.encoder_q.{name}": tensor for name, tensor in network.tensors.items()}
    state |= {f"module.encoder_k.{name}": torch.zeros_like(tensor) for name, tensor in network.tensors.items()}
    state |= {f"module.encoder_q.{head}.weight": torch.ones(2, 2) for head in ("fc.0", "fc1", "fc2", "classifier")}
    torch.save(
        {"epoch": 200, "arch": "resnet18", "state_dict": {**state, "module.queue": torch.ones(2)}}, tmp_path / "a"
    )
    backbone = create("resnet18")
    load_backbone(backbone, read_tensors(tmp_path / "a"), source="a")
    assert_same_features(backbone, network)
    load_backbone(backbone, {**network.tensors, "fc.weight": torch.ones(2, 2)}, source="plain names")
    assert_same_features(backbone, network)


def torchvision_vit() -> nn.Module:
    """A vision transformer as small as timm has one; torchvision itself begins with ViT-B."""
    return torchvision.models.VisionTransformer(
        image_size=224, patch_size=16, num_layers=12, num_heads=3, hidden_dim=192, mlp_dim=768
    )


@pytest.mark.parametrize(
    ("name", "size", "build", "head"),
    [
        ("timm:resnet18", (64, 32), torchvision.models.resnet18, "fc"),
        ("timm:vit_tiny_patch16_224", (224, 224), torchvision_vit, "heads"),
        ("convnext_tiny", (64, 32), torchvision.models.convnext_tiny, "classifier.2"),
    ],
)
def test_weights_of_torchvision_load(
    name: str, size: tuple[int, int], build: Callable[[], nn.Module], head: str
) -> None:
    torch.manual_seed(0)
    images = torch.randn(1, 3, *size)
    theirs, ours = build().eval(), create(name, size)
    for tensor_name, tensor in theirs.state_dict().items():
        if tensor_name.endswith(("layer_scale", "norm.weight", "pos_embedding")):
            tensor.uniform_(0.5, 1.5)
    load_backbone(ours, theirs.state_dict(), source="torchvision")
    theirs.set_submodule(head, nn.Identity())
    with torch.inference_mode():
        torch.testing.assert_close(features(ours, images), theirs(images), atol=1e-5, rtol=1e-5)


def test_weights_of_timm_load() -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 32)
    for theirs, name in (("edgenext_x_small", "edgenext_x_small"), ("ghostnet_050", "ghostnet_0_5")):
        network, backbone = timm.create_model(theirs).eval(), create(name, (64, 32))
        load_backbone(backbone, network.state_dict(), source="timm")
        with torch.inference_mode():
            pooled = network.forward_head(network.forward_features(images), pre_logits=True)
        torch.testing.assert_close(features(backbone, images), pooled)
    load_backbone(create("resnet18"), timm.create_model("resnet18").state_dict(), source="timm")


def test_the_same_weights_in_timms_own_repvit_would_be_wrong() -> None:
    network = official("repvit_m1_5", (64, 32))
    backbone = create("repvit_m1_5")
    load_backbone(backbone, network.tensors, source="file")
    assert_same_features(backbone, network)
    plain = create("timm:repvit_m1_5", (64, 32))
    plain.load_state_dict(backbone.state_dict())  # names and shapes are the same
    found = features(plain, network.images)
    assert float((found - network.features).abs().max() / network.features.abs().max()) > 0.01
    with pytest.raises(CheckpointError, match="holds no tensor of timm:repvit_m1_5"):
        load_backbone(plain, network.tensors, source="file")
    theirs = timm.create_model("repvit_m1_5", num_classes=0).state_dict()
    with pytest.raises(CheckpointError, match=r"file: is not named as ReIDZoo's RepViT.*timm:repvit_m1_5"):
        load_backbone(backbone, theirs, source="file")


def test_a_swin_that_shrinks_its_last_window_is_refused_and_would_be_wrong() -> None:
    network = official("swin_tiny", (256, 128))
    shrinking = create("swin_tiny", always_partition=False)
    with pytest.raises(CheckpointError, match=r"of another shape: .*relative_position_bias_table \[225, 24\] instead"):
        load_backbone(shrinking, network.tensors, source="file")
    fitted = backbone_tensors(create("swin_tiny"), network.tensors, source="file")
    own = shrinking.state_dict()
    for name in own:
        if own[name].shape == fitted[name].shape:
            own[name].copy_(fitted[name])
    found = features(shrinking, network.images)
    assert float((found - network.features).abs().max() / network.features.abs().max()) > 0.01


@pytest.fixture(scope="module")
def ghost() -> Official:
    return official("ghostnet_0_5", (64, 32))


def test_files_that_do_not_fit_are_refused_tensor_by_tensor(ghost: Official) -> None:
    backbone = create("ghostnet_0_5")
    before = backbone.network.get_parameter("conv_stem.weight").detach().clone()
    known = dict(ghost.tensors)
    stem = known.pop("conv_stem.weight")
    for tensors, message in [
        (known, "1 tensors missing: network.conv_stem.weight"),
        ({**ghost.tensors, "conv_tail.weight": stem}, "1 tensors not used: network.conv_tail.weight"),
        ({**known, "conv_stem.weight": stem[:2]}, r"network.conv_stem.weight \[2, 3, 3, 3\] instead of \[8, 3, 3, 3\]"),
        ({f"{name}.other": tensor for name, tensor in known.items()}, "holds no tensor of ghostnet_0_5 .*'bn1"),
        ({"head.0.weight": stem}, "file: holds no tensor of ghostnet_0_5"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            load_backbone(backbone, tensors, source="file")
    torch.testing.assert_close(backbone.network.get_parameter("conv_stem.weight").detach(), before)
    with pytest.raises(CheckpointError, match="file: does not fit the model"):
        load_backbone(create("ghostnet_1_0"), ghost.tensors, source="file")


def test_a_tensor_under_two_names_is_refused() -> None:
    with torch.device("meta"):
        backbone = create("edgenext_x_small")
        both = dict.fromkeys(("downsample_layers.0.0.weight", "stem.0.weight"), torch.zeros(32, 3, 4, 4))
    with pytest.raises(CheckpointError, match=r"holds 1 tensors under two names each, the first for stem\.0\.weight"):
        backbone_tensors(backbone, both, source="file")


@pytest.mark.parametrize("tokens", [1, 6, 131])
def test_positions_that_are_no_grid_are_refused(tokens: int) -> None:
    with torch.device("meta"):
        backbone = create("vit_nano", (64, 32))
        tensors = {name.removeprefix("network."): value for name, value in backbone.state_dict().items()}
        tensors["pos_embed"] = torch.zeros(1, tokens, 32)
    with pytest.raises(CheckpointError, match=r"1 tensors of another shape: network\.pos_embed"):
        load_backbone(backbone, tensors, source="file")


def test_files_of_ours_load_into_the_same_backbone(ghost: Official) -> None:
    backbone, other = create("ghostnet_0_5"), create("ghostnet_0_5")
    load_backbone(backbone, ghost.tensors, source="official")
    load_backbone(other, backbone.state_dict(), source="ours")
    assert_same_features(other, ghost)


@pytest.mark.parametrize("name", ["vit_tiny", "volo_d1"])
def test_positions_of_a_file_are_resized_for_images_of_another_size(name: str) -> None:
    with torch.device("meta"):
        small, tall = create(name), create(name, (384, 128))
    tensors = {key.removeprefix("network."): torch.zeros(value.shape) for key, value in small.state_dict().items()}
    width = small.network.get_parameter("pos_embed").shape[-1]
    ramp = torch.arange(16.0).view(1, 16, 1, 1).expand(1, 16, 8, width)
    flat = torch.cat([torch.full((1, 1, width), 9.0), ramp.flatten(1, 2)], 1)
    tensors["pos_embed"] = flat if name == "vit_tiny" else ramp
    found = backbone_tensors(tall, tensors, source="file")["network.pos_embed"]
    assert found.shape == tall.network.get_parameter("pos_embed").shape
    if name == "vit_tiny":
        assert bool((found[:, 0] == 9).all())
        found = found[:, 1:].unflatten(1, (24, 8))
    # Bilinear: row r of 24 samples row (r + 1/2) · 16/24 − 1/2 of a ramp, clamped at the ends.
    expected = ((torch.arange(24) + 0.5) * 16 / 24 - 0.5).clamp(0, 15)
    torch.testing.assert_close(found[0, :, 3, 0], expected)
    torch.testing.assert_close(found, found[:, :, :1, :1].expand_as(found))


def test_positions_of_timms_transformers_are_resized_as_timm_does() -> None:
    torch.manual_seed(0)
    theirs = timm.create_model("vit_tiny_patch16_224")
    ours = create("timm:vit_tiny_patch16_224", (256, 128))
    load_backbone(ours, theirs.state_dict(), source="timm")
    theirs.set_input_size(img_size=(256, 128))
    images = torch.randn(1, 3, 256, 128)
    theirs.reset_classifier(0)
    with torch.inference_mode():
        torch.testing.assert_close(features(ours, images), theirs.eval()(images))
