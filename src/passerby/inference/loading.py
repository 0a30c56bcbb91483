"""Open a model by the name of a run, a file, a name of the zoo, or weights that come with passerby."""

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from passerby.distributed.graphics import gpu_at_hand
from passerby.distributed.processor import openvino_has_bfloat16
from passerby.errors import CheckpointError, DeviceError
from passerby.extras import is_installed
from passerby.inference.computing import ModelPrecision
from passerby.inference.embedder import Embedder
from passerby.inference.file_embedder import FileEmbedder
from passerby.inference.image_input import type_name
from passerby.inference.runtimes import find_card, is_int8, open_session
from passerby.models.bundled import NAMES, bundled_model_file, resolve_path
from passerby.models.zoo.card_files import MODEL_SUFFIXES
from passerby.models.zoo.catalogue import entries
from passerby.models.zoo.published import published_names

if TYPE_CHECKING:
    import torch
    from torch import nn

ModelRuntime = Literal["auto", "torch", "onnx", "openvino"]


def load(
    source: str | Path,
    *,
    device: "str | torch.device | None" = None,
    allow_torchscript: bool = False,
    trained_on: str | None = None,
    camera_coefficient: float | None = None,
    network: str | None = None,
    runtime: ModelRuntime = "auto",
    precision: ModelPrecision = "auto",
) -> Embedder:
    """Open a model, ready to embed.

    Args:
        source: `tiny-clip`, a run's folder, a `model.safetensors`, an official checkpoint of a method or a published
            backbone, an `.onnx` or OpenVINO `.xml` with its card, or a name of the zoo whose file has been fetched.
        device: `cpu`, `cuda`, …; by default a GPU where there is one; model files run on the CPU.
        allow_torchscript: see `passerby.models.checkpoint.read_tensors`.
        trained_on: for an official checkpoint with camera embedding, the data set it was trained on: a benchmark's
            name, or a table or folder. On that data, and on sets filmed by the same cameras, images then take the
            embedding of their own camera instead of the mean.
        camera_coefficient: likewise, the weight of the camera embedding, which such files do not hold; 1 by default.
        network: of a run of `cion` the network that embeds, `teacher` or `student`; by default as its recipe says.
        runtime: of a model file; auto takes ONNX Runtime for `.onnx`, OpenVINO for `.xml`. `tiny-clip` is a file too,
            and in torch on a GPU or where a device is named; features agree within 1e-5.
        precision: fp32; bf16, where the processor or GPU computes it (model files: in OpenVINO); int8, of files that
            `passerby export` made so; auto: as the file is. `passerby.embed` finds out whether bf16 is as good.

    Raises:
        CheckpointError: no such file, an unfinished run, tensors that no method recognises, an option for what the
            file declares itself or does not have, or a card that is missing or wrong.
        DeviceError: the device, a package that the model needs, or bfloat16 is missing.
    """
    _check_source(source)
    path = _bundled_file(source, runtime, device) or resolve_path(source)
    if path.suffix in MODEL_SUFFIXES and not path.is_dir():
        _check_options(path, device, trained_on=trained_on, camera_coefficient=camera_coefficient, network=network)
        return _open_file(path, runtime, precision)
    _check_network(source, path, runtime, precision)
    from passerby.inference.torch_loading import load_network

    return load_network(
        path,
        device=device,
        allow_torchscript=allow_torchscript,
        trained_on=trained_on,
        camera_coefficient=camera_coefficient,
        network=network,
        precision=precision,
    )


def _what_can_be_loaded(source: str) -> str:
    """What to give instead of something that is neither on disk nor a name."""
    backbones = {entry.name for entry in entries()}
    if source in backbones:
        return f"is a backbone whose weights do not come along: `passerby zoo show {source}` tells how to get them"
    if Path(source).suffix or Path(source).name != source:
        return "no such file or folder: give a run's folder, a file of weights, or an .onnx or .xml file"
    near = difflib.get_close_matches(source.lower().replace("_", "-"), [*NAMES, *published_names()], n=3, cutoff=0.7)
    meant = f"; did you mean {' or '.join(near)}? Otherwise" if near else ":"
    return (
        f"no such run, file or model{meant} give {', '.join(NAMES)}, a name of `passerby zoo list`, a run's folder, "
        "a file of weights, or an .onnx or .xml file"
    )


