"""Backbones by name: sizes, structure, other image sizes, errors."""

import pytest
import timm
import torch
from torch import nn

from passerby.errors import RecipeError
from passerby.models.backbones.position_embeddings import interpolate_positions
from passerby.models.backbones.registry import FAMILIES, create, family_of, names
from passerby.models.backbones.reparameterization import reparameterize
from passerby.models.zoo.catalogue import ZooEntry, count_operations, entries, find_entry

SMALL = {
    "ghostnet_0_5": 1280,
    "edgenext_x_small": 192,
    "repvit_m0_9": 384,
    "fastvit_sa12": 1024,
    "resnet18_ibn": 512,
    "resnet50": 2048,
    "convnext_tiny": 768,
    "volo_d1": 384,
    "vit_tiny": 192,
    "swin_tiny": 768,
}
"""Of each family a small member, and the length of its features."""

OTHERS = {"vit_small_parts": 768, "timm:resnet18": 512, "vit_tiny_patch16_224": 192, "mobilenetv3_small_050": 1024}

UNUSED_CLASSES = 1000
"""The classifier that the published counts of vision transformers include, and that is in no file."""


@pytest.mark.parametrize("entry", entries()[:32], ids=lambda entry: entry.name)
def test_parameters_are_as_many_as_published(entry: ZooEntry) -> None:
    with torch.device("meta"):
        backbone = create(entry.name)
    counted = sum(parameter.numel() for parameter in backbone.parameters())
    if entry.name.startswith("vit_"):
        counted += UNUSED_CLASSES * (backbone.feature_dim + 1)
    assert counted / 1e6 == pytest.approx(entry.parameters, abs=0.0051)


@pytest.mark.parametrize("name", SMALL)
def test_operations_are_as_many_as_published(name: str) -> None:
    entry = find_entry(name)
    parameters, macs = count_operations(name)
    assert parameters == pytest.approx(entry.parameters, rel=0.04)
    # Published counts include element-wise operations, which matter in small networks.
    assert macs == pytest.approx(entry.macs, rel=0.1 if name.startswith("ghostnet") else 0.05)


@pytest.mark.parametrize("name", [*SMALL, *OTHERS])
def test_features_are_vectors_for_images_of_every_size_in_use(name: str) -> None:
    with torch.device("meta"):
        backbone = create(name).eval()
        shapes = [backbone(torch.zeros(2, 3, *size)).shape for size in ((256, 128), (128, 64), (384, 128))]
    expected = {**SMALL, **OTHERS}[name]
    assert shapes == [(2, expected)] * 3
    assert backbone.feature_dim == backbone.embed_dim == expected


def test_every_name_has_one_family() -> None:
    assert len(set(names())) == len(names())
    assert {entry.architecture for entry in entries()} <= set(names())
    assert family_of("resnet50_ibn") == "resnet_ibn"
    assert family_of("timm:resnet50") is None


@pytest.mark.parametrize("name", ["resnet18", "resnet50_ibn"])
def test_the_last_group_keeps_the_resolution_without_dilation(name: str) -> None:
    with torch.device("meta"):
        network = create(name).network
        maps = network.forward_features(torch.zeros(1, 3, 256, 128))  # type: ignore[operator]
    assert maps.shape[2:] == (16, 8)
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    assert {part.dilation for part in convolutions} == {(1, 1)}
    with torch.device("meta"):
        maps = create("timm:resnet18").network.forward_features(torch.zeros(1, 3, 256, 128))  # type: ignore[operator]
    assert maps.shape[2:] == (8, 4)


def test_features_are_float32_under_mixed_precision_and_embeddings_have_length_1() -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 32)
    for name in ("resnet_nano", "resnet_nano_ibn", "vit_nano"):
        backbone = create(name, (64, 32)).eval()
        with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
            assert backbone(images).dtype == torch.float32
            embedded = backbone.embed(images)
        torch.testing.assert_close(embedded.norm(dim=1), torch.ones(2))
        with torch.inference_mode():
            torch.testing.assert_close(embedded, nn.functional.normalize(backbone(images)))


