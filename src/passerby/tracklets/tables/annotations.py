"""SYNTH-PEDES and CION-AL: one list of objects in a JSON file of gigabytes, read object by object.

Neither says which video an image is from. Each identity is therefore one video with one tracklet: levels 1 and 3 can
work on it, level 2 has nobody to re-allocate to. CION-AL is already denoised; its `id` is also written as `identity`,
so that its table can be trained on as it is.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import pyarrow as pa

from passerby.errors import DataError
from passerby.tracklets.tables.paths import relocated

_PIECE = 1 << 20
_LONGEST = 4 << 20
"""Characters of one object after which the list is taken for broken, not for longer than what has been read."""

_ROWS = 100_000
_BETWEEN = re.compile(r"[\s,]+")
_LAST_NUMBER = re.compile(r"([0-9]{1,18})(?=[^0-9]*$)")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class _Annotation(NamedTuple):
    """What a table takes from an object."""

    path: str
    person: str
    frame: int
    caption: str | None


def read_synth_pedes(file: Path, relative_to: Path) -> Iterator[pa.Table]:
    """`path`, `video`, `track`, `frame` and `caption` (the first) of `synthpedes_dataset.json`."""
    for annotations in _batches(file):
        captions = pa.array([each.caption for each in annotations], pa.string())
        yield _table(file, annotations, relative_to).append_column("caption", captions)


def read_cion_al(file: Path, relative_to: Path) -> Iterator[pa.Table]:
    """`path`, `video`, `track`, `frame` and `identity` of `cional_annos.json`."""
    for annotations in _batches(file):
        table = _table(file, annotations, relative_to)
        yield table.append_column("identity", table["track"])


def _table(file: Path, annotations: list[_Annotation], relative_to: Path) -> pa.Table:
    people = [each.person for each in annotations]
    return pa.table(
        {
            "path": relocated((each.path for each in annotations), file.parent, relative_to),
            "video": people,
            "track": people,
            "frame": pa.array([each.frame for each in annotations], pa.int64()),
        }
    )


def _batches(file: Path) -> Iterator[list[_Annotation]]:
    objects = json_objects(file)
    while batch := [_annotation(file, each) for each in islice(objects, _ROWS)]:
        yield batch


def _annotation(file: Path, content: dict[str, Any]) -> _Annotation:
    """The fields of an object that are used, of the types that they must have."""
    path, person, captions = content.get("file_path"), content.get("id"), content.get("captions") or [None]
    if not isinstance(path, str) or not path.isprintable() or not _is_whole(person):
        shown = {name: str(content[name])[:40] for name in ("file_path", "id") if name in content}
        raise DataError(f"{file}: every object needs a file_path and a whole number id, not {shown}")
    if not isinstance(captions, list) or not isinstance(captions[0], str | None):
        raise DataError(f"{file}: captions of {path[:80]} are not a list of sentences")
    number = _LAST_NUMBER.search(Path(path).stem)
    return _Annotation(path, str(int(person)), 0 if number is None else int(number[1]), _encodable(captions[0]))


def _is_whole(value: object) -> TypeGuard[int | str]:
    """Whether this is a whole number, or text that says one, of at most 18 digits."""
    return not isinstance(value, bool) and isinstance(value, int | str) and bool(_WHOLE.fullmatch(str(value)[:20]))


def _encodable(text: str | None) -> str | None:
    """The text without halves of characters, which JSON can name and UTF-8 cannot hold."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def json_objects(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a list in a JSON file, one at a time, in little memory.

    Raises:
        DataError: the file is not a whole list of objects, or not UTF-8; an object is nested deeply or is longer than
            4 MiB.
    """
    if not file.is_file():
        raise DataError(f"{file} is not a file on disk")
    try:
        yield from _objects(file)
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text: {error.reason} at byte {error.start:,} of a piece") from error


def _objects(file: Path) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(parse_int=_parsed)
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
                content, place = decoder.raw_decode(text, place)
            except json.JSONDecodeError as error:
                # An object cut by the end of what was read is read again with twice as much: linear in its length.
                more = opened.read(max(_PIECE, len(text) - place)) if len(text) - place < _LONGEST else ""
                if not more:
                    where = f"{error.msg} at character {before + error.pos:,}"
                    raise DataError(f"{file} is cut off or not valid JSON: {where}") from error
                before += place
                text, place = text[place:] + more, 0
                continue
            except RecursionError as error:
                raise DataError(f"{file}: the object at character {before + place:,} is nested too deeply") from error
            if not isinstance(content, dict):
                raise DataError(f"{file} lists something other than objects: {str(content)[:40]}")
            yield content


def _parsed(digits: str) -> int | str:
    """A whole number; one of more digits than Python turns into a number stays text."""
    return int(digits) if len(digits) < 20 else digits
