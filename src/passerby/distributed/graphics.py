"""Whether there is a GPU for torch, told without importing torch where there is none: that takes seconds."""

import sys
from pathlib import Path

from passerby.extras import is_installed

_DRIVERS = tuple(Path(name) for name in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))
"""What a driver of NVIDIA's, AMD's, or Windows' for Linux puts there."""


def driver_at_hand() -> bool:
    """Whether a driver of a GPU is there, as far as its device files tell."""
    return any(each.exists() for each in _DRIVERS)


def gpu_at_hand() -> bool:
    """Whether torch is installed and finds a GPU that it computes on."""
    if not is_installed("torch") or sys.platform == "darwin":
        return False
    if "torch" not in sys.modules and sys.platform == "linux" and not driver_at_hand():
        return False
    import torch

    return torch.cuda.is_available()
