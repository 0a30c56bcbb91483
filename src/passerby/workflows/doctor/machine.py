"""The processor, the memory, and whether torch finds a GPU."""

import os
import sys
from pathlib import Path

from passerby.distributed.graphics import driver_at_hand
from passerby.distributed.processor import has_bfloat16, processor
from passerby.extras import is_installed
from passerby.workflows.doctor.findings import Finding, one_line

TOPIC = "Machine"

_GIB = 2**30
_LITTLE_MEMORY = 2 * _GIB


def machine_findings() -> list[Finding]:
    """What computes, and how much it can hold."""
    return [Finding(TOPIC, "processor", processor()), _cores(), _bfloat16(), _memory(), _gpu()]


def _cores() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    named = {name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ}
    shown = "".join(f", {name}={value}" for name, value in named.items())
    return Finding(TOPIC, "cores", f"{usable} of {os.cpu_count()}{shown}")


def _bfloat16() -> Finding:
    if sys.platform != "linux":
        return Finding(TOPIC, "bfloat16", "only Linux tells", "note")
    if has_bfloat16():
        return Finding(TOPIC, "bfloat16", "in the processor: embedding takes it where it is as good")
    return Finding(TOPIC, "bfloat16", "not in this processor: it computes float32")


def _memory() -> Finding:
    """What is free, where the system tells."""
    try:
        page, total, free = (os.sysconf(name) for name in ("SC_PAGE_SIZE", "SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return Finding(TOPIC, "memory", "not told by this system", "note")
    available = _available() or page * free
    shown = f"{page * total / _GIB:.1f} GiB, {available / _GIB:.1f} GiB available"
    if available < _LITTLE_MEMORY:
        return Finding(TOPIC, "memory", shown, "problem", "end what else runs; training needs some gigabytes")
    return Finding(TOPIC, "memory", shown)


def _available() -> int:
    """Bytes that programs could have, caches of files included; 0 where that is not told."""
    file = Path("/proc/meminfo")
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    found = next((line.split() for line in lines if line.startswith("MemAvailable:")), None)
    return int(found[1]) * 1024 if found else 0


def _gpu() -> Finding:
    driver = driver_at_hand()
    if not is_installed("torch"):
        value = "a driver is there, but torch is not installed" if driver else "none; torch is not installed"
        return Finding(TOPIC, "GPU", value, "note", "pip install 'passerby[train]'" if driver else "")
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:
        value = f"not known, for torch does not import: {one_line(error)}"
        return Finding(TOPIC, "GPU", value, "problem", "pip install --force-reinstall torch")

    if torch.cuda.is_available():
        devices = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        shown = ", ".join(f"{each.name} ({each.total_memory / _GIB:.0f} GiB)" for each in devices)
        return Finding(TOPIC, "GPU", f"{shown}, CUDA {torch.version.cuda}")
    if not driver:
        return Finding(TOPIC, "GPU", "none: everything runs on the CPU")
    if torch.version.cuda is None:
        remedy = "install a CUDA build of the same version from PyTorch's own package index"
        return Finding(TOPIC, "GPU", f"a driver is there, but torch {torch.__version__} is a CPU build", "note", remedy)
    remedy = "look whether nvidia-smi answers, and update the driver to one for this CUDA version"
    return Finding(
        TOPIC, "GPU", f"a driver is there, but torch (CUDA {torch.version.cuda}) finds no GPU", "problem", remedy
    )
