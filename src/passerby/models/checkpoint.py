"""Files of weights: read safely, loaded strictly, written atomically.

Nothing a user hands in is unpickled: files are safetensors, or torch files read with `weights_only=True`. What training
loops leave beside the tensors, arguments and NumPy's numbers, is read as nothing. TorchScript archives, in which OpenAI
publishes CLIP, can run code of their own and are opened only on an explicit flag.
"""

import json
import pickle
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from passerby.atomic_files import write_atomically
from passerby.errors import CheckpointError
from passerby.models.state_dicts import shown_names, state_dict_of

_METADATA_KEY = "passerby"
_DEEPEST = 50
"""Brackets within brackets that a description may have."""

_COUNTER = "num_batches_tracked"
"""Last part of the name of batch normalisation's counter, which files of old versions of torch do not hold, and which
no feature depends on."""


class _Nothing:
    """Stands for what a file holds beside tensors and is of no use here; takes anything and keeps none of it."""

    def __init__(self, *arguments: object) -> None:
        del arguments

    def __setstate__(self, state: object) -> None:
        del state


_LEFT_BEHIND: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_Nothing, name)
    for name in ("argparse.Namespace", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype")
]
"""What official files hold beside tensors: the command's arguments, and learning rates in the optimiser's state. None
of it is called or built: the names are read as `_Nothing`."""


def read_tensors(path: Path, *, allow_torchscript: bool = False) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU, without what torch's wrappers put into names; see `state_dict_of`.

    Args:
        path: safetensors, a torch file that holds a state dict, under whatever keys, or a TorchScript archive.
        allow_torchscript: open TorchScript archives, which can contain code: only for files you trust.

    Raises:
        CheckpointError: the file is missing, damaged, holds no tensors, objects besides tensors, or a state to resume
            training from, or is a TorchScript archive without the flag.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file of weights")
    try:
        content = _read(path, allow_torchscript)
    except CheckpointError:
        raise
    except Exception as error:  # torch and safetensors raise many kinds, from EOFError to UnpicklingError
        raise CheckpointError(f"{path}: cannot be read as weights: {explain_unreadable(error)}") from error
    if _is_training_state(content):
        run = path.resolve().parent.parent
        trained = (run / "model.safetensors").is_file()
        remedy = "use" if trained else f"finish the run with `passerby train --resume {run}`, then use"
        raise CheckpointError(
            f"{path}: is the state that training resumes stage {content['passerby']['stage']} from, not a model: "
            f"{remedy} {run / 'model.safetensors'}"
        )
    return state_dict_of(content, str(path))


def _is_training_state(content: Mapping[str, Any]) -> bool:
    """Whether a run of passerby wrote this, as `checkpoints/STAGE.ckpt`."""
    match content:
        case {"passerby": {"stage": _}, "state_dict": _}:
            return True
    return False


def explain_unreadable(error: Exception) -> str:
    """Why a torch or safetensors file could not be read, and what to do.

    Torch's own text would advise to unpickle the file without a check.
    """
    refused = re.search(r"Unsupported (?:global:|class) (?:GLOBAL )?([\w.]+)", str(error))
    if refused:
        return (
            f"it holds more than tensors ({refused[1]}), which could run code and is not loaded: save its state dict "
            "where it comes from"
        )
    if isinstance(error, pickle.UnpicklingError):
        return "it is damaged, or no file of torch: copy it again, or convert it to safetensors where it comes from"
    reason = str(error).split("\n")[0][:120]
    # Some of torch's errors are but a code, which tells a user nothing.
    told = f" ({reason or type(error).__name__})" if not reason.isdigit() else ""
    return f"it is truncated or of another kind{told}: copy it again"