def as_embedder(
    model: "Embedder | nn.Module | str | Path",
    *,
    device: str | None = None,
    network: str | None = None,
    allow_torchscript: bool = False,
    runtime: ModelRuntime = "auto",
    precision: ModelPrecision = "auto",
) -> Embedder:
    """An embedder of what users call a model.

    Args:
        model: an embedder, a network of one's own (see `TorchEmbedder.of`), or what `load` takes.
        device, network, allow_torchscript, runtime, precision: for `load`.

    Raises:
        CheckpointError: see `load`.
    """
    if isinstance(model, Embedder):
        return model
    if isinstance(model, str | os.PathLike):
        return load(
            model,
            device=device,
            network=network,
            allow_torchscript=allow_torchscript,
            runtime=runtime,
            precision=precision,
        )
    from passerby.inference.torch_loading import embedder_of_network

    return embedder_of_network(model, device)


def _open_file(path: Path, runtime: ModelRuntime, precision: ModelPrecision) -> FileEmbedder:
    if runtime == "torch":
        raise CheckpointError(f"{path}: is a model file, which does not run in torch: leave out runtime")
    if precision == "auto":
        return FileEmbedder(open_session(path, runtime=runtime))
    card = find_card(path)
    if precision == "int8" and not is_int8(card):
        raise _not_int8(path)
    if precision != "int8" and is_int8(card):
        raise CheckpointError(f"{path}: is int8 and cannot compute in {precision}: leave out precision")
    if precision != "bf16":
        return FileEmbedder(open_session(path, card, runtime=runtime))
    if not is_installed("openvino"):
        raise DeviceError(f"{path}: bf16 needs OpenVINO: pip install 'passerby[openvino]'")
    if not openvino_has_bfloat16():
        raise DeviceError(f"{path}: this processor does not compute bfloat16 (AVX-512 BF16, AMX): use precision fp32")
    in_openvino = "openvino" if runtime == "auto" else runtime
    return FileEmbedder(open_session(path, card, runtime=in_openvino, precision="bf16"))


def _check_network(source: str | Path, path: Path, runtime: ModelRuntime, precision: ModelPrecision) -> None:
    """Refuse what is not there, and what a network in torch cannot do."""
    if not path.exists():
        raise CheckpointError(f"{source}: {_what_can_be_loaded(str(source))}")
    if precision == "int8":
        raise _not_int8(path)
    if runtime not in ("auto", "torch"):
        raise CheckpointError(f"{path}: is no .onnx or .xml file, which alone have a runtime: leave out runtime")


def _not_int8(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path}: is no int8 file: `passerby export MODEL --precision int8` makes one where that loses little"
    )


def runtime_in_torch(model: object) -> ModelRuntime:
    """The `runtime` of `load` for those who look inside the network: weights that come with passerby open as a file."""
    return "torch" if isinstance(model, str) and bundled_model_file(model) is not None else "auto"


def _bundled_file(source: str | Path, runtime: ModelRuntime, device: object) -> Path | None:
    """The model file that comes with passerby under this name, unless its weights are to be opened in torch."""
    file = None if runtime == "torch" else bundled_model_file(str(source))
    if file is None or runtime in ("onnx", "openvino"):
        return file
    in_torch = gpu_at_hand() if device is None else is_installed("torch")
    return None if in_torch else file


def _check_source(source: object) -> None:
    if not isinstance(source, str | os.PathLike) or not os.fspath(source):
        given = type_name(source or None)
        raise CheckpointError(f"a model is named by a run's folder or a file of weights, not by {given}")


def _check_options(path: Path, device: "str | torch.device | None", **options: object) -> None:
    if names := [name for name, value in options.items() if value is not None]:
        raise CheckpointError(f"{path}: is a model file, which its card describes: leave out {' and '.join(names)}")
    if device is not None and not str(device).startswith("cpu"):
        raise DeviceError(f"{path}: model files run on the CPU: leave out the device {device}")
