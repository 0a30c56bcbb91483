"""The choice of a device, and what it can compute."""

from collections.abc import Callable

import torch

from passerby.config import TrainerSection
from passerby.distributed.processor import has_bfloat16
from passerby.errors import DeviceError

_COUNTS: dict[str, Callable[[], int]] = {
    "cpu": lambda: 1,
    "cuda": torch.cuda.device_count,
    "mps": lambda: int(torch.backends.mps.is_available()),
    "xpu": lambda: torch.xpu.device_count() if hasattr(torch, "xpu") else 0,
}
"""How many devices of each kind there are; what is not listed, such as torch's `meta`, holds no numbers."""


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """A device by name; by default a GPU where there is one.

    Raises:
        DeviceError: there is no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise DeviceError(f"device {str(name)!r} is unknown: use cpu, cuda or cuda:NUMBER") from None
    if device.type not in _COUNTS:
        raise DeviceError(f"device {str(name)!r} cannot be used here: use one of {', '.join(_COUNTS)}")
    count = _COUNTS[device.type]()
    if (device.index or 0) >= count:
        found = f"has {count} devices of that kind" if count else "has none"
        raise DeviceError(f"device {str(name)!r}: this machine {found}: use another, for instance cpu")
    return device


def check_bfloat16(device: torch.device) -> None:
    """Check that a device computes bfloat16 itself, and not by a detour.

    Raises:
        DeviceError: it does not.
    """
    if not (has_bfloat16() if device.type == "cpu" else device.type == "cuda" and _has_bfloat16()):
        raise DeviceError(f"precision bf16: {device} does not compute bfloat16: use precision fp32")


def _has_bfloat16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))  # which is slower than 32 bits


def choose_accelerator(section: TrainerSection) -> str:
    """`cuda` or `cpu` for training, after checking that it has the devices and the precision asked for.

    Raises:
        DeviceError: it has not; nothing is changed in silence.
    """
    available = torch.cuda.device_count()
    accelerator = ("cuda" if available else "cpu") if section.accelerator == "auto" else section.accelerator
    if accelerator == "cuda" and not available:
        raise DeviceError("trainer.accelerator=cuda: this machine has no CUDA device: set trainer.accelerator=cpu")
    if accelerator == "cuda" and section.devices > available:
        raise DeviceError(
            f"trainer.devices={section.devices}: this machine has {available} CUDA devices: "
            "lower it, or set trainer.accelerator=cpu"
        )
    if accelerator == "cpu" and section.precision == "16-mixed":
        raise DeviceError("trainer.precision=16-mixed needs a CUDA device: set trainer.precision=32")
    if accelerator == "cuda" and section.precision == "bf16-mixed" and not _has_bfloat16():
        raise DeviceError("trainer.precision=bf16-mixed: this GPU has no bfloat16: set 16-mixed or 32")
    return accelerator