def test_positions_stay_at_the_native_grid_and_move_at_others() -> None:
    positions = torch.randn(1, 16, 8, 4, generator=torch.Generator().manual_seed(0))
    assert interpolate_positions(positions, (16, 8)) is positions
    moved = interpolate_positions(positions, (16, 8), always=True)
    assert moved.shape == positions.shape
    change = float((moved - positions).norm() / positions.norm())
    assert change == pytest.approx(0.09, abs=0.03)  # what was measured with ReIDZoo's code for fine-tuning
    for grid in ((8, 4), (24, 8), (16, 16), (1, 1)):
        constant = interpolate_positions(torch.ones(1, 16, 8, 4), grid)
        torch.testing.assert_close(constant, torch.ones(1, *grid, 4))


def test_options_reach_the_network() -> None:
    with torch.device("meta"):
        rates = [block.drop_path1 for block in create("vit_tiny", drop_path_rate=0.1).network.blocks]  # type: ignore[union-attr]
        swins = [create("swin_tiny", **options) for options in ({}, {"drop_path_rate": 0.1})]
        for name in ("repvit_m0_9", "ghostnet_0_5", "timm:repvit_m0_9", "vit_tiny"):
            with pytest.raises(RecipeError, match=f"backbone {name}: knows no no_such_option: leave it out"):
                create(name, no_such_option=1)
    assert isinstance(rates[0], nn.Identity)
    assert rates[-1].drop_prob == pytest.approx(0.1)  # type: ignore[union-attr]
    left_out = [any(type(part).__name__ == "DropPath" for part in swin.modules()) for swin in swins]
    assert left_out == [False, True]


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("resnet5", (256, 128), "unknown name 'resnet5'; did you mean resnet5"),
        ("repvit-m09", (256, 128), "did you mean repvit_m0_9"),
        ("timm:repvit_m15", (256, 128), "did you mean repvit_m1_5"),
        ("qqqq", (256, 128), "see `passerby zoo list` and timm.list_models"),
        ("vit_tiny", (250, 128), "backbone vit_tiny: image sides must be multiples of 16 pixels, not 250×128"),
        ("volo_d1", (256, 0), "must be multiples of 16 pixels"),
        ("swin_tiny", (254, 128), "must be multiples of 4 pixels"),
        ("coat_lite_tiny", (30, 30), "backbone coat_lite_tiny: cannot take images of 30×30"),
    ],
)
def test_what_cannot_be_created_is_explained(name: str, size: tuple[int, int], message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        create(name, size)
    assert "\n" not in str(caught.value)


def randomise(network: nn.Module) -> None:
    """Statistics and scales as after training: no longer ones and zeros."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_mean"):
            tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
        elif name.endswith(("running_var", "gamma")) or (name.endswith("weight") and tensor.ndim == 1):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_dropped_at_random_while_a_backbone_learns(family: str) -> None:
    network = create(FAMILIES[family][0], image_size=(64, 64)).train()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network(images), network(images), rtol=0, atol=0)


def test_images_too_small_for_instance_normalisation_are_explained() -> None:
    network = create("resnet_nano_ibn", image_size=(16, 8))
    with pytest.raises(RecipeError, match="leave a single place for instance normalisation"):
        network(torch.zeros(2, 3, 16, 8))


@pytest.mark.parametrize("name", ["repvit_m0_9", "fastvit_sa12"])
def test_the_form_for_inference_gives_the_same_features_from_fewer_layers(name: str) -> None:
    torch.manual_seed(0)
    backbone = create(name)
    randomise(backbone)
    backbone.train()
    fused = reparameterize(backbone)
    images = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        expected, found = backbone.eval()(images), fused(images)
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5
    counts = [sum(1 for part in each.modules() if isinstance(part, nn.Conv2d)) for each in (fused, backbone)]
    norms = [sum(1 for part in each.modules() if isinstance(part, nn.BatchNorm2d)) for each in (fused, backbone)]
    assert counts[0] < counts[1]
    assert norms[0] < norms[1] / 3
    assert not any(parameter.requires_grad for parameter in fused.parameters())
    assert all(parameter.requires_grad for parameter in backbone.parameters())


def test_networks_of_timm_are_timms() -> None:
    torch.manual_seed(0)
    backbone = create("mobilenetv3_small_050", (64, 32)).eval()
    theirs = timm.create_model("mobilenetv3_small_050", num_classes=0).eval()
    theirs.load_state_dict(backbone.network.state_dict())
    images = torch.randn(1, 3, 64, 32)
    with torch.inference_mode():
        torch.testing.assert_close(backbone(images), theirs(images))
