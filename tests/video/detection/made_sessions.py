"""Sessions of no file, which give what a test says, and cards for them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.inference.runtimes.session import ModelSession, Port
from passerby.models.zoo.card import ModelCard


def detector_card(form: str, size: tuple[int, int] = (64, 96), **settings: Any) -> ModelCard:
    """A card of kind detector; keys of settings are those of input or output."""
    inputs = {"size": size, "channels": "rgb", "batch": 1, "layout": "NCHW"}
    outputs: dict[str, Any] = {"form": form}
    for key, value in settings.items():
        (outputs if key in ("person_label", "nms_iou", "lowest_score", "names") else inputs)[key] = value
    return ModelCard.model_validate({"kind": "detector", "name": "made", "input": inputs, "output": outputs})


class MadeSession(ModelSession):
    """Gives the same outputs for whatever it is given, and keeps what that was."""

    runtime = "made"

    def __init__(self, card: ModelCard, outputs: Sequence[NDArray[Any]]) -> None:
        self.given: list[Mapping[str, NDArray[Any]]] = []
        self._outputs = [np.asarray(each, np.float32)[None] for each in outputs]
        shape = (1, 3, *card.input.size)
        inputs = [Port(card.input.name or "images", shape, "float32")]
        if card.input.size_name:
            inputs.append(Port(card.input.size_name, (1, 2), "int64"))
        ports = [Port(f"output{place}", (None,), "float32") for place in range(len(outputs))]
        super().__init__(Path("made.onnx"), card, inputs, ports)

    def _compute(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        self.given.append(dict(feeds))
        return list(self._outputs)
