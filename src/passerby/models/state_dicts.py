"""The state dict in a torch file, and the network in a state dict, whatever training loop saved them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from passerby.errors import CheckpointError

_PREFERRED = ("state_dict", "model", "teacher", "encoder_q")
"""Of several sets of weights of about one size, the one to take: self-distillation calls the better network teacher,
MoCo the one that learns encoder_q."""

_TORCH_WRAPPERS = re.compile(r"(?:(?<=\.)|^)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What torch itself puts into names: `torch.compile`, FSDP and activation checkpointing."""

_DATA_PARALLEL = "module."
_AVERAGED = "n_averaged"
"""A counter that `torch.optim.swa_utils.AveragedModel` keeps beside `module.`."""

_LARGE = 0.3
"""Share of a file's tensors under a prefix from which on the prefix may stand before a whole network."""

_DEEPEST = 8
_NAMES_SHOWN = 6


def state_dict_of(content: Mapping[Any, Any], source: str) -> dict[str, Tensor]:
    """The tensors of the largest state dict in what a torch file holds, under whatever keys it lies.

    What `torch.nn.DataParallel`, `torch.compile` and their like put into names is removed.

    Args:
        content: of the file.
        source: names the file in errors.

    Raises:
        CheckpointError: there are no tensors, or several sets of which none is called as the main one usually is.
    """
    found = list(_state_dicts(content))
    if not found:
        raise CheckpointError(
            f"{source}: holds no tensors ({shown_names([str(key) for key in content])}): give a file that contains a "
            "state dict"
        )
    most = max(len(tensors) for _, tensors in found)
    large = [each for each in found if 2 * len(each[1]) >= most]
    preferred = [each for wrapper in _PREFERRED for each in large if wrapper in each[0]]
    if len(large) > 1 and not preferred:
        listed = ", ".join(".".join(keys) or "the file itself" for keys, _ in large)
        raise CheckpointError(f"{source}: holds several sets of weights ({listed}): save the one that is meant alone")
    return _without_wrappers((preferred or large)[0][1], source)


def _state_dicts(content: Mapping[Any, Any], keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    tensors = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if tensors:
        yield keys, tensors
    for name, value in content.items():
        # Optimisers number what they keep, so their state is not gone into.
        if isinstance(name, str) and isinstance(value, Mapping) and len(keys) < _DEEPEST:
            yield from _state_dicts(value, (*keys, name))


def _without_wrappers(tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    plain: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        bare = _TORCH_WRAPPERS.sub("", name)
        while bare.startswith(_DATA_PARALLEL):
            bare = bare.removeprefix(_DATA_PARALLEL)
        if bare in plain:
            raise CheckpointError(f"{source}: holds {bare} twice, the second time as {name}: remove one of them")
        plain[bare] = tensor
    if _AVERAGED in tensors and any(name.startswith(_DATA_PARALLEL) for name in tensors):
        del plain[_AVERAGED]
    return plain


def wrapped_parts(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Where in a state dict a network may be: all of it, and what is under each prefix with a large share of it.

    Yields:
        The prefix, and the tensors under it by their names without it; outer prefixes first.
    """
    queue = [("", dict(tensors))]
    while queue:
        prefix, part = queue.pop(0)
        yield prefix, part
        counts = Counter(name.partition(".")[0] for name in part if "." in name)
        large = [name for name, count in counts.items() if count >= _LARGE * len(tensors)]
        for name in sorted(large, key=lambda name: (name not in _PREFERRED, -counts[name])):
            under = {key.removeprefix(f"{name}."): part[key] for key in part if key.startswith(f"{name}.")}
            queue.append((f"{prefix}{name}.", under))


def shown_names(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "") if names else "nothing"


def top_names(names: Sequence[str]) -> list[str]:
    """The first parts of dotted names, each once, in order."""
    return list(dict.fromkeys(name.partition(".")[0] for name in names))
