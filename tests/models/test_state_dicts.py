"""Checkpoints as people save them: any keys, any wrappers, any prefixes; found by looking."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from torch import Tensor, nn

from passerby.errors import CheckpointError
from passerby.models import read_tensors
from passerby.models.backbones import create, load_backbone
from passerby.models.clip import SMALL_ARCHITECTURES, clip_weights
from passerby.models.zoo import recognise_backbone

WEIGHTS = {"conv.weight": torch.ones(2), "conv.bias": torch.zeros(1), "norm.weight": torch.ones(1)}


def written(content: object, folder: Path) -> Path:
    torch.save(content, folder / "a.pth")
    return folder / "a.pth"


@pytest.mark.parametrize(
    "keys",
    [
        *(["model_state_dict"], ["model_state"], ["net"], ["weights"], ["params"], ["network"], ["ema", "module"]),
        *(["checkpoint", "state", "model"], ["teacher"], ["state_dict"]),
    ],
)
def test_state_dicts_are_found_under_any_keys(tmp_path: Path, keys: list[str]) -> None:
    content: dict[str, Any] = dict(WEIGHTS)
    for key in reversed(keys):
        content = {key: content, "epoch": 3}
    content["optimizer"] = {"state": {0: {"exp_avg": torch.ones(9), "step": torch.ones(1)}}, "param_groups": [{}]}
    content["criterion"] = {"centers": torch.ones(2)}
    assert list(read_tensors(written(content, tmp_path))) == list(WEIGHTS)


@pytest.mark.parametrize(
    "prefix", ["module.", "module.module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod."]
)
def test_what_torch_puts_into_names_is_removed(tmp_path: Path, prefix: str) -> None:
    content = {f"{prefix}{name}": value for name, value in WEIGHTS.items()}
    assert list(read_tensors(written(content, tmp_path))) == list(WEIGHTS)
    inner = {f"backbone.{prefix if 'orig' in prefix[:5] else ''}{name}": value for name, value in WEIGHTS.items()}
    assert all("_orig_mod" not in name for name in read_tensors(written(inner, tmp_path)))


def test_averaged_models_are_read_without_their_counter(tmp_path: Path) -> None:
    averaged = torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2))
    assert list(read_tensors(written(averaged.state_dict(), tmp_path))) == ["weight", "bias"]


def test_of_several_sets_the_usual_one_is_taken_or_none(tmp_path: Path) -> None:
    other = {name: value + 1 for name, value in WEIGHTS.items()}
    found = read_tensors(written({"student": other, "teacher": WEIGHTS}, tmp_path))
    assert found["conv.weight"].tolist() == [1, 1]
    with pytest.raises(CheckpointError, match=r"several sets of weights \(net_a, net_b\): save the one"):
        read_tensors(written({"net_a": WEIGHTS, "net_b": other}, tmp_path))
    with pytest.raises(CheckpointError, match=r"holds no tensors \(epoch, history\): give a file"):
        read_tensors(written({"epoch": 3, "history": {"loss": [1.0]}}, tmp_path))
    with pytest.raises(CheckpointError, match=r"holds conv\.weight twice, the second time as module\.conv\.weight"):
        read_tensors(written({**WEIGHTS, "module.conv.weight": torch.ones(2)}, tmp_path))


def before_counters(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize("change", [dict, before_counters])
@pytest.mark.parametrize("prefix", ["", "model.", "encoder.", "base.", "model.encoder.base.", "net.trunk."])
def test_backbones_are_found_under_any_prefix(
    prefix: str, change: Callable[[dict[str, Tensor]], dict[str, Tensor]], capsys: pytest.CaptureFixture[str]
) -> None:
    weights = create("resnet_nano_ibn").network.state_dict()
    file = change({f"{prefix}{name}": value for name, value in weights.items()})
    backbone = create("resnet_nano_ibn")
    load_backbone(backbone, {**file, "classifier.weight": torch.ones(5, 16)}, source="file")
    assert all(
        torch.equal(value, weights[name]) for name, value in before_counters(backbone.network.state_dict()).items()
    )
    if prefix:
        told = " ".join(capsys.readouterr().err.split())
        assert f"file: takes what is under '{prefix}'; not used: classifier" in told


def test_an_official_file_is_recognised_under_a_prefix_and_without_counters() -> None:
    weights = create("resnet18").network.state_dict()
    assert recognise_backbone(weights, "file") == "imagenet/resnet18"
    assert (
        recognise_backbone({f"model.net.{name}": value for name, value in weights.items()}, "file")
        == "imagenet/resnet18"
    )
    assert recognise_backbone(before_counters(weights), "file") == "imagenet/resnet18"


def test_clip_is_found_under_a_prefix(tmp_path: Path) -> None:
    state = open_clip.CLIP(**SMALL_ARCHITECTURES["vit-nano"]).state_dict()
    file = written({"state_dict": {f"model.{name}": value for name, value in state.items()}}, tmp_path)
    found = clip_weights(str(file), "vit-nano").tensors
    assert found is not None
    assert found.keys() == state.keys()


def test_a_state_to_resume_from_says_what_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    content = {"state_dict": WEIGHTS, "passerby": {"stage": "stage2", "next_step": 0}}
    torch.save(content, folder / "stage2.ckpt")
    model = tmp_path / "run" / "model.safetensors"
    with pytest.raises(CheckpointError, match=rf"resumes stage stage2 from, .* finish the run .*, then use {model}$"):
        read_tensors(folder / "stage2.ckpt")
    model.touch()
    with pytest.raises(CheckpointError, match=rf"not a model: use {model}$"):
        read_tensors(folder / "stage2.ckpt")
