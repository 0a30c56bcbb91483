"""One piece of a step, with its inputs and its result in files: what every engine that works in files does."""

import json
import zipfile
import zlib
from dataclasses import fields
from pathlib import Path

import numpy as np

from passerby.atomic_files import write_atomically, write_text_atomically
from passerby.tracklets.arrangement import Arrangement
from passerby.tracklets.array_file import ArrayFile, open_array, write_array
from passerby.tracklets.engines.steps import STEPS, Inputs, Result
from passerby.tracklets.options import DenoisingOptions

_ARRANGEMENT = "arrangement.npz"
_LINKS = "links.json"
_OPTIONS = "options.json"
_NAME = "piece"
"""The array of a result file that says which piece it is of."""

_DAMAGES = (
    OSError,
    EOFError,
    MemoryError,
    KeyError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a file raises that is not one of ours, or no longer."""


class DamagedResultError(Exception):
    """A result file cannot be read, or is not of this piece."""


def save_inputs(folder: Path, inputs: Inputs, options: DenoisingOptions) -> None:
    """Write what `open_inputs` and `run_piece` read; an `ArrayFile` stays where it is."""
    links = {}
    for name, array in inputs.arrays.items():
        if isinstance(array, ArrayFile):
            links[name] = str(array.file.absolute())
        else:
            values = array[:]
            write_array(array_file(folder, name), values.shape, values.dtype, [values])
    with write_atomically(folder / _ARRANGEMENT) as temporary, temporary.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **inputs.arrangement.__dict__)
    write_text_atomically(folder / _LINKS, json.dumps(links))
    write_text_atomically(folder / _OPTIONS, options.model_dump_json())


def open_inputs(folder: Path) -> Inputs:
    """What `save_inputs` wrote, and every array published since."""
    with np.load(folder / _ARRANGEMENT, allow_pickle=False) as stored:
        arrangement = Arrangement(**{field.name: stored[field.name] for field in fields(Arrangement)})
    links = json.loads((folder / _LINKS).read_text("utf-8"))
    files = {file.stem: file for file in (folder / "arrays").glob("*.npy")}
    files.update((name, Path(file)) for name, file in links.items())
    return Inputs(arrangement, {name: open_array(file) for name, file in files.items()})


def array_file(folder: Path, name: str) -> Path:
    """Where a published array is."""
    return folder / "arrays" / f"{name}.npy"


def run_piece(folder: Path, step: str, piece: int) -> None:
    """Carry out one piece in whatever process this is, from and to the files of a folder; Ray's workers call it."""
    if result_file(folder, step, piece).is_file():
        return
    options = DenoisingOptions.model_validate_json((folder / _OPTIONS).read_text("utf-8"))
    save_result(folder, step, piece, STEPS[step](open_inputs(folder), options, piece))


def save_result(folder: Path, step: str, piece: int, result: Result) -> None:
    """Write a result, whole or not at all."""
    with write_atomically(result_file(folder, step, piece)) as temporary, temporary.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **{_NAME: np.array(f"{step}/{piece}")}, **result)


def read_result(folder: Path, step: str, piece: int, names: tuple[str, ...] = ()) -> Result:
    """The arrays of a result, all or some; each has a checksum.

    Raises:
        DamagedResultError: the file has been overwritten or cut short.
    """
    try:
        with np.load(result_file(folder, step, piece), allow_pickle=False) as stored:
            if str(stored[_NAME]) != f"{step}/{piece}":
                raise ValueError("it is of another piece")
            return {name: stored[name] for name in names or stored.files}
    except _DAMAGES as error:
        raise DamagedResultError(str(error)) from error


def result_file(folder: Path, step: str, piece: int) -> Path:
    """Where the result of a piece is."""
    return folder / step / f"{piece:07d}.npz"