def _read(path: Path, allow_torchscript: bool) -> Mapping[str, Any]:
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    if _is_torchscript(path):
        if not allow_torchscript:
            raise CheckpointError(
                f"{path}: is a TorchScript archive, which can contain code; if you trust it, "
                "pass --allow-torchscript (in a recipe: model.allow_torchscript=true)"
            )
        tensors: Mapping[str, Any] = torch.jit.load(str(path), map_location="cpu").state_dict()
        return tensors
    with torch.serialization.safe_globals(_LEFT_BEHIND):
        content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}, not a state dict")
    return content


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def load_strictly(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    source: str,
    ignored: Sequence[str] = (),
    kept: Sequence[str] = (),
) -> None:
    """Copy tensors into a module so that every one is accounted for.

    Args:
        module: receives the tensors.
        tensors: by the module's own names; converted to its dtypes.
        source: names the file in errors.
        ignored: prefixes of tensors that may be left unused.
        kept: prefixes of the module's tensors that may keep the value they have.

    Raises:
        CheckpointError: tensors are missing, unused, of another shape or type, or hold what cannot be weights of a
            working network; nothing has been copied then.
    """
    wanted = module.state_dict()
    missing = [
        name for name in wanted if name not in tensors and not (name.startswith(tuple(kept)) or _is_counter(name))
    ]
    unused = [name for name in tensors if name not in wanted and not name.startswith(tuple(ignored))]
    shared = [name for name in wanted if name in tensors]
    misshapen = [
        f"{name} {list(tensors[name].shape)} instead of {list(wanted[name].shape)}"
        for name in shared
        if tensors[name].shape != wanted[name].shape
    ]
    faults = [("missing", missing), ("not used", unused), ("of another shape", misshapen)]
    if any(names for _, names in faults):
        listed = "; ".join(f"{len(names)} tensors {what}: {shown_names(names)}" for what, names in faults if names)
        raise CheckpointError(f"{source}: does not fit the model: {listed}")
    fitted = {name: _fitted(tensors[name], wanted[name].dtype) for name in shared}
    faults_of = {name: _fault(name, tensor) for name, tensor in fitted.items()}
    spoilt: dict[str, list[str]] = {}
    for name, fault in faults_of.items():
        if fault and not _is_counter(name):
            kind = tensors[name].dtype if tensors[name].layout == torch.strided else tensors[name].layout
            spoilt.setdefault(fault.format(kind), []).append(name)
    if spoilt:
        listed = "; ".join(f"{len(names)} tensors {fault}: {shown_names(names)}" for fault, names in spoilt.items())
        raise CheckpointError(f"{source}: {listed}: take another file")
    usable = {name: tensor for name, tensor in fitted.items() if tensor is not None and not faults_of[name]}
    module.load_state_dict(usable, strict=False)


def _is_counter(name: str) -> bool:
    return name.rpartition(".")[2] == _COUNTER


def _fitted(tensor: Tensor, dtype: torch.dtype) -> Tensor | None:
    """A tensor in another type; None where that would not be the same numbers, as of quantised weights."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        return None
    if dtype.is_floating_point and not tensor.is_floating_point():
        return None
    fitted = tensor.to(dtype)
    if tensor.is_floating_point() and not dtype.is_floating_point and not tensor.is_meta:
        return fitted if torch.equal(fitted.double(), tensor.double()) else None
    return fitted


def _fault(name: str, tensor: Tensor | None) -> str | None:
    """What keeps a tensor from being a part of a working network, with a place for its original type."""
    if tensor is None:
        return "are of the wrong type ({})"
    if tensor.is_meta:
        return None
    if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
        return "hold NaN" if bool(tensor.isnan().any()) else "hold infinite values"
    if name.rpartition(".")[2] == "running_var" and bool((tensor < 0).any()):
        return "hold negative variances"
    return None


def save_model(path: Path, module: nn.Module, description: Mapping[str, Any]) -> None:
    """Write a module's tensors and a description (anything JSON can hold) as safetensors, atomically."""
    save_tensors(path, module.state_dict(), description)


def save_tensors(path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """The same of tensors by name."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with write_atomically(path) as temporary:
        safetensors.torch.save_file(whole, temporary, metadata={_METADATA_KEY: json.dumps(description)})


def read_description(path: Path) -> dict[str, Any] | None:
    """The description that `save_model` wrote into a file; None for files that passerby did not write.

    Raises:
        CheckpointError: the file is damaged, or its description is not one of passerby.
    """
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_METADATA_KEY)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: is not a whole safetensors file ({error}); copy it again") from error
    if text is None:
        return None
    try:
        description = json.loads(text) if _depth(text) < _DEEPEST else None
    except ValueError:  # not JSON
        description = None
    if not isinstance(description, dict):
        raise CheckpointError(
            f"{path}: its metadata `passerby` is not a description that passerby writes: take another file"
        )
    return description


def _depth(text: str) -> int:
    """At most how deeply the values of a JSON text are nested."""
    deepest = depth = 0
    for sign in re.findall(r"[\[{]|[\]}]", text):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
