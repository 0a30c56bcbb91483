"""Carrying out the steps in this process, with everything in memory."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from passerby.tracklets.engines.steps import STEPS, Inputs, Result
from passerby.tracklets.options import DenoisingOptions


class Work(Protocol):
    """An engine at work on one set of tracklets."""

    options: DenoisingOptions
    inputs: Inputs

    def results(self, step: str, count: int, names: tuple[str, ...] = ()) -> Iterator[Result]:
        """What the pieces 0..count-1 of a step give, in order; done once, read as often as asked.

        Args:
            step: a key of `STEPS`.
            count: how many pieces it has.
            names: of the arrays that are read; all by default.
        """

    def publish(self, name: str, shape: tuple[int, ...], dtype: DTypeLike, parts: Iterable[NDArray[Any]]) -> None:
        """Let later steps read an array, given in parts one after the other."""


class MemoryWork:
    """Steps in this process, results in memory."""

    def __init__(self, inputs: Inputs, options: DenoisingOptions) -> None:
        self.options = options
        self.inputs = Inputs(inputs.arrangement, dict(inputs.arrays))
        self._results: dict[str, list[Result]] = {}

    def results(self, step: str, count: int, names: tuple[str, ...] = ()) -> Iterator[Result]:
        """What the pieces of a step give, in order."""
        del names  # all are in memory
        if step not in self._results:
            self._results[step] = [STEPS[step](self.inputs, self.options, piece) for piece in range(count)]
        return iter(self._results[step])

    def publish(self, name: str, shape: tuple[int, ...], dtype: DTypeLike, parts: Iterable[NDArray[Any]]) -> None:
        """Let later steps read an array."""
        array, begin = np.empty(shape, dtype), 0
        for part in parts:
            array[begin : begin + len(part)] = part
            begin += len(part)
        self.inputs.arrays[name] = array
