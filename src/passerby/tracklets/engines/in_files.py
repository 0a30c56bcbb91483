"""Carrying out the steps with everything in files, so that they can be interrupted, and shared between processes."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically, write_text_atomically
from passerby.progress import Progress
from passerby.tracklets.engines.in_memory import filled
from passerby.tracklets.engines.on_ray import run_on_ray
from passerby.tracklets.engines.pieces import open_arrays, result_file, save
from passerby.tracklets.engines.steps import STEPS, Arrays
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

    Args:
        folder: holds arrays, results and options; on Ray, all machines must see it under this name.
        arrays: what the first steps read; memory-mapped files stay where they are.
        options: what was asked for.
        engine: who carries out the pieces: this process, or Ray.
        show: whether to show progress.
    """

    def __init__(
        self, folder: Path, arrays: Arrays, options: DenoisingOptions, *, engine: Engine = "local", show: bool = False
    ) -> None:
        self.options = options
        self._folder, self._engine, self._show = folder, engine, show
        (folder / "arrays").mkdir(parents=True, exist_ok=True)
        write_text_atomically(folder / "options.json", json.dumps(asdict(options)))
        links = {}
        for name, array in arrays.items():
            if isinstance(array, np.memmap) and array.filename is not None:
                links[name] = str(array.filename)
            else:
                self._write(name, array.shape, array.dtype, [array])
        write_text_atomically(folder / "links.json", json.dumps(links))
        self._arrays = open_arrays(folder)

    @property
    def arrays(self) -> Arrays:
        """What steps can read, memory-mapped."""
        return self._arrays

    def results(self, step: str, count: int) -> Iterator[Arrays]:
        """What the pieces of a step give, in order; missing ones are made first."""
        (self._folder / step).mkdir(exist_ok=True)
        files = [result_file(self._folder, step, piece) for piece in range(count)]
        missing = [piece for piece, file in enumerate(files) if not file.exists()]
        if missing:
            sizes = self._sizes(step, count)
            unit = "images" if step in _OVER_IMAGES else "tracklets"
            with Progress(_TITLES[step], sum(sizes), unit=unit, quiet=not self._show) as progress:
                progress.skip(sum(sizes) - sum(sizes[piece] for piece in missing))
                self._perform(step, missing, lambda piece: progress.advance(sizes[piece]))
        for file in files:
            with np.load(file, allow_pickle=False) as result:
                yield result

    def publish(self, name: str, shape: tuple[int, ...], dtype: Any, parts: Iterable[NDArray[Any]]) -> None:
        """Let later steps read an array."""
        self._write(name, shape, dtype, parts)
        self._arrays[name] = np.load(self._folder / "arrays" / f"{name}.npy", mmap_mode="r")

    def _perform(self, step: str, pieces: list[int], on_done: Callable[[int], None]) -> None:
        if self._engine == "ray":
            for piece in run_on_ray(self._folder, step, pieces):
                on_done(piece)
            return
        for piece in pieces:
            save(self._folder, step, piece, STEPS[step](self._arrays, self.options, piece))
            on_done(piece)

    def _write(self, name: str, shape: tuple[int, ...], dtype: Any, parts: Iterable[NDArray[Any]]) -> None:
        """An array file, unless it is there: steps make the same ones again."""
        file = self._folder / "arrays" / f"{name}.npy"
        if file.exists():
            return
        with write_atomically(file) as temporary:
            if 0 in shape:  # nothing to map
                with temporary.open("wb") as opened:
                    np.save(opened, np.empty(shape, dtype))
            else:
                array = filled(np.lib.format.open_memmap(temporary, "w+", dtype, shape), parts)
                assert isinstance(array, np.memmap)
                array.flush()

    def _sizes(self, step: str, count: int) -> list[int]:
        """Images or tracklets of each piece, for progress."""
        if step in _OVER_IMAGES:
            borders = self._arrays["tracklets"][self._arrays["videos"][self._arrays["chunks"]]]
            return [int(size) for size in np.diff(borders)]
        name = step.removeprefix("noise-") if step.startswith("noise-") else "centroids"
        total = len(self._arrays[name])
        if step == "neighbours":
            return [total]
        return [min(BLOCK_ROWS, total - piece * BLOCK_ROWS) for piece in range(count)]
