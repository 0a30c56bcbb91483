"""The metadata of an ONNX file, read without the package onnx and without reading the weights.

An ONNX file is one protocol buffer (ModelProto of onnx.proto): a sequence of numbered fields, each with its length.
Only the outermost are walked.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from passerby.errors import CheckpointError

_GRAPH, _METADATA = 7, 14  # fields of ModelProto
_KEY, _VALUE = 1, 2  # fields of StringStringEntryProto
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 10
_MOST_METADATA = 1 << 24


def read_onnx_metadata(file: Path) -> dict[str, str]:
    """Texts that the makers of an ONNX file put into it, by key.

    Raises:
        CheckpointError: no such file, not an ONNX file, or one that ends too early.
    """
    try:
        with file.open("rb") as stream:
            return _metadata(stream, file.stat().st_size)
    except OSError as error:
        raise CheckpointError(f"{file}: cannot be read: {error.strerror or error}") from error
    except _DamagedError as error:
        raise CheckpointError(f"{file}: {error}: get the file again") from None


class _DamagedError(Exception):
    """The bytes are not those of an ONNX file."""


def _metadata(stream: BinaryIO, size: int) -> dict[str, str]:
    found: dict[str, str] = {}
    has_graph = False
    for number, wire, length in _fields(stream, size):
        has_graph |= number == _GRAPH and wire == _LENGTH
        if number == _METADATA and wire == _LENGTH and length <= _MOST_METADATA:
            end = stream.tell() + length
            entry = {key: stream.read(part) for key, kind, part in _fields(stream, end) if kind == _LENGTH}
            found[_text(entry.get(_KEY, b""))] = _text(entry.get(_VALUE, b""))
    if not has_graph:
        raise _DamagedError("is no ONNX file, or ends before its network" if size else "is empty")
    return found


def _fields(stream: BinaryIO, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, kind and length of each field up to `end`; who wants its bytes reads them before the next."""
    while (at := stream.tell()) < end:
        tag = _varint(stream)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            _varint(stream)
            length = 0
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES, _LENGTH):
            length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(wire) or _varint(stream)
        else:
            raise _DamagedError(f"is no ONNX file, or damaged at byte {at}")
        after = stream.tell() + length
        if not number or after > end:
            raise _DamagedError(f"is truncated, or no ONNX file: byte {at} announces {length:,} more than there are")
        yield number, wire, length
        stream.seek(after, os.SEEK_SET)


def _varint(stream: BinaryIO) -> int:
    value = 0
    for place in range(_LONGEST_VARINT):
        byte = stream.read(1)
        if not byte:
            raise _DamagedError("is truncated, or no ONNX file")
        value |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return value
    raise _DamagedError("is no ONNX file, or damaged")


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
