"""Paths of images in tables, which are relative to the table's folder."""

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from passerby.data.formats.table import required_text


def relocated(paths: Iterable[str], old: Path, new: Path) -> list[str]:
    """Paths relative to the folder `old` (or absolute), as they are relative to the folder `new`."""
    prefix = os.path.relpath(old.resolve(), new.resolve())
    return [os.path.normpath(os.path.join(prefix, path)) for path in paths]  # noqa: PTH118


def absolute_paths(table: pa.Table, file: Path) -> pa.Array:
    """Where a table's images are, from the root on and with `/`; only unusual paths are taken apart one by one."""
    paths = required_text(table, "path", file).cast(pa.large_string()).combine_chunks()
    folder = os.path.realpath(file.parent)
    unusual = pc.match_substring_regex(paths, r"(^|/)\.{0,2}(/|$)|\\|^[A-Za-z]:")
    ends = [pa.scalar(text, paths.type) for text in (folder.replace(os.sep, "/").rstrip("/"), "/")]
    below = pc.binary_join_element_wise(ends[0], paths, ends[1])
    normal = [os.path.normpath(os.path.join(folder, path)) for path in paths.filter(unusual).to_pylist()]  # noqa: PTH118
    return pc.replace_with_mask(below, unusual, pa.array([path.replace(os.sep, "/") for path in normal], below.type))
