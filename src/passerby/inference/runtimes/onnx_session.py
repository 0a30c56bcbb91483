"""ONNX files in ONNX Runtime, on the CPU."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from passerby.errors import CheckpointError
from passerby.inference.runtimes.session import ModelSession, Port
from passerby.models.zoo.card import ModelCard
from passerby.models.zoo.onnx_metadata import read_onnx_metadata

_FATAL = 4  # the runtime would print errors that are raised as well
_TYPES = {"float": "float32", "float16": "float16", "double": "float64", "uint8": "uint8", "int64": "int64"}
_FAULTS = (
    (r"INVALID_PROTOBUF|Protobuf parsing failed|No graph was found", "is truncated or damaged: get the file again"),
    (r"[Oo]pset \d+ is under development", "is of a newer opset than the installed onnxruntime knows: update it"),
    (r"Unsupported model IR version", "is of a newer ONNX version than the installed onnxruntime knows: update it"),
    (r"External data path does not exist", "keeps its weights in a file beside it, which is missing: get that too"),
    (
        r"Cannot parse data from external tensors",
        "keeps even its shapes in a file beside it, missing or not: get that too, or save it as one file",
    ),
    (
        r"[Ee]xternal initializer|External data",
        "does not fit the file beside it with its weights: get both again",
    ),
    (r"No Op registered|is not a registered function", "uses an operation that onnxruntime does not know"),
)


class OnnxSession(ModelSession):
    """An ONNX file in ONNX Runtime, with so many threads and none that spin while they wait.

    Args:
        file: the `.onnx` file.
        card: says what it takes and gives.
        threads: for one picture or batch.

    Raises:
        CheckpointError: the file is damaged, incomplete or too new, or contradicts the card.
    """

    runtime = "ONNX Runtime"

    def __init__(self, file: Path, card: ModelCard, threads: int) -> None:
        self._session = open_onnx(file, threads)
        super().__init__(file, card, *onnx_ports(self._session))

    def _compute(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            found = self._session.run(list(self.output_names), dict(feeds))
        except Exception as error:
            raise explain_onnx(self.file, error) from error
        return [np.asarray(each) for each in found]


def open_onnx(file: Path, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX file in ONNX Runtime.

    Raises:
        CheckpointError: it is damaged, incomplete or too new.
    """
    read_onnx_metadata(file)  # tells best what is no ONNX file at all
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _FATAL
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise explain_onnx(file, error) from error


def onnx_ports(session: onnxruntime.InferenceSession) -> tuple[list[Port], list[Port]]:
    """Inputs and outputs of an open file."""
    inputs, outputs = (
        [Port(each.name, _shape(each.shape), _dtype(each.type)) for each in ports]
        for ports in (session.get_inputs(), session.get_outputs())
    )
    return inputs, outputs


def explain_onnx(file: Path, error: Exception) -> CheckpointError:
    """One line for what ONNX Runtime raises."""
    text = " ".join(str(error).split())
    for pattern, fault in _FAULTS:
        if re.search(pattern, text):
            return CheckpointError(f"{file}: {fault}")
    reason = text.rpartition("failed:")[2] or text
    return CheckpointError(f"{file}: ONNX Runtime cannot use it ({reason[:200]}): get the file again, or another")


def _shape(shape: list[int | str | None]) -> tuple[int | None, ...]:
    return tuple(each if isinstance(each, int) and each > 0 else None for each in shape)


def _dtype(text: str) -> str:
    name = text.removeprefix("tensor(").removesuffix(")")
    return _TYPES.get(name, name)
