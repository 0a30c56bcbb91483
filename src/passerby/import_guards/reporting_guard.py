"""Keeps packages of others from reporting to their makers that and how they are used.

ONNX Runtime, OpenVINO, NNCF, Ray and Hugging Face's hub do so unless told otherwise: some when they are imported, some
keep what they would send in the user's home. Whoever searches for people must be able to say that nothing leaves the
machine. A variable that the user has set already stays as it is.

Installed by `import passerby`; does nothing for packages that were imported before.
"""

import os
import sys
from types import ModuleType
from typing import cast

VARIABLES = {
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""What ONNX Runtime, Ray and Hugging Face's hub ask; started processes are told as well."""

_SENDER = "openvino_telemetry"
"""What OpenVINO and NNCF send with; where it is missing they send nothing."""


def install() -> None:
    """Tell the packages that nothing is to be sent."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    sys.modules.setdefault(_SENDER, cast(ModuleType, None))  # Python's way to say that it cannot be imported
