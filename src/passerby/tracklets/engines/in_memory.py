"""Carrying out the steps in this process, with everything in memory."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from passerby.tracklets.engines.steps import STEPS, Arrays
from passerby.tracklets.options import DenoisingOptions


class Work(Protocol):
    """Whatever carries out steps."""

    options: DenoisingOptions

    @property
    def arrays(self) -> Arrays:
        """What steps can read."""

    def results(self, step: str, count: int) -> Iterator[Arrays]:
        """What the pieces 0..count-1 of a step give, in order; done once, read as often as asked."""

    def publish(self, name: str, shape: tuple[int, ...], dtype: type, parts: Iterable[NDArray[Any]]) -> None:
        """Let later steps read an array, given in parts one after the other."""


class MemoryWork:
    """Steps in this process, results in memory."""

    def __init__(self, arrays: Arrays, options: DenoisingOptions) -> None:
        self.options = options
        self._arrays = dict(arrays)
        self._results: dict[str, list[Arrays]] = {}

    @property
    def arrays(self) -> Arrays:
        """What steps can read."""
        return self._arrays

    def results(self, step: str, count: int) -> Iterator[Arrays]:
        """What the pieces of a step give, in order."""
        if step not in self._results:
            self._results[step] = [STEPS[step](self._arrays, self.options, piece) for piece in range(count)]
        return iter(self._results[step])

    def publish(self, name: str, shape: tuple[int, ...], dtype: type, parts: Iterable[NDArray[Any]]) -> None:
        """Let later steps read an array."""
        self._arrays[name] = filled(np.empty(shape, dtype), parts)


def filled(array: NDArray[Any], parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """The array, with the parts written into it one after the other."""
    begin = 0
    for part in parts:
        array[begin : begin + len(part)] = part
        begin += len(part)
    return array
