"""LUPerson-NL: the keys of its LMDB say video, tracker's identity, frame and detection.

A key is `{video:05d}_{pid:06d}_{frame:07d}_{det:02d}`; videos are numbered by country, city and video, so neighbours
are of one place. `keys.pkl` is a pickle of `{"keys": [...], "pids": [...]}`, which is read without running any code of
it; a text file with one key per line will do as well. Paths in the table are the keys.
"""

import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from passerby.errors import DataError

_KEY = re.compile(r"(\d{5,})_(\d{6,})_(\d{7,})_(\d{2,})")
_ROWS = 500_000


class _PlainUnpickler(pickle.Unpickler):
    """Reads lists, dictionaries, strings and numbers, and refuses everything that a pickle could run."""

    def find_class(self, module: str, name: str) -> Any:
        raise DataError(f"it refers to {module}.{name}; only plain lists, strings and numbers are read")


def read_luperson_nl(file: Path) -> Iterator[pa.Table]:
    """The keys in the order of videos, tracks and frames.

    Raises:
        DataError: the file cannot be read, or a key is not as it should be.
    """
    keys = _pickled(file) if file.suffix.lower() in {".pkl", ".pickle"} else _listed(file)
    if not keys:
        raise DataError(f"{file} names no keys")
    parsed = np.empty((len(keys), 4), np.int64)
    for row, key in enumerate(keys):
        match = _KEY.fullmatch(key)
        if match is None:
            raise DataError(
                f"{file}: key {key!r} is not like 00001_000012_0000345_00 (video, person, frame, detection)"
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
        with file.open("rb") as opened:
            content = _PlainUnpickler(opened, encoding="bytes").load()
        if isinstance(content, dict):
            content = content[b"keys"] if b"keys" in content else content["keys"]
        return [key.decode() if isinstance(key, bytes) else str(key) for key in content]
    except DataError as error:
        raise DataError(f"{file} is not a plain list of keys: {error}") from error
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{file} is not a pickle of keys: {error}") from error


def _listed(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read as a list of keys: {error}") from error
