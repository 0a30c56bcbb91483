"""A card to fill in, begun with what the file itself tells."""

from pathlib import Path

from passerby.errors import CheckpointError
from passerby.inference.runtimes.onnx_session import onnx_ports, open_onnx
from passerby.inference.runtimes.openvino_session import openvino_ports
from passerby.inference.runtimes.session import Port, default_threads
from passerby.models.zoo.card_files import card_path, file_digest, weights_file

_TEMPLATE = """\
kind: {kind}  # embedder or detector
input:
  name: "{name}"
  layout: {layout}
  size: [{height}, {width}]  # height, width
  channels: FILL IN  # rgb or bgr
  dtype: {dtype}
  batch: {batch}
  scale: FILL IN  # 255 for pixels from 0 to 1, 1 for 0 to 255
  mean: [FILL, IN, THIS]  # after scale, in the order of channels; [0, 0, 0] for none
  std: [FILL, IN, THIS]  # [1, 1, 1] for none
  resize: squash  # or letterbox-top-left, letterbox-centre
  interpolation: bilinear
output:
  names: [{outputs}]
  form: {form}  # or yolox-grid, detr-raw, detr-processed, ssd, boxes-score
licence:
  code: FILL IN
  weights: FILL IN
  data: FILL IN
source: FILL IN
sha256: {digest}
"""


def file_ports(file: Path) -> tuple[list[Port], list[Port]]:
    """Inputs and outputs of an ONNX or OpenVINO file, without a card.

    Raises:
        CheckpointError: the file cannot be used.
        DeviceError: OpenVINO is needed and not installed.
    """
    if file.suffix == ".xml":
        return openvino_ports(file, default_threads())
    return onnx_ports(open_onnx(file, default_threads()))


def card_template(file: Path) -> str:
    """The YAML of a card with what a model file tells of itself; what nobody but its maker knows says FILL IN.

    Raises:
        CheckpointError, DeviceError: as `file_ports`.
    """
    inputs, outputs = file_ports(file)
    images = next((port for port in inputs if len(port.shape) == 4), inputs[0])
    channels_last = len(images.shape) == 4 and images.shape[3] == 3
    sides = images.shape[1:3] if channels_last else images.shape[2:4]
    height, width = (*(str(side or "FILL IN") for side in sides), "FILL IN", "FILL IN")[:2]
    embeds = len(outputs) == 1 and len(outputs[0].shape) == 2
    return _TEMPLATE.format(
        kind="embedder" if embeds else "detector",
        name=images.name,
        layout="NHWC" if channels_last else "NCHW",
        height=height,
        width=width,
        dtype=images.dtype,
        batch=images.shape[0] or "dynamic",
        outputs=", ".join(f'"{port.name}"' for port in outputs),
        form="features" if embeds else "FILL IN",
        digest=file_digest(weights_file(file)),
    )


def missing_card(file: Path) -> CheckpointError:
    """The error for a file without a card; its note is a card to fill in, which the command line prints below it."""
    error = CheckpointError(
        f"{file}: has no card, and what it wants is not guessed: write {card_path(file).name} beside it, filled in "
        "from what its makers say:"
    )
    error.add_note(card_template(file))
    return error
