"""What the processor is, and whether it computes bfloat16 itself."""

import platform
from functools import cache
from pathlib import Path

from passerby.extras import is_installed

_CPU_INFORMATION = Path("/proc/cpuinfo")
_UNITS = ("amx_bf16", "avx512_bf16")


@cache
def processor() -> str:
    """Its name, and the bfloat16 units that it says it has; of a kind that tells nothing, the architecture."""
    fields = _fields()
    name = fields.get("model name") or platform.processor() or platform.machine()
    units = [unit for unit in _UNITS if unit in fields.get("flags", "").split()]
    return f"{name} ({', '.join(units)})" if units else name


@cache
def openvino_has_bfloat16() -> bool:
    """Whether OpenVINO is installed and computes bfloat16 here; elsewhere it takes the hint and computes float32."""
    if not is_installed("openvino"):
        return False
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def has_bfloat16() -> bool:
    """Whether the processor says that it has units for bfloat16 (AVX-512 BF16 or AMX); only Linux tells."""
    return any(unit in _fields().get("flags", "").split() for unit in _UNITS)


def _fields() -> dict[str, str]:
    if not _CPU_INFORMATION.is_file():
        return {}
    lines = _CPU_INFORMATION.read_text("utf-8", errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}
