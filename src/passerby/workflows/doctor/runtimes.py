"""Whether what computes computes: the packaged model in every runtime that is there, held against its card."""

import numpy as np

from passerby.distributed.processor import openvino_has_bfloat16
from passerby.errors import PasserbyError
from passerby.extras import is_installed
from passerby.import_guards import torchvision_guard
from passerby.inference.loading import ModelRuntime, load
from passerby.models.bundled import TINY_CLIP
from passerby.models.zoo.check_picture import check_picture
from passerby.workflows.doctor.findings import Finding, one_line

TOPIC = "Runtimes"

_PACKAGES: dict[ModelRuntime, str] = {"onnx": "onnxruntime", "openvino": "openvino", "torch": "torch"}
_CLOSE = 0.999
_AGAIN = "pip install --force-reinstall {}"


def runtime_findings() -> list[Finding]:
    """torchvision's native part, and each runtime's features of a drawn picture beside those of ONNX Runtime."""
    found, expected = [], None
    for runtime, package in _PACKAGES.items():
        if not is_installed(package):
            continue  # told among the extras
        try:
            feature = load(TINY_CLIP, runtime=runtime, device="cpu" if runtime == "torch" else None).embed(
                [check_picture()]
            )[0]
        except (PasserbyError, ImportError, OSError, RuntimeError) as error:
            value = f"does not run {TINY_CLIP}: {one_line(error)}"
            found.append(Finding(TOPIC, package, value, "problem", _AGAIN.format(package)))
            continue
        expected = feature if expected is None else expected
        cosine = float(np.dot(feature, expected))
        shown = f"runs {TINY_CLIP}, cosine {cosine:.6f}{_beside(runtime)}"
        if cosine < _CLOSE:
            remedy = _AGAIN.format(package)
            found.append(Finding(TOPIC, package, f"{shown}: another feature than in ONNX Runtime", "problem", remedy))
        else:
            found.append(Finding(TOPIC, package, shown))
    return [*found, *_torchvision()]


def _beside(runtime: ModelRuntime) -> str:
    """What a runtime can use here."""
    if runtime == "onnx":
        import onnxruntime

        return f", providers {', '.join(onnxruntime.get_available_providers())}"
    if runtime == "openvino":
        import openvino

        bfloat16 = ", computes bfloat16" if openvino_has_bfloat16() else ""
        return f", devices {', '.join(openvino.Core().available_devices)}{bfloat16}"
    return ""


def _torchvision() -> list[Finding]:
    if not (is_installed("torch") and is_installed("torchvision")):
        return []
    try:
        import torchvision  # noqa: F401  # its import is what is tried
    except (ImportError, OSError, RuntimeError) as error:
        remedy = "install the torchvision that belongs to this torch: its page of releases names the pairs"
        return [Finding(TOPIC, "torchvision", f"does not import: {one_line(error)}", "problem", remedy)]
    if not torchvision_guard.stands_in():
        return [Finding(TOPIC, "torchvision", "whole")]
    value = "its native part does not fit this torch; passerby stands in for it, and uses nothing else of it"
    remedy = "only where your own code needs torchvision.ops: install both from one package index"
    return [Finding(TOPIC, "torchvision", value, "note", remedy)]
