"""Tracks what the command line names, slowly, with the detector of the tests: for tests that kill it.

`python -m tests.workflows.tracking.tracking_process OUT SOURCE…`; the processes that it starts import it too.
"""

import sys
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.video.collection import detection_store
from passerby.video.detection.detector import Detections
from passerby.workflows.tracking import source_work, track
from tests.video.collection.drawn import ReadsBoxes


class _Slow(ReadsBoxes):
    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        time.sleep(0.005)
        return super().detect(images)


def _detector(*_: object) -> ReadsBoxes:
    return _Slow()


detection_store.FRAMES_PER_FILE = 16
source_work.new_detector = _detector  # type: ignore[assignment]  # of the tests
track.new_detector = _detector  # type: ignore[assignment]

if __name__ == "__main__":
    track.track(sys.argv[2:], sys.argv[1], threads=2)
