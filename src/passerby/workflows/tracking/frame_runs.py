"""Which frames of a source were analysed, in few numbers however many they are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class FrameRuns:
    """Runs of frames at equal steps, each as first, last and step."""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []

    def add(self, number: int) -> None:
        """Add a frame, whose number is above those before."""
        if self.runs:
            run = self.runs[-1]
            if run[0] == run[1]:
                run[1:] = [number, number - run[0]]
                return
            if number - run[1] == run[2]:
                run[1] = number
                return
        self.runs.append([number, number, 1])


def frames_in(runs: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """The numbers of all frames of runs, int64, ascending."""
    return np.concatenate([np.empty(0, np.int64), *(np.arange(first, last + 1, step) for first, last, step in runs)])
