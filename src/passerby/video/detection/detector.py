"""What every detector of people returns and can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Detections:
    """The people found in one frame, by falling score.

    Attributes:
        boxes: float32 [N, 4], left, top, right, bottom in pixels of the frame; inside the frame.
        scores: float32 [N], between 0 and 1: how sure the detector is.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        """How many people were found."""
        return len(self.scores)


class Detector(Protocol):
    """Finds people in pictures."""

    @property
    def remembers(self) -> bool:
        """Whether what it finds depends on the pictures before: it must then see all frames of one source, in order."""
        ...

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Find the people in each picture, all uint8 [height, width, 3] RGB; pictures may differ in size."""
        ...
