"""OpenVINO's form of an exported network."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from passerby.inference.runtimes import default_threads

if TYPE_CHECKING:
    import onnx


def to_openvino(model: "onnx.ModelProto") -> Any:
    """The same network as an `openvino.Model`."""
    import openvino

    return openvino.Core().read_model(io.BytesIO(model.SerializeToString()))


def save_openvino(model: Any, file: Path, texts: Mapping[str, str], *, half: bool) -> None:
    """Write `NAME.xml` with these texts in its `rt_info`, and `NAME.bin`.

    Args:
        model: an `openvino.Model`; the texts stay in it.
        file: the `.xml`.
        texts: by key.
        half: store weights as float16, which OpenVINO computes with as the device likes (a CPU in float32).
    """
    import openvino

    for key, value in texts.items():
        model.set_rt_info(value, [key])
    openvino.save_model(model, file, compress_to_fp16=half)


def run_openvino(model: Any, inputs: NDArray[Any]) -> NDArray[np.float32]:
    """The first output of an `openvino.Model` for one batch, computed in float32 on the CPU."""
    import openvino

    settings = {"INFERENCE_NUM_THREADS": default_threads(), "INFERENCE_PRECISION_HINT": "f32"}
    return np.asarray(openvino.Core().compile_model(model, "CPU", settings)(inputs)[0], np.float32)
