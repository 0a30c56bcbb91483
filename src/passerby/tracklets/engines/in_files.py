"""Carrying out the steps with everything in files, so that they can be interrupted, and shared between processes."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from passerby.errors import DataError
from passerby.progress import Progress, log_line
from passerby.tracklets.array_file import open_array, write_array
from passerby.tracklets.engines.on_ray import run_on_ray
from passerby.tracklets.engines.pieces import (
    DamagedResultError,
    array_file,
    read_result,
    result_file,
    save_inputs,
    save_result,
)
from passerby.tracklets.engines.steps import STEPS, Inputs, Result
from passerby.tracklets.levels.cross_video import BLOCK_ROWS
from passerby.tracklets.options import DenoisingOptions

Engine = Literal["local", "ray"]

_TITLES = {
    "levels-1-2": "levels 1 and 2",
    "level-3": "level 3",
    "neighbours": "level 3",
    "noise-given": "noise of the input",
    "noise-cleaned": "noise after level 1",
    "noise-centroids": "noise after level 2",
    "noise-identities": "noise after level 3",
    "identity-distances": "identities",
}
_OVER_IMAGES = frozenset({"levels-1-2", "identity-distances"})


class FileWork:
    """Steps whose results are files, each written whole or not at all; what is there is not done again.

    A result that has been overwritten or cut short is set aside and done again. Arrays are always written anew.

    Args:
        folder: of results, without arrays; on Ray, all machines must see it under this name.
        inputs: what the first steps read; arrays in files stay where they are.
        options: what was asked for.
        engine: what carries out the pieces: this process, or Ray.
        show: whether to show progress.
    """

    def __init__(
        self, folder: Path, inputs: Inputs, options: DenoisingOptions, *, engine: Engine = "local", show: bool = False
    ) -> None:
        self.options = options
        self.inputs = Inputs(inputs.arrangement, dict(inputs.arrays))
        self._folder, self._engine, self._show = folder, engine, show
        save_inputs(folder, inputs, options)

    def results(self, step: str, count: int, names: tuple[str, ...] = ()) -> Iterator[Result]:
        """What the pieces of a step give, in order; missing ones are made first."""
        missing = [piece for piece in range(count) if not result_file(self._folder, step, piece).is_file()]
        if missing:
            sizes = self._sizes(step, count)
            unit = "images" if step in _OVER_IMAGES else "tracklets"
            with Progress(_TITLES[step], sum(sizes), unit=unit, quiet=not self._show) as progress:
                progress.skip(sum(sizes) - sum(sizes[piece] for piece in missing))
                self._run(step, missing, lambda piece: progress.advance(sizes[piece]))
        for piece in range(count):
            yield self._read(step, piece, names)

    def publish(self, name: str, shape: tuple[int, ...], dtype: DTypeLike, parts: Iterable[NDArray[Any]]) -> None:
        """Let later steps read an array."""
        file = array_file(self._folder, name)
        write_array(file, shape, dtype, parts)
        self.inputs.arrays[name] = open_array(file)

    def _read(self, step: str, piece: int, names: tuple[str, ...]) -> Result:
        """A result; it is done again if its file is damaged."""
        try:
            return read_result(self._folder, step, piece, names)
        except DamagedResultError:
            file = result_file(self._folder, step, piece)
            aside = file.with_name(f"{file.name}.damaged")
            file.replace(aside)
            log_line(f"{file} was damaged and is now {aside.name}; it is done again", show=True)
        self._run(step, [piece], lambda _: None)
        try:
            return read_result(self._folder, step, piece, names)
        except DamagedResultError as error:
            raise DataError(f"{file} cannot be read back after it was written: check the disk ({error})") from error

    def _run(self, step: str, pieces: list[int], on_done: Callable[[int], None]) -> None:
        if self._engine == "ray":
            for piece in run_on_ray(self._folder, step, pieces):
                on_done(piece)
            return
        for piece in pieces:
            save_result(self._folder, step, piece, STEPS[step](self.inputs, self.options, piece))
            on_done(piece)

    def _sizes(self, step: str, count: int) -> list[int]:
        """Images or tracklets of each piece, for progress."""
        arranged = self.inputs.arrangement
        if step in _OVER_IMAGES:
            return [int(size) for size in np.diff(arranged.tracklets[arranged.videos[arranged.chunks]])]
        name = step.removeprefix("noise-") if step.startswith("noise-") else "centroids"
        total = len(self.inputs.arrays[name])
        if step == "neighbours":
            return [total]
        return [min(BLOCK_ROWS, total - piece * BLOCK_ROWS) for piece in range(count)]
