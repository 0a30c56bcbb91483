"""From what published detectors give to boxes of people in pixels of the model's input.

Each decoder takes the outputs for one picture in the order of the card's `output.names`, float32, and returns boxes
float32 [N, 4] (left, top, right, bottom) and scores float32 [N] of all people above the card's lowest score, in any
order, before overlaps are suppressed.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from passerby.errors import CheckpointError
from passerby.models.zoo.card import ModelCard

Floats = NDArray[np.float32]
Decoded = tuple[Floats, Floats]
Decoder = Callable[[ModelCard, Sequence[Floats], tuple[int, int]], Decoded]

STRIDES = (8, 16, 32)
"""Of YOLOX's three grids, finest first."""

_LARGEST_EXPONENT = 15.0  # e^15 × 32 pixels is beyond any picture


def decode_yolox_grid(card: ModelCard, outputs: Sequence[Floats], picture: tuple[int, int]) -> Decoded:
    """Decode YOLOX's raw form, [cells, 5 + classes] (Ge et al., arXiv 2107.08430, section 2).

    A row holds centre x, y in cells from the cell's own corner, the logarithms of width and height in cells, the
    objectness and the classes' probabilities, both after the sigmoid; rows run over the cells of strides 8, 16 and 32.
    """
    del picture
    rows = _only(card, outputs, "[cells, 5 + classes]")
    cells = _cells(card.input.size)
    person = 5 + card.output.person_label
    if rows.ndim != 2 or len(rows) != len(cells) or rows.shape[1] <= person:
        raise _misfit(card, outputs, f"[{len(cells)}, more than {person}]")
    scores = rows[:, 4] * rows[:, person]
    kept = np.flatnonzero(scores >= card.output.lowest_score)
    rows, cells, scores = rows[kept], cells[kept], scores[kept]
    stride = cells[:, 2:]
    centres = (rows[:, :2] + cells[:, :2]) * stride
    sizes = np.exp(np.minimum(rows[:, 2:4], _LARGEST_EXPONENT)) * stride
    return _corners(centres, sizes), _probabilities(scores)


def decode_detr_raw(card: ModelCard, outputs: Sequence[Floats], picture: tuple[int, int]) -> Decoded:
    """Decode logits [queries, classes] and boxes [queries, 4] of DETR's kin that were trained with a focal loss.

    Boxes are centre x, y, width and height as shares of the input; a score is the sigmoid of the person's logit.
    """
    del picture
    logits, boxes = _several(card, outputs, 2, "logits [queries, classes], boxes [queries, 4]")
    person = card.output.person_label
    if logits.ndim != 2 or boxes.shape != (len(logits), 4) or logits.shape[1] <= person:
        raise _misfit(card, outputs, f"logits [queries, more than {person}], boxes [queries, 4]")
    scores = 1 / (1 + np.exp(-logits[:, person].astype(np.float64).clip(-60, 60)))
    kept = np.flatnonzero(scores >= card.output.lowest_score)
    width_height = np.array(card.input.size[::-1], np.float32)
    return _corners(boxes[kept, :2] * width_height, boxes[kept, 2:] * width_height), _probabilities(scores[kept])


def decode_detr_processed(card: ModelCard, outputs: Sequence[Floats], picture: tuple[int, int]) -> Decoded:
    """Decode labels [N], boxes [N, 4] and scores [N] of RT-DETR's and D-FINE's own export.

    Boxes are corners in pixels of the size that the model was told: the picture's, or the input's if it is told none.
    """
    labels, boxes, scores = _several(card, outputs, 3, "labels [N], boxes [N, 4], scores [N]")
    if labels.ndim != 1 or boxes.shape != (len(labels), 4) or scores.shape != labels.shape:
        raise _misfit(card, outputs, "labels [N], boxes [N, 4], scores [N]")
    kept = _people(card, labels, scores)
    if card.input.size_name:
        boxes = boxes * np.array([card.input.size[1] / picture[1], card.input.size[0] / picture[0]] * 2, np.float32)
    return boxes[kept], _probabilities(scores[kept])


def decode_ssd(card: ModelCard, outputs: Sequence[Floats], picture: tuple[int, int]) -> Decoded:
    """Decode SSD's seven columns, [1, N, 7]: picture, label, score, and corners as shares of the input.

    The rows end at the first whose picture is negative.
    """
    del picture
    rows = _only(card, outputs, "[1, N, 7]")
    if rows.size % 7 or rows.shape[-1] != 7:
        raise _misfit(card, outputs, "[1, N, 7]")
    rows = rows.reshape(-1, 7)
    ends = np.flatnonzero(rows[:, 0] < 0)
    rows = rows[: ends[0]] if len(ends) else rows
    kept = _people(card, rows[:, 1], rows[:, 2])
    sides = np.array([*card.input.size[::-1]] * 2, np.float32)
    return rows[kept, 3:] * sides, _probabilities(rows[kept, 2])


def decode_boxes_score(card: ModelCard, outputs: Sequence[Floats], picture: tuple[int, int]) -> Decoded:
    """Decode boxes [N, 5], corners in pixels of the input and the score, and labels [N]."""
    del picture
    boxes, labels = _several(card, outputs, 2, "boxes [N, 5], labels [N]")
    if boxes.ndim != 2 or boxes.shape[1] != 5 or labels.shape != (len(boxes),):
        raise _misfit(card, outputs, "boxes [N, 5], labels [N]")
    kept = _people(card, labels, boxes[:, 4])
    return boxes[kept, :4], _probabilities(boxes[kept, 4])


DECODERS: dict[str, Decoder] = {
    "yolox-grid": decode_yolox_grid,
    "detr-raw": decode_detr_raw,
    "detr-processed": decode_detr_processed,
    "ssd": decode_ssd,
    "boxes-score": decode_boxes_score,
}
"""By the card's `output.form`."""


@lru_cache(maxsize=8)
def _cells(size: tuple[int, int]) -> Floats:
    """Column, row and stride of each of YOLOX's cells, float32 [cells, 3]."""
    grids = []
    for stride in STRIDES:
        rows, columns = np.mgrid[: size[0] // stride, : size[1] // stride]
        grids.append(np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, stride)], axis=1))
    return np.concatenate(grids).astype(np.float32)


def _people(card: ModelCard, labels: Floats, scores: Floats) -> NDArray[np.int64]:
    return np.flatnonzero((np.rint(labels) == card.output.person_label) & (scores >= card.output.lowest_score))


def _corners(centres: Floats, sizes: Floats) -> Floats:
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1).astype(np.float32)


def _probabilities(scores: NDArray[np.floating]) -> Floats:
    clipped: Floats = np.clip(scores, 0, 1).astype(np.float32)
    return clipped


def _only(card: ModelCard, outputs: Sequence[Floats], expected: str) -> Floats:
    return _several(card, outputs, 1, expected)[0]


def _several(card: ModelCard, outputs: Sequence[Floats], count: int, expected: str) -> Sequence[Floats]:
    if len(outputs) != count:
        raise _misfit(card, outputs, expected)
    return outputs


def _misfit(card: ModelCard, outputs: Sequence[Floats], expected: str) -> CheckpointError:
    given = ", ".join(str(list(each.shape)) for each in outputs)
    return CheckpointError(
        f"{card.name or 'the detector'}: gives {given} for a picture, but form {card.output.form} of its card means "
        f"{expected}: correct output.form, names or person_label of the card"
    )
