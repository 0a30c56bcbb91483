"""OpenVINO's .xml files, and ONNX files, in OpenVINO, on the CPU."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import CheckpointError, DeviceError
from passerby.inference.runtimes.session import Arithmetic, ModelSession, Port
from passerby.models.zoo.card import ModelCard

_PRECISIONS = {"fp32": "f32", "bf16": "bf16"}
_FAULTS = (
    (r"Empty weights data in bin file", "has no .bin file beside it, which holds its weights: get both"),
    (r"Incorrect weights in bin file", "does not fit the .bin file beside it, which is too short: get both again"),
    (
        r"externally stored data",
        "keeps its weights in a file beside it, which is missing or of another model: get both again",
    ),
    (r"pugi::status_ok|Error parsing|Protobuf|parse", "is truncated or damaged: get the file again"),
    (r"While validating node|Check '", "does not fit its .bin file, which may be another model's: get both again"),
)


class OpenvinoSession(ModelSession):
    """A model file in OpenVINO.

    Args:
        file: an `.xml` with its `.bin` beside it, or an `.onnx`.
        card: says what it takes and gives.
        threads: for one picture or batch.
        precision: of the arithmetic; bf16 is faster where the processor has units for it, and less exact.

    Raises:
        CheckpointError: the file is damaged or incomplete, or contradicts the card.
        DeviceError: OpenVINO is not installed.
    """

    runtime = "OpenVINO"

    def __init__(self, file: Path, card: ModelCard, threads: int, precision: Arithmetic = "fp32") -> None:
        self._model = _compile(file, threads, precision)
        super().__init__(file, card, _ports(self._model.inputs), _ports(self._model.outputs), precision)
        self._outputs = [[port.name for port in self.outputs].index(name) for name in self.output_names]

    def _compute(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            found = self._model(dict(feeds))
        except RuntimeError as error:
            raise _explain(self.file, error) from error
        return [np.asarray(found[index]) for index in self._outputs]


def openvino_ports(file: Path, threads: int) -> tuple[list[Port], list[Port]]:
    """Inputs and outputs of a file.

    Raises:
        CheckpointError, DeviceError: as `OpenvinoSession`.
    """
    model = _compile(file, threads, "fp32")
    return _ports(model.inputs), _ports(model.outputs)


def _compile(file: Path, threads: int, precision: Arithmetic) -> Any:
    try:
        import openvino
    except ImportError:
        raise DeviceError(f"{file}: needs OpenVINO: pip install 'passerby[openvino]'") from None
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        core = openvino.Core()
        return core.compile_model(core.read_model(file), "CPU", settings)
    except RuntimeError as error:
        raise _explain(file, error) from error


def _ports(ports: Any) -> list[Port]:
    found = []
    for port in ports:
        shape = tuple(None if each.is_dynamic else int(each.get_length()) for each in port.partial_shape)
        name = port.any_name if port.names else ""
        found.append(Port(name, shape, np.dtype(port.element_type.to_dtype()).name))
    return found


def _explain(file: Path, error: Exception) -> CheckpointError:
    """One line for what OpenVINO raises."""
    text = " ".join(str(error).split())
    for pattern, fault in _FAULTS:
        if re.search(pattern, text):
            return CheckpointError(f"{file}: {fault}")
    return CheckpointError(f"{file}: OpenVINO cannot use it ({text[:200]}): get the file again, or another")
