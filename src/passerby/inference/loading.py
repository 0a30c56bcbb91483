"""Open a model by the name of a run, a file, a name of the zoo, or weights that come with passerby."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from passerby.errors import CheckpointError, DeviceError
from passerby.extras import is_installed
from passerby.inference.embedder import Embedder
from passerby.inference.file_embedder import FileEmbedder
from passerby.inference.image_input import type_name
from passerby.inference.runtimes import open_session
from passerby.models.bundled import bundled_model_file, resolve_path
from passerby.models.zoo.card_files import MODEL_SUFFIXES

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
) -> Embedder:
    """Open a model, ready to embed.

    Args:
        source: `tiny-clip`, which comes with passerby, a run's folder, a `model.safetensors`, an official checkpoint
            of a method or a published backbone, an `.onnx` or OpenVINO `.xml` with its card, or a name of the zoo whose
            file `passerby zoo get` has fetched.
        device: `cpu`, `cuda`, …; by default a GPU where there is one; model files run on the CPU.
        allow_torchscript: see `passerby.models.checkpoint.read_tensors`.
        trained_on: for an official checkpoint with camera embedding, the data set it was trained on: a benchmark's
            name, or a table or folder. On that data, and on sets filmed by the same cameras, images then take the
            embedding of their own camera instead of the mean.
        camera_coefficient: likewise, the weight of the camera embedding, which such files do not hold; 1 by default.
        network: of a file with several networks the one that embeds, such as `teacher` or `student` of a run of `cion`;
            by default as its recipe says.
        runtime: of a model file; auto takes ONNX Runtime for `.onnx` and OpenVINO for `.xml`. `tiny-clip` is in torch
            where that is installed and no other runtime is named; features agree within 1e-5.

    Raises:
        CheckpointError: no such file, an unfinished run, tensors that no method recognises or that cannot be weights,
            an option for what the file declares itself or does not have, or a card that is missing or wrong.
        DeviceError: the device, or a package that the model needs, is missing.
    """
    if not isinstance(source, str | os.PathLike) or not os.fspath(source):
        raise _no_model(source)
    path = _file_without_torch(source, runtime) or resolve_path(source)
    if path.suffix in MODEL_SUFFIXES and not path.is_dir():
        _check_options(path, device, trained_on=trained_on, camera_coefficient=camera_coefficient, network=network)
        return _open_file(path, runtime)
    if runtime not in ("auto", "torch"):
        raise CheckpointError(f"{path}: is no .onnx or .xml file, which alone have a runtime: leave out runtime")
    from passerby.inference.torch_loading import load_network

    return load_network(
        path,
        device=device,
        allow_torchscript=allow_torchscript,
        trained_on=trained_on,
        camera_coefficient=camera_coefficient,
        network=network,
    )


def as_embedder(
    model: "Embedder | nn.Module | str | Path",
    *,
    device: str | None = None,
    network: str | None = None,
    allow_torchscript: bool = False,
    runtime: ModelRuntime = "auto",
) -> Embedder:
    """An embedder of what users call a model.

    Args:
        model: an embedder, a network of one's own (see `TorchEmbedder.of`), or what `load` takes.
        device, network, allow_torchscript, runtime: for `load`.

    Raises:
        CheckpointError: see `load`.
    """
    if isinstance(model, Embedder):
        return model
    if isinstance(model, str | os.PathLike):
        return load(model, device=device, network=network, allow_torchscript=allow_torchscript, runtime=runtime)
    from passerby.inference.torch_loading import embedder_of_network

    return embedder_of_network(model, device)


def _open_file(path: Path, runtime: ModelRuntime) -> FileEmbedder:
    if runtime == "torch":
        raise CheckpointError(f"{path}: is a model file, which does not run in torch: leave out runtime")
    return FileEmbedder(open_session(path, runtime=runtime))


def _file_without_torch(source: str | Path, runtime: ModelRuntime) -> Path | None:
    """The model file that comes with passerby under this name, where it is asked for or torch is not installed."""
    wanted = runtime in ("onnx", "openvino") or (runtime == "auto" and not is_installed("torch"))
    return bundled_model_file(str(source)) if wanted else None


def _no_model(source: object) -> CheckpointError:
    given = type_name(source or None)
    return CheckpointError(f"a model is named by a run's folder or a file of weights, not by {given}")


def _check_options(path: Path, device: "str | torch.device | None", **options: object) -> None:
    if names := [name for name, value in options.items() if value is not None]:
        raise CheckpointError(f"{path}: is a model file, which its card describes: leave out {' and '.join(names)}")
    if device is not None and not str(device).startswith("cpu"):
        raise DeviceError(f"{path}: model files run on the CPU: leave out the device {device}")
