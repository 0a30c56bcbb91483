"""LUPerson-NL: the keys of its LMDB say video, tracker's identity, frame and detection.

A key is `{video:05d}_{pid:06d}_{frame:07d}_{det:02d}`; videos are numbered by country, city and video, so neighbours
are of one place. `keys.pkl` is a pickle of `{"keys": [...], "pids": [...]}`, which is read without running any code of
it; a text file with one key per line will do as well. Paths in the table are the keys.
"""

import io
import pickle
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from passerby.errors import DataError

_KEY = re.compile(r"([0-9]{5,18})_([0-9]{6,18})_([0-9]{7,18})_([0-9]{2,18})")
_ROWS = 500_000

_MOST_BYTES = 1 << 30
"""A larger file is refused before it is read; the keys of all of LUPerson-NL take a third of it."""

_BROKEN = (
    pickle.UnpicklingError,
    struct.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading a pickle raises that is damaged or means harm."""


class _PlainUnpickler(pickle._Unpickler):
    """Reads lists, dictionaries, strings and numbers, and refuses everything that a pickle could run.

    The one written in Python: that in C makes room for as many objects as a pickle claims to remember.
    """

    def find_class(self, module: str, name: str) -> Any:
        raise DataError(f"it refers to {module[:60]}.{name[:60]}; only plain lists, strings and numbers are read")


def read_luperson_nl(file: Path) -> Iterator[pa.Table]:
    """The keys in the order of videos, tracks and frames.

    Raises:
        DataError: the file cannot be read, or a key is not as it should be.
    """
    if not file.is_file() or file.stat().st_size > _MOST_BYTES:
        raise DataError(f"{file} is not a file of keys: it must be a file of at most {_MOST_BYTES >> 20:,} MiB")
    keys = _pickled(file) if file.suffix.lower() in {".pkl", ".pickle"} else _listed(file)
    if not keys:
        raise DataError(f"{file} names no keys")
    parsed = np.empty((len(keys), 4), np.int64)
    for row, key in enumerate(keys):
        match = _KEY.fullmatch(key)
        if match is None:
            raise DataError(
                f"{file}: key {key[:60]!r} is not like 00001_000012_0000345_00 (video, person, frame, detection)"
            )
        parsed[row] = [int(number) for number in match.groups()]
    order = np.lexsort(parsed.T[::-1])
    for start in range(0, order.size, _ROWS):
        rows = order[start : start + _ROWS]
        fields = [keys[row].split("_") for row in rows]
        yield pa.table(
            {
                "path": [keys[row] for row in rows],
                "video": [field[0] for field in fields],
                "track": [field[1] for field in fields],
                "frame": parsed[rows, 2],
            }
        )


def _pickled(file: Path) -> list[str]:
    try:
        content = _PlainUnpickler(io.BytesIO(file.read_bytes()), encoding="bytes").load()
        if isinstance(content, dict):
            content = content[b"keys"] if b"keys" in content else content["keys"]
        if not isinstance(content, list | tuple) or not all(isinstance(key, bytes | str) for key in content):
            raise ValueError("its keys are not a list of text")
        return [key.decode() if isinstance(key, bytes) else key for key in content]
    except DataError as error:
        raise DataError(f"{file} is not a plain list of keys: {error}") from error
    except _BROKEN as error:
        raise DataError(f"{file} is not a pickle of keys: {str(error)[:80]}") from error


def _listed(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise DataError(f"{file} cannot be read as a list of keys: {error.reason}") from error
