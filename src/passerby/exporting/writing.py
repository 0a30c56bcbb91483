"""A network in the format and precision in which it is written to a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from passerby.exporting.onnx_model import halved, set_metadata
from passerby.exporting.openvino_model import save_openvino, to_openvino
from passerby.exporting.parity import Precision
from passerby.exporting.quantisation import is_transformer, quantise_onnx, quantise_openvino

if TYPE_CHECKING:
    import onnx

Format = Literal["onnx", "openvino"]


class Network(Protocol):
    """Something that can be written to a file, again with other texts in it."""

    def save(self, file: Path, texts: Mapping[str, str]) -> None:
        """Write it with these texts, by key, in its metadata."""
        ...


@dataclass(frozen=True)
class OnnxNetwork:
    """A network as ONNX."""

    model: "onnx.ModelProto"

    def save(self, file: Path, texts: Mapping[str, str]) -> None:
        """Write the `.onnx`."""
        set_metadata(self.model, texts)
        file.write_bytes(self.model.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class OpenvinoNetwork:
    """A network as OpenVINO's, weights in half or in full."""

    model: Any
    half: bool

    def save(self, file: Path, texts: Mapping[str, str]) -> None:
        """Write the `.xml` and the `.bin` beside it."""
        save_openvino(self.model, file, texts, half=self.half)


def network_of(
    model: "onnx.ModelProto",
    form: Format,
    precision: Precision,
    calibration: NDArray[np.uint8] | None = None,
    keep: Sequence[str] = (),
) -> Network:
    """A network to be written.

    Args:
        model: in float32.
        form: of the file.
        precision: of its weights, and with int8 of computing.
        calibration: images for int8, uint8 [N, H, W, 3].
        keep: layers that int8 leaves alone.

    Raises:
        RecipeError: `keep` names a layer that is not there.
    """
    transformer = is_transformer(model)
    if form == "onnx":
        if calibration is not None:
            model = quantise_onnx(model, calibration, transformer=transformer, keep=keep)
        return OnnxNetwork(model if precision == "fp32" else halved(model))
    converted = to_openvino(model)
    if calibration is not None:
        converted = quantise_openvino(converted, calibration, transformer=transformer, keep=keep)
    return OpenvinoNetwork(converted, half=precision != "fp32")
