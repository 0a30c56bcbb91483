"""A published detector in a file, used as its card says."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.errors import CheckpointError
from passerby.inference.runtimes.session import ModelSession
from passerby.models.zoo.card import DETECTOR_FORMS
from passerby.models.zoo.preprocessing import place
from passerby.video.detection.decoders import DECODERS
from passerby.video.detection.detector import Detections
from passerby.video.detection.suppression import best_first, suppress_overlaps


class ModelDetector:
    """Finds people with a model file.

    Args:
        session: the file in its runtime, of a card of kind `detector`.
        most_iou: boxes that overlap a better one by more are dropped; None: as the card says.

    Raises:
        CheckpointError: the card is that of a model that finds nobody, or its numbers make no sense.
    """

    remembers = False

    def __init__(self, session: ModelSession, most_iou: float | None = None) -> None:
        form = session.card.output.form
        if form not in DETECTOR_FORMS:
            raise CheckpointError(f"{session.file}: is a model that gives {form}, not boxes: name a detector")
        self.session = session
        self._decode = DECODERS[form]
        self._most_iou = session.card.output.nms_iou if most_iou is None else most_iou

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Find the people in each picture, all uint8 [height, width, 3] RGB; pictures may differ in size.

        Raises:
            CheckpointError: what the model gives is not as its card says, or not finite.
            DataError: a picture is no such array.
        """
        if not len(images):
            return []
        outputs = self.session.run_pictures(images)
        return [
            self._boxes([output[row] for output in outputs], image.shape[0], image.shape[1])
            for row, image in enumerate(images)
        ]

    def _boxes(self, outputs: Sequence[NDArray[np.float32]], height: int, width: int) -> Detections:
        card = self.session.card
        boxes, scores = self._decode(card, outputs, (height, width))
        found = best_first(place(card.input, height, width).restore(boxes), scores)
        return found if self._most_iou is None else suppress_overlaps(found, self._most_iou)
