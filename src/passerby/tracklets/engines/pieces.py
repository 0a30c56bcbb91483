"""One piece of a step, carried out with its arrays in files: what every engine that works in files does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.tracklets.engines.steps import STEPS, Arrays
from passerby.tracklets.options import DenoisingOptions


def perform(folder: Path, step: str, piece: int) -> None:
    """Carry out one piece in whatever process this is, from and to the files of a folder; Ray's workers call it."""
    if result_file(folder, step, piece).exists():
        return
    stored = json.loads((folder / "options.json").read_text("utf-8"))
    options = DenoisingOptions(**{**stored, "levels": tuple(stored["levels"])})
    save(folder, step, piece, STEPS[step](open_arrays(folder), options, piece))


def open_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """Every array of the folder, and those elsewhere that it names."""
    links = json.loads((folder / "links.json").read_text("utf-8"))
    files = {file.stem: file for file in (folder / "arrays").glob("*.npy")}
    files.update((name, Path(file)) for name, file in links.items())
    return {name: np.load(file, mmap_mode="r", allow_pickle=False) for name, file in files.items()}


def save(folder: Path, step: str, piece: int, result: Arrays) -> None:
    """Write a result, whole or not at all."""
    with write_atomically(result_file(folder, step, piece)) as temporary, temporary.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **result)


def result_file(folder: Path, step: str, piece: int) -> Path:
    """Where the result of a piece is."""
    return folder / step / f"{piece:07d}.npz"
