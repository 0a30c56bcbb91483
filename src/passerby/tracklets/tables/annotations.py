"""SYNTH-PEDES and CION-AL: one list of objects in a JSON file of gigabytes, read object by object.

Neither says which video an image is from. Each identity is therefore one video with one tracklet: levels 1 and 3 can
work on it, level 2 has nobody to re-allocate to. CION-AL is already denoised; its `id` is also written as `identity`,
so that its table can be trained on as it is.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from passerby.errors import DataError
from passerby.tracklets.tables.paths import relocated

_PIECE = 1 << 20
_LONGEST = 64 << 20
"""Characters of one object after which the list is taken for broken, not for longer than what has been read."""

_ROWS = 100_000
_BETWEEN = re.compile(r"[\s,]+")
_LAST_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def read_synth_pedes(file: Path, relative_to: Path) -> Iterator[pa.Table]:
    """`path`, `video`, `track`, `frame` and `caption` (the first) of `synthpedes_dataset.json`."""
    for objects in _batches(file):
        table = _table(file, objects, relative_to)
        captions = [next(iter(each.get("captions") or [None]), None) for each in objects]
        yield table.append_column("caption", pa.array(captions, pa.string()))


def read_cion_al(file: Path, relative_to: Path) -> Iterator[pa.Table]:
    """`path`, `video`, `track`, `frame` and `identity` of `cional_annos.json`."""
    for objects in _batches(file):
        table = _table(file, objects, relative_to)
        yield table.append_column("identity", table["track"])


def _table(file: Path, objects: list[dict[str, Any]], relative_to: Path) -> pa.Table:
    try:
        names = [str(each["file_path"]) for each in objects]
        people = [str(int(each["id"])) for each in objects]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file}: every object needs a file_path and a whole number id: {error!r}") from error
    numbers = [_LAST_NUMBER.search(Path(name).stem) for name in names]
    return pa.table(
        {
            "path": relocated(names, file.parent, relative_to),
            "video": people,
            "track": people,
            "frame": pa.array([0 if number is None else int(number[1]) for number in numbers], pa.int64()),
        }
    )


def _batches(file: Path) -> Iterator[list[dict[str, Any]]]:
    batch = []
    for each in json_objects(file):
        batch.append(each)
        if len(batch) == _ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def json_objects(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a list in a JSON file, one at a time, in little memory.

    Raises:
        DataError: the file is not a whole list of objects, or not UTF-8.
    """
    try:
        yield from _objects(file)
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text: {error.reason} at byte {error.start:,} of a piece") from error


def _objects(file: Path) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    before = 0  # characters that are no longer held
    with file.open(encoding="utf-8") as opened:
        text, place = opened.read(max(64, _PIECE)), 0
        if not text.lstrip().startswith("["):
            raise DataError(f"{file} is not a JSON list")
        place = text.index("[") + 1
        while True:
            between = _BETWEEN.match(text, place)
            place = between.end() if between else place
            if text.startswith("]", place):
                return
            try:
                found, place = decoder.raw_decode(text, place)
            except json.JSONDecodeError as error:
                # An object cut by the end of what was read is read again with twice as much: linear in its length.
                more = opened.read(max(_PIECE, len(text) - place)) if len(text) - place < _LONGEST else ""
                if not more:
                    where = f"{error.msg} at character {before + error.pos:,}"
                    raise DataError(f"{file} is cut off or not valid JSON: {where}") from error
                before += place
                text, place = text[place:] + more, 0
                continue
            if not isinstance(found, dict):
                raise DataError(f"{file} lists something other than objects: {str(found)[:40]}")
            yield found
