"""Checks of a file's description before anything is built from it."""

import math
from collections.abc import Mapping
from typing import Any, get_args

from passerby.data.pixels.decoding import Interpolation
from passerby.errors import CheckpointError

_LARGEST_SIDE = 4096
_LARGEST_SIZE = 65_536
"""Of any part of a network; published ones are far below."""

_NOT_SIZES = ("trained_on", "seed", "identities", "tokens", "words", "pairs")
"""Keys whose numbers nothing is built from."""


def check_description(description: Mapping[str, Any], source: str) -> None:
    """Refuse what cannot be used or would ask for absurd amounts of memory.

    Args:
        description: as a file declares it.
        source: names the file in errors.

    Raises:
        CheckpointError: names the key.
    """
    if "method" not in description and "stage" in description:
        return  # of a stage: refused with a better reason
    if not isinstance(description.get("method"), str):
        raise _wrong(source, "method", description.get("method"))
    _check_transform(description.get("transform"), source)
    for key, value in description.items():
        if key not in _NOT_SIZES and _largest(value) > _LARGEST_SIZE:
            raise _wrong(source, key, value)
    cameras = description.get("camera_count", 0)
    if isinstance(cameras, bool) or not isinstance(cameras, int) or cameras < 0:
        raise _wrong(source, "camera_count", cameras)
    sets = description.get("trained_on", [])
    if not isinstance(sets, list) or not all(isinstance(each, Mapping) and "name" in each for each in sets):
        raise _wrong(source, "trained_on", sets)


def _check_transform(transform: object, source: str) -> None:
    if not isinstance(transform, Mapping):
        raise _wrong(source, "transform", transform)
    size: Any = transform.get("size")
    interpolation = transform.get("interpolation", "bilinear")
    if not _are_numbers(size, 2) or not all(isinstance(side, int) and 1 <= side <= _LARGEST_SIDE for side in size):
        raise _wrong(source, "transform.size", size)
    for key in ("mean", "std"):
        if not _are_numbers(transform.get(key), 3) or (key == "std" and min(transform[key]) <= 0):
            raise _wrong(source, f"transform.{key}", transform.get(key))
    if interpolation not in get_args(Interpolation):
        raise _wrong(source, "transform.interpolation", interpolation)


def _are_numbers(values: Any, count: int) -> bool:
    return (
        isinstance(values, list | tuple)
        and len(values) == count
        and all(isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each) for each in values)
    )


def _largest(value: object) -> float:
    """The largest number anywhere in a value; infinite where a number is not finite."""
    if isinstance(value, Mapping):
        return max(map(_largest, value.values()), default=0)
    if isinstance(value, list | tuple):
        return max(map(_largest, value), default=0)
    if isinstance(value, int):
        return abs(value)
    if isinstance(value, float):
        return abs(value) if math.isfinite(value) else math.inf
    return 0


def _wrong(source: str, key: str, value: object) -> CheckpointError:
    shown = repr(value)
    return CheckpointError(
        f"{source}: its description is not one that passerby writes: {key} is "
        f"{shown if len(shown) < 60 else shown[:57] + '…'}: take another file"
    )
