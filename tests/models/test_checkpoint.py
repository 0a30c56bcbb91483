"""Files of weights: what is read, what is refused, and that nothing is executed."""

import argparse
import pickle
import zipfile
from pathlib import Path

import numpy as np
import open_clip
import pytest
import safetensors.torch
import torch
from torch import nn

from passerby.errors import CheckpointError
from passerby.models.checkpoint import load_strictly, read_description, read_tensors, save_model
from passerby.models.clip.pretrained import clip_weights
from passerby.models.clip.towers import SMALL_ARCHITECTURES


@pytest.mark.parametrize("wrapped", [None, "state_dict", "model", "teacher"])
def test_torch_files_are_read_whatever_wraps_them(tmp_path: Path, wrapped: str | None) -> None:
    state = {"module.weight": torch.arange(3.0), "module.epoch": 7}
    torch.save({wrapped: state, "epoch": 1} if wrapped else state, tmp_path / "a.pth")
    tensors = read_tensors(tmp_path / "a.pth")
    assert list(tensors) == ["weight"]
    assert tensors["weight"].tolist() == [0, 1, 2]


def test_what_training_loops_leave_beside_tensors_is_read_as_nothing(tmp_path: Path) -> None:
    arguments = argparse.Namespace(arch="resnet50", sizes=[256, 128], seed=None)
    optimiser = {"state": {}, "param_groups": [{"lr": np.float64(1e-3), "step": np.int64(3)}]}
    content = {"args": arguments, "optimizer": optimiser, "teacher": {"module.backbone.weight": torch.ones(2)}}
    torch.save(content, tmp_path / "full.pth")
    assert read_tensors(tmp_path / "full.pth")["backbone.weight"].tolist() == [1, 1]
    torch.save({**content, "trap": Trap(tmp_path / "sprung")}, tmp_path / "trap.pth")
    with pytest.raises(CheckpointError, match="it holds more than tensors"):
        read_tensors(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


class Trap:
    """Creates a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (self.path,))  # type: ignore[return-value]


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1), "trap": Trap(tmp_path / "sprung")}, tmp_path / "a.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    for name in ("a.pth", "plain.pth"):
        with pytest.raises(CheckpointError, match=f"{name}: cannot be read as weights"):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_torchscript_needs_the_flag(tmp_path: Path) -> None:
    torch.manual_seed(0)
    clip = open_clip.CLIP(**SMALL_ARCHITECTURES["vit-nano"])
    torch.jit.trace(clip.visual, torch.zeros(1, 3, 32, 32)).save(str(tmp_path / "clip.pt"))
    assert zipfile.is_zipfile(tmp_path / "clip.pt")
    with pytest.raises(CheckpointError, match=r"TorchScript archive.*--allow-torchscript"):
        read_tensors(tmp_path / "clip.pt")
    tensors = read_tensors(tmp_path / "clip.pt", allow_torchscript=True)
    torch.testing.assert_close(tensors["conv1.weight"], clip.visual.conv1.weight)


@pytest.mark.parametrize("name", ["none.pth", "short.pth", "short.safetensors", "empty.pth", "list.pth"])
def test_unusable_files_are_named_in_one_line(tmp_path: Path, name: str) -> None:
    torch.save({"weight": torch.zeros(1000)}, tmp_path / "whole.pth")
    safetensors.torch.save_file({"weight": torch.zeros(1000)}, tmp_path / "whole.safetensors")
    for suffix in ("pth", "safetensors"):
        whole = (tmp_path / f"whole.{suffix}").read_bytes()
        (tmp_path / f"short.{suffix}").write_bytes(whole[: len(whole) // 2])
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match=name) as caught:
        read_tensors(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_strict_loading_accounts_for_every_tensor() -> None:
    layer = nn.Linear(2, 3)
    before = layer.weight.detach().clone()
    state = {"weight": torch.ones(3, 2), "bias": torch.ones(4), "extra": torch.ones(1)}
    with pytest.raises(CheckpointError) as caught:
        load_strictly(layer, state, source="file.pth")
    assert str(caught.value) == (
        "file.pth: does not fit the model: 1 tensors not used: extra; "
        "1 tensors of another shape: bias [4] instead of [3]"
    )
    with pytest.raises(CheckpointError, match="1 tensors missing: bias"):
        load_strictly(layer, {"weight": torch.ones(3, 2)}, source="file.pth")
    with pytest.raises(CheckpointError, match=r"file\.pth: 1 tensors hold NaN: bias"):
        load_strictly(layer, {"weight": torch.ones(3, 2), "bias": torch.tensor([0, torch.nan, 0])}, source="file.pth")
    torch.testing.assert_close(layer.weight.detach(), before)
    load_strictly(
        layer, {"weight": torch.ones(3, 2), "ex.a": torch.ones(1)}, source="f", ignored=["ex."], kept=["bias"]
    )
    assert layer.weight.sum() == 6


def test_a_saved_model_carries_its_description(tmp_path: Path) -> None:
    layer = nn.Linear(2, 3)
    save_model(tmp_path / "deep" / "model.safetensors", layer, {"method": "x", "sizes": [1, 2]})
    assert read_description(tmp_path / "deep" / "model.safetensors") == {"method": "x", "sizes": [1, 2]}
    torch.testing.assert_close(read_tensors(tmp_path / "deep" / "model.safetensors")["weight"], layer.weight.detach())
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["model.safetensors"]
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    assert read_description(tmp_path / "foreign.safetensors") is None


def test_openai_files_are_known_by_their_integers(tmp_path: Path) -> None:
    state = open_clip.CLIP(**SMALL_ARCHITECTURES["vit-nano"]).state_dict()
    halves = {name: tensor.half() for name, tensor in state.items()}
    marks = {"input_resolution": torch.tensor(32), "context_length": torch.tensor(77), "vocab_size": torch.tensor(9)}
    torch.save({**halves, **marks}, tmp_path / "openai.pt")
    safetensors.torch.save_file(dict(state), tmp_path / "open_clip.safetensors")
    openai = clip_weights(str(tmp_path / "openai.pt"), "vit-nano")
    ours = clip_weights(str(tmp_path / "open_clip.safetensors"), "vit-nano")
    assert openai.quick_gelu is True
    assert ours.quick_gelu is None
    assert openai.tensors is not None
    assert openai.tensors.keys() == state.keys()
    assert clip_weights("random", "vit-nano").tensors is None


def test_reid_checkpoints_are_not_taken_for_clip(tmp_path: Path) -> None:
    torch.save({"image_encoder.conv1.weight": torch.zeros(1)}, tmp_path / "reid.pth")
    with pytest.raises(CheckpointError, match="init=FILE"):
        clip_weights(str(tmp_path / "reid.pth"), "vit-nano")
    with pytest.raises(CheckpointError, match="no weights 'nowhere' for ViT-B-16"):
        clip_weights("open_clip:nowhere", "ViT-B-16")


def spoilt(change: str) -> dict[str, torch.Tensor]:
    """The state of a batch normalisation with something in it that cannot be."""
    state = nn.BatchNorm1d(2).state_dict()
    values: dict[str, torch.Tensor] = {
        "infinite": torch.tensor([1.0, torch.inf]),
        "NaN": torch.tensor([1.0, torch.nan]),
        "overflow": torch.tensor([1.0, 1e300], dtype=torch.float64),
        "half": torch.tensor([1.0, 1e6]).half(),
        "negative": torch.tensor([1.0, -0.5]),
        "int8": torch.tensor([1, 2], dtype=torch.int8),
        "bool": torch.tensor([True, False]),
        "complex": torch.tensor([1j, 1.0]),
        "sparse": torch.tensor([1.0, 0.0]).to_sparse(),
        "quantised": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    }
    return {**state, "running_var": values[change]}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("infinite", "hold infinite values"),
        ("NaN", "hold NaN"),
        ("overflow", "hold infinite values"),
        ("half", "hold infinite values"),
        ("negative", "hold negative variances"),
        ("int8", r"are of the wrong type \(torch.int8\)"),
        ("bool", r"are of the wrong type \(torch.bool\)"),
        ("complex", r"are of the wrong type \(torch.complex64\)"),
        ("sparse", r"are of the wrong type \(torch.sparse_coo\)"),
        ("quantised", r"are of the wrong type \(torch.qint8\)"),
    ],
)
def test_what_cannot_be_weights_is_refused_by_name(change: str, fault: str) -> None:
    layer = nn.BatchNorm1d(2)
    with pytest.raises(CheckpointError, match=rf"^a.pth: 1 tensors {fault}: running_var: take another file"):
        load_strictly(layer, spoilt(change), source="a.pth")
    assert layer.running_var is not None
    assert layer.running_var.tolist() == [1, 1]


def test_files_in_half_precision_and_without_counters_are_read() -> None:
    layer, state = nn.BatchNorm1d(2), nn.BatchNorm1d(2).state_dict()
    state["num_batches_tracked"] += 70_000  # infinite in half precision, and of no consequence
    load_strictly(layer, {name: value.half() for name, value in state.items()}, source="a.pth")
    del state["num_batches_tracked"]
    load_strictly(layer, state, source="a.pth")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"', "[" * 100_000, '{"a":' * 500 + "1" + "}" * 500])
def test_descriptions_that_passerby_does_not_write_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors", metadata={"passerby": text})
    with pytest.raises(CheckpointError, match=r"a.safetensors: its metadata `passerby` is not a description") as caught:
        read_description(tmp_path / "a.safetensors")
    assert "\n" not in str(caught.value)


def test_a_refused_file_is_not_called_damaged(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1), "trap": Trap(tmp_path / "sprung")}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=r"holds more than tensors \(.*\), which could run code") as caught:
        read_tensors(tmp_path / "a.pth")
    assert "damaged" not in str(caught.value)
    assert "truncated" not in str(caught.value)
