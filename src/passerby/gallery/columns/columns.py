"""The features of a model in memory, and what filters ask of their tracklets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Columns:
    """The features of one model, and what filters ask of their tracklets; row i of each belongs together.

    Attributes:
        tracklets: int64 [N], numbers of tracklets, in the order in which their features were added.
        features: float16 [N, D].
        exact: the same as float32 [N, D], by which searches are faster; None where that would take too much memory, and
            when columns are asked for the first time, for making it takes longer than one search.
        cameras: int32 [N], places in `camera_names`.
        taken_from, taken_to: int64 [N], microseconds since 1970, the smallest number where unknown.
        heights, visible: float32 [N].
        identities: int64 [N], 0 where unknown.
    """

    tracklets: NDArray[np.int64]
    features: NDArray[np.float16]
    exact: NDArray[np.float32] | None
    cameras: NDArray[np.int32]
    camera_names: tuple[str, ...]
    taken_from: NDArray[np.int64]
    taken_to: NDArray[np.int64]
    heights: NDArray[np.float32]
    visible: NDArray[np.float32]
    identities: NDArray[np.int64]
