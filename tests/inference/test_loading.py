"""What `passerby.load` refuses: descriptions that passerby does not write, and weights of no working network."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import passerby
from passerby.errors import CheckpointError, PasserbyError
from passerby.models import read_description, save_model
from passerby.models.backbones import create
from passerby.models.zoo import convert_backbone


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    torch.save(create("resnet_nano_ibn").network.state_dict(), folder / "weights.pth")
    convert_backbone(folder / "weights.pth", folder / "model.safetensors", "imagenet/resnet_nano_ibn", (64, 32))
    return folder / "model.safetensors"


def changed(file: Path, folder: Path, description: object, **tensors: torch.Tensor) -> Path:
    state = safetensors.torch.load_file(file)
    metadata = {"passerby": json.dumps(description)}
    safetensors.torch.save_file({**state, **tensors}, folder / "changed.safetensors", metadata=metadata)
    return folder / "changed.safetensors"


def described(file: Path) -> dict[str, Any]:
    description = read_description(file)
    assert description is not None
    return description


HUGE = 10**9


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"method": None}, "method is None"),
        ({"method": ["backbone"]}, "method is"),
        ({"method": "no-such"}, "unknown name 'no-such'"),
        ({"method": "clip-reid"}, "does not describe its tensors"),
        ({"architecture": 7}, "take another file|unknown"),
        ({"architecture": "resnet18"}, "does not fit the model|holds no tensor of"),
        ({"image_size": "large"}, "does not describe its tensors"),
        ({"image_size": [HUGE, HUGE]}, "image_size is"),
        ({"camera_count": -1}, "camera_count is -1"),
        ({"camera_count": HUGE}, "camera_count is"),
        ({"camera_count": "many"}, "camera_count is 'many'"),
        ({"trained_on": 3}, "trained_on is 3"),
        ({"transform": None}, "transform is None"),
        ({"transform": {"size": [HUGE, 4], "mean": [0, 0, 0], "std": [1, 1, 1]}}, "transform.size is"),
        ({"transform": {"size": [64, 32], "mean": [0, 0], "std": [1, 1, 1]}}, "transform.mean is"),
        ({"transform": {"size": [64, 32], "mean": [0, 0, 0], "std": [1, 0, 1]}}, "transform.std is"),
        ({"transform": {"size": [64, 32], "mean": [0, 0, 0], "std": [1, 1, float("nan")]}}, "transform.std is"),
        (
            {"transform": {"size": [64, 32], "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "nearest"}},
            "transform.interpolation is 'nearest'",
        ),
        (
            {"transform": {"size": [64, 32], "mean": [0, 0, 0], "std": [1, 1, 1], "blur": 3}},
            "does not describe its tensors",
        ),
    ],
)
def test_descriptions_that_cannot_be_are_refused_in_one_line(
    file: Path, tmp_path: Path, change: dict[str, Any], key: str
) -> None:
    other = changed(file, tmp_path, described(file) | change)
    with pytest.raises(PasserbyError, match=key) as caught:
        passerby.load(other, device="cpu")
    assert "\n" not in str(caught.value)


def test_weights_of_no_working_network_are_not_loaded(file: Path, tmp_path: Path) -> None:
    name = next(name for name in safetensors.torch.load_file(file) if name.endswith("running_var"))
    variance = safetensors.torch.load_file(file)[name]
    variance[0] = torch.inf
    other = changed(file, tmp_path, described(file), **{name: variance})
    with pytest.raises(CheckpointError, match=f"1 tensors hold infinite values: {name}"):
        passerby.load(other, device="cpu")
    published = create("resnet_nano_ibn").network.state_dict()
    published["bn1.running_var"][0] = 1e6
    torch.save({key: value.half() for key, value in published.items()}, tmp_path / "half.pth")
    with pytest.raises(CheckpointError, match=r"hold infinite values: network.bn1.running_var"):
        convert_backbone(tmp_path / "half.pth", tmp_path / "b.safetensors", "imagenet/resnet_nano_ibn")
    assert not (tmp_path / "b.safetensors").exists()


def test_a_network_whose_features_vanish_is_noticed(file: Path, tmp_path: Path) -> None:
    model = passerby.load(file, device="cpu")
    with torch.no_grad():
        for parameter in model.model.parameters():
            parameter.zero_()
    save_model(tmp_path / "zero.safetensors", model.model, model.description)
    zero = passerby.load(tmp_path / "zero.safetensors", device="cpu")
    with pytest.raises(CheckpointError, match="image 1: its feature is zero"):
        zero.embed(torch.zeros(1, 3, 64, 32))


def test_camera_coefficients_are_finite(tmp_path: Path) -> None:
    torch.save({"image_encoder.conv1.weight": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError):
        passerby.load(tmp_path / "a.pth", camera_coefficient=float("nan"))


@pytest.mark.parametrize("method", [None, 7, ["cion"], {"name": "cion"}])
def test_a_network_is_not_chosen_in_a_file_of_no_method(file: Path, tmp_path: Path, method: object) -> None:
    broken = changed(file, tmp_path, {**described(file), "method": method})
    with pytest.raises(CheckpointError, match=rf"^{broken}: .*method is"):
        passerby.load(broken, network="teacher")


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"image_encoder.conv1.weight": (32, 3, 8, 8)}, "vision transformer of width 32, 0 blocks, patch 8"),
        ({"image_encoder.conv1.weight": (32,)}, "not enough values to unpack"),
        ({"image_encoder.conv1.weight": (3, 3), "image_encoder.attnpool.positional_embedding": (5, 3)}, "KeyError"),
    ],
)
def test_one_s_own_tower_in_a_published_wrapper_is_told_with_its_file(
    tensors: dict[str, tuple[int, ...]], reason: str, tmp_path: Path
) -> None:
    state = {name: torch.zeros(shape) for name, shape in tensors.items()}
    torch.save({"state_dict": {**state, "bottleneck_proj.weight": torch.zeros(4)}}, tmp_path / "mine.pth")
    with pytest.raises(CheckpointError, match=rf"mine\.pth: .*{reason}.*passerby\.TorchEmbedder\.of") as caught:
        passerby.load(tmp_path / "mine.pth")
    assert "\n" not in str(caught.value)
