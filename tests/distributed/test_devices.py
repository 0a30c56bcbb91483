"""Which devices are taken, and what is said of those that are not there."""

import pytest
import torch

from passerby.config import TrainerSection
from passerby.distributed.devices import choose_accelerator, choose_device
from passerby.errors import DeviceError


def test_a_device_is_taken_by_name() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device(torch.device("cpu", 0)).type == "cpu"
    assert choose_device().type in ("cpu", "cuda")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("frobnicator", "device 'frobnicator' is unknown: use cpu, cuda or cuda:NUMBER"),
        ("meta", "device 'meta' cannot be used here: use one of cpu, cuda, mps, xpu"),
        ("cpu:1", "device 'cpu:1': this machine has 1 devices of that kind"),
        ("cuda:99", "device 'cuda:99': this machine has"),
    ],
)
def test_devices_that_are_not_there_are_named(name: str, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        choose_device(name)


@pytest.mark.parametrize("kind", ["mps", "xpu"])
def test_other_kinds_are_taken_where_torch_has_them(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.setattr("torch.xpu.device_count", lambda: 1)
    assert choose_device(kind).type == kind
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr("torch.xpu.device_count", lambda: 0)
    with pytest.raises(DeviceError, match=f"device '{kind}': this machine has none"):
        choose_device(kind)


def test_training_says_what_the_machine_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert choose_accelerator(TrainerSection()) == "cpu"
    with pytest.raises(DeviceError, match=r"has no CUDA device: set trainer\.accelerator=cpu"):
        choose_accelerator(TrainerSection(accelerator="cuda"))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert choose_accelerator(TrainerSection()) == "cuda"
    with pytest.raises(DeviceError, match=r"trainer\.devices=2: this machine has 1 CUDA devices"):
        choose_accelerator(TrainerSection(devices=2))


def test_emulated_bfloat16_is_no_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: including_emulation)
    with pytest.raises(DeviceError, match="this GPU has no bfloat16: set 16-mixed or 32"):
        choose_accelerator(TrainerSection(precision="bf16-mixed"))
