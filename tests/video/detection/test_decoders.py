"""Decoders against the arithmetic written out box by box."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.errors import CheckpointError
from passerby.video.detection.decoders import DECODERS
from passerby.video.detection.model_detector import ModelDetector
from tests.video.detection.made_sessions import MadeSession, detector_card

Box = tuple[float, float, float, float, float]
"""Left, top, right, bottom, score."""


def sorted_boxes(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[Box]:
    return sorted((*box, score) for box, score in zip(boxes.tolist(), scores.tolist(), strict=True))


def yolox_one_by_one(rows: NDArray[np.float32], size: tuple[int, int], person: int, lowest: float) -> list[Box]:
    found = []
    place = 0
    for stride in (8, 16, 32):
        for row in range(size[0] // stride):
            for column in range(size[1] // stride):
                x, y, w, h, objectness = (float(value) for value in rows[place, :5])
                score = objectness * float(rows[place, 5 + person])
                x, y, w, h = (x + column) * stride, (y + row) * stride, math.exp(w) * stride, math.exp(h) * stride
                if score >= lowest:
                    found.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2, score))
                place += 1
    return found


@pytest.mark.parametrize(("size", "person"), [((64, 96), 0), ((32, 32), 2), ((416, 416), 0)])
def test_yoloxs_grid_form(size: tuple[int, int], person: int) -> None:
    generator = np.random.default_rng(3)
    cells = sum((size[0] // stride) * (size[1] // stride) for stride in (8, 16, 32))
    rows = generator.normal(size=(cells, 9)).astype(np.float32)
    rows[:, 4:] = generator.random((cells, 5))
    card = detector_card("yolox-grid", size, person_label=person, lowest_score=0.3)
    found = sorted_boxes(*DECODERS["yolox-grid"](card, [rows], size))
    expected = sorted(yolox_one_by_one(rows, size, person, 0.3))
    assert len(found) == len(expected) > 0
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-3)


def test_the_cells_of_yolox_are_as_many_as_published() -> None:
    for size, cells in ((416, 3549), (640, 8400)):
        rows = np.zeros((cells, 85), np.float32)
        boxes, _ = DECODERS["yolox-grid"](detector_card("yolox-grid", (size, size)), [rows], (size, size))
        assert boxes.shape == (0, 4)


def test_detrs_raw_form() -> None:
    generator = np.random.default_rng(4)
    logits = generator.normal(size=(50, 7)).astype(np.float32)
    boxes = generator.random((50, 4)).astype(np.float32)
    card = detector_card("detr-raw", (64, 96), person_label=1, lowest_score=0.4)
    found = sorted_boxes(*DECODERS["detr-raw"](card, [logits, boxes], (64, 96)))
    expected = []
    for logit, (x, y, w, h) in zip(logits[:, 1].tolist(), boxes.tolist(), strict=True):
        score = 1 / (1 + math.exp(-logit))
        if score >= 0.4:
            expected.append(((x - w / 2) * 96, (y - h / 2) * 64, (x + w / 2) * 96, (y + h / 2) * 64, score))
    assert np.allclose(found, sorted(expected), rtol=1e-5, atol=1e-3)


def test_detrs_processed_form_is_in_pixels_of_the_picture_that_the_model_was_told() -> None:
    labels = np.array([0, 1, 0, 0], np.float32)
    boxes = np.array([[10, 20, 110, 220], [1, 1, 50, 50], [0, 0, 30, 40], [5, 5, 9, 9]], np.float32)
    scores = np.array([0.9, 0.8, 0.7, 0.01], np.float32)
    card = detector_card("detr-processed", (64, 96), size_name="orig_target_sizes")
    session = MadeSession(card, [labels, boxes, scores])
    [found] = ModelDetector(session).detect([np.zeros((300, 400, 3), np.uint8)])
    assert session.given[0]["orig_target_sizes"].tolist() == [[400, 300]]
    assert np.allclose(found.boxes, boxes[[0, 2]], atol=1e-3)
    assert np.allclose(found.scores, [0.9, 0.7])


def test_detrs_processed_form_without_a_size_is_in_pixels_of_the_input() -> None:
    labels, scores = np.zeros(1, np.float32), np.ones(1, np.float32)
    card = detector_card("detr-processed", (64, 96))
    session = MadeSession(card, [labels, np.array([[24, 16, 48, 64]], np.float32), scores])
    [found] = ModelDetector(session).detect([np.zeros((128, 96, 3), np.uint8)])
    assert np.allclose(found.boxes, [[24, 32, 48, 128]])


def test_ssds_seven_columns_end_at_a_negative_picture() -> None:
    rows = np.zeros((1, 6, 7), np.float32)
    rows[0, 0] = [0, 1, 0.9, 0.1, 0.2, 0.3, 0.6]
    rows[0, 1] = [0, 2, 0.9, 0.1, 0.2, 0.3, 0.6]  # another class
    rows[0, 2] = [0, 1, 0.05, 0.1, 0.2, 0.3, 0.6]  # too low
    rows[0, 3] = [0, 1, 0.5, 0.5, 0.5, 1.2, 1.0]
    rows[0, 4] = [-1, 0, 0, 0, 0, 0, 0]
    rows[0, 5] = [0, 1, 0.9, 0.1, 0.2, 0.3, 0.6]  # after the end
    card = detector_card("ssd", (320, 544), person_label=1)
    [found] = ModelDetector(MadeSession(card, [rows])).detect([np.zeros((100, 200, 3), np.uint8)])
    assert np.allclose(found.boxes, [[20, 20, 60, 60], [100, 50, 200, 100]], atol=1e-3)
    assert np.allclose(found.scores, [0.9, 0.5])


def test_boxes_with_a_score() -> None:
    boxes = np.array([[10, 10, 50, 60, 0.9], [10, 10, 50, 60, 0.8], [60, 10, 90, 60, 0.7]], np.float32)
    card = detector_card("boxes-score", (64, 96), nms_iou=0.6)
    session = MadeSession(card, [boxes, np.zeros(3, np.float32)])
    session._outputs = [boxes, np.zeros(3, np.float32)]  # this form has no dimension over pictures
    [found] = ModelDetector(session).detect([np.zeros((64, 96, 3), np.uint8)])
    assert np.allclose(found.boxes, boxes[[0, 2], :4])


@pytest.mark.parametrize(
    ("form", "outputs"),
    [
        ("yolox-grid", [np.zeros((100, 85))]),
        ("yolox-grid", [np.zeros((126, 5))]),
        ("yolox-grid", [np.zeros((126, 85)), np.zeros(3)]),
        ("detr-raw", [np.zeros((10, 4)), np.zeros((10, 80))]),
        ("detr-raw", [np.zeros((10, 4))]),
        ("detr-processed", [np.zeros((10, 4)), np.zeros(10), np.zeros(10)]),
        ("ssd", [np.zeros((1, 10, 6))]),
        ("boxes-score", [np.zeros((10, 4)), np.zeros(10)]),
    ],
)
def test_a_card_of_another_form_is_an_error_that_names_it(form: str, outputs: list[NDArray[Any]]) -> None:
    card = detector_card(form, (64, 96))
    with pytest.raises(CheckpointError, match=f"form {form} of its card means .*correct output.form"):
        DECODERS[form](card, [each.astype(np.float32) for each in outputs], (64, 96))


def test_huge_values_stay_inside_the_picture() -> None:
    rows = np.full((126, 6), 1.0, np.float32)
    rows[:, :4] = 1e30
    rows[1, :2] = -1e30
    card = detector_card("yolox-grid", (64, 96), nms_iou=0.5)
    [found] = ModelDetector(MadeSession(card, [rows])).detect([np.zeros((50, 70, 3), np.uint8)])
    assert np.isfinite(found.boxes).all()
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [70, 50, 70, 50]).all()


@pytest.mark.parametrize("resize", ["squash", "letterbox-top-left", "letterbox-centre"])
@pytest.mark.parametrize("shape", [(200, 100), (64, 96), (33, 301)])
def test_boxes_come_back_to_where_the_picture_shows_them(resize: str, shape: tuple[int, int]) -> None:
    """A white rectangle is searched in the model's own input, and given back as its box."""
    height, width = shape
    box = np.array([0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height])
    image = np.zeros((height, width, 3), np.uint8)
    image[round(box[1]) : round(box[3]), round(box[0]) : round(box[2])] = 255
    card = detector_card("boxes-score", (320, 416), resize=resize, pad=0)
    session = MadeSession(card, [np.zeros((0, 5)), np.zeros(0)])
    session._outputs = [np.zeros((0, 5), np.float32), np.zeros(0, np.float32)]
    ModelDetector(session).detect([image])
    rows, columns = np.nonzero(session.given[0]["images"][0, 0] > 127)
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1, 1.0]
    session._outputs = [np.array([seen], np.float32), np.zeros(1, np.float32)]
    [found] = ModelDetector(session).detect([image])
    assert found.boxes[0] == pytest.approx(box, abs=max(1.0, height / 320, width / 416) + 0.5)
