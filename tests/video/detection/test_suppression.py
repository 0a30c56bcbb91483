import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.video.detection.suppression import best_first, no_detections, suppress_overlaps


def iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(width * height / (sum(areas) - width * height))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 10**6), st.sampled_from([0.31, 0.45, 0.7]))
def test_boxes_that_overlap_a_better_one_are_dropped(count: int, seed: int, most: float) -> None:
    generator = np.random.default_rng(seed)
    corners = generator.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(5, 40, (count, 2))], axis=1).astype(np.float32)
    found = suppress_overlaps(best_first(boxes, generator.random(count).astype(np.float32)), most)
    order = best_first(boxes, np.zeros(count, np.float32))
    assert len(order) == count
    kept: list[NDArray[np.float32]] = []
    generator = np.random.default_rng(seed)
    generator.uniform(0, 60, (count, 2)), generator.uniform(5, 40, (count, 2))
    for place in np.argsort(-generator.random(count).astype(np.float32), kind="stable"):
        if all(iou(boxes[place], better) <= most for better in kept):
            kept.append(boxes[place])
    assert np.array_equal(found.boxes, np.array(kept, np.float32).reshape(-1, 4))
    assert (np.diff(found.scores) <= 0).all()


def test_nobody_stays_nobody() -> None:
    assert len(suppress_overlaps(no_detections(), 0.5)) == 0


def test_boxes_of_less_than_a_pixel_are_left_out() -> None:
    boxes = np.array([[0, 0, 0.5, 9], [0, 0, 5, 9], [3, 3, 2, 9]], np.float32)
    assert best_first(boxes, np.ones(3, np.float32)).boxes.tolist() == [[0, 0, 5, 9]]
