"""The hidden folder of work in progress: one process at a time, and only results of the same input and options."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from passerby.atomic_files import sweep_temporaries, write_text_atomically
from passerby.output_lock import alone_at
from passerby.tracklets.engines.steps import STEPS
from passerby.tracklets.file_stamps import Stamps
from passerby.tracklets.options import DenoisingOptions

_FORMAT = 3
"""Counted up when results of an older version could not be continued from."""

_ONLY_ACROSS_VIDEOS = frozenset({"half_width", "search", "max_component", "oversize", "min_images", "levels"})
"""Options that do not change what levels 1 and 2 do."""

_WITHIN_VIDEOS = "levels-1-2"


@contextmanager
def work_folder(out: Path, inputs: Stamps, options: DenoisingOptions) -> Iterator[Path]:
    """The folder of the work that leads to a file; it is removed when the work has ended without an error.

    What another process left there is kept where input and options allow, and removed elsewhere.

    Raises:
        DataError: another process is at work on the file.
    """
    folder = out.with_name(f".{out.name}.work")
    with alone_at(out):
        _claim(folder, inputs, options)
        yield folder
        shutil.rmtree(folder)


def _claim(folder: Path, inputs: Stamps, options: DenoisingOptions) -> None:
    """Keep results of the same input and options, remove the others, and note what is made from now on."""
    chosen = options.model_dump(mode="json")
    within = {name: value for name, value in chosen.items() if name not in _ONLY_ACROSS_VIDEOS}
    within["levels"] = sorted(set(options.levels) - {3})
    mine = {"input": _digest([_FORMAT, inputs]), "within videos": _digest(within), "all": _digest(chosen)}
    mark = folder / "source.json"
    old = {} if folder.is_symlink() else _noted(mark)
    same = {key for key in mine if old.get(key) == mine[key]}
    kept = set(STEPS) if len(same) == len(mine) else {_WITHIN_VIDEOS} if {"input", "within videos"} <= same else set()
    if folder.is_symlink() or folder.is_file():
        folder.unlink()  # what it leads to is not ours to clear
    folder.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)  # until the rest is gone, nothing here is of known origin
    for entry in folder.iterdir():
        is_folder = entry.is_dir() and not entry.is_symlink()
        if not (is_folder and entry.name in kept):
            shutil.rmtree(entry) if is_folder else entry.unlink()
    sweep_temporaries(folder, alone=True)
    write_text_atomically(mark, json.dumps(mine))


def _noted(mark: Path) -> dict[str, str]:
    """What the folder says it holds; nothing where it does not say it, or the file is damaged."""
    if not mark.is_file():
        return {}
    with suppress(ValueError, RecursionError), mark.open(encoding="utf-8") as opened:
        content = json.loads(opened.read(10_000))
        if isinstance(content, dict):
            return content
    return {}


def _digest(content: Any) -> str:
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
