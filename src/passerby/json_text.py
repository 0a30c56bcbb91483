"""JSON that every reader takes: numbers that are not finite become null, paths text."""

import json
import math
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any


def json_text(value: object, *, indent: int | None = 2) -> str:
    """A value as JSON.

    Args:
        value: numbers, text, paths, dataclasses, and mappings and sequences of them.
        indent: None for one line.

    Raises:
        TypeError: something else is in it.
    """
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
