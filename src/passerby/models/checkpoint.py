"""Files of weights: read safely, loaded strictly, written atomically.

Nothing a user hands in is unpickled: files are safetensors, or torch files read with `weights_only=True`. What training
loops leave beside the tensors, arguments and NumPy's numbers, is read as nothing. TorchScript archives, in which OpenAI
publishes CLIP, can run code of their own and are opened only on an explicit flag.
"""

import json
import pickle
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

_METADATA_KEY = "passerby"
_NAMES_SHOWN = 6

_WRAPPERS = ("state_dict", "model", "teacher")
"""Where training loops keep the weights in a file; self-distillation calls the better of its networks teacher."""


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
    """The tensors of a file by name, on the CPU; a leading `module.` (left by DataParallel) is removed.

    Args:
        path: safetensors, a torch file holding a state dict (also inside `state_dict`, `model` or `teacher`), or a
            TorchScript archive.
        allow_torchscript: open TorchScript archives, which can contain code: only for files you trust.

    Raises:
        CheckpointError: the file is missing, damaged, holds no tensors, or is a TorchScript archive without the flag.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file of weights")
    try:
        content = _read(path, allow_torchscript)
    except CheckpointError:
        raise
    except Exception as error:  # torch and safetensors raise many kinds, from EOFError to UnpicklingError
        raise CheckpointError(f"{path}: cannot be read as weights: {_explain(error)}") from error
    for wrapper in _WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    tensors = {str(name).removeprefix("module."): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise CheckpointError(f"{path}: holds no tensors: give a file that contains a state dict")
    return tensors


def _explain(error: Exception) -> str:
    """What a user can do; torch's own text would advise to unpickle the file without a check."""
    if isinstance(error, pickle.UnpicklingError):
        return "it holds more than tensors, or is damaged: convert it to safetensors where it comes from"
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
        CheckpointError: tensors are missing, unused, of another shape, or hold NaN; nothing has been copied then.
    """
    wanted = module.state_dict()
    missing = [name for name in wanted if name not in tensors and not name.startswith(tuple(kept))]
    unused = [name for name in tensors if name not in wanted and not name.startswith(tuple(ignored))]
    shared = [name for name in wanted if name in tensors]
    misshapen = [
        f"{name} {list(tensors[name].shape)} instead of {list(wanted[name].shape)}"
        for name in shared
        if tensors[name].shape != wanted[name].shape
    ]
    faults = [("missing", missing), ("not used", unused), ("of another shape", misshapen)]
    if any(names for _, names in faults):
        listed = "; ".join(f"{len(names)} tensors {what}: {_shorten(names)}" for what, names in faults if names)
        raise CheckpointError(f"{source}: does not fit the model: {listed}")
    spoilt = [name for name in shared if _holds_nan(tensors[name])]
    if spoilt:
        raise CheckpointError(f"{source}: {len(spoilt)} tensors hold NaN: {_shorten(spoilt)}: take another file")
    module.load_state_dict({name: tensors[name].to(wanted[name].dtype) for name in shared}, strict=False)


def _holds_nan(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and not tensor.is_meta and bool(tensor.isnan().any())


def save_model(path: Path, module: nn.Module, description: Mapping[str, Any]) -> None:
    """Write a module's tensors and a description (anything JSON can hold) as safetensors, atomically."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    with write_atomically(path) as temporary:
        safetensors.torch.save_file(tensors, temporary, metadata={_METADATA_KEY: json.dumps(description)})


def read_description(path: Path) -> dict[str, Any] | None:
    """The description that `save_model` wrote into a file; None for files that are not ours."""
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_METADATA_KEY)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: is not a whole safetensors file ({error}); copy it again") from error
    if text is None:
        return None
    description: dict[str, Any] = json.loads(text)
    return description


def _shorten(names: Sequence[str]) -> str:
    rest = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
