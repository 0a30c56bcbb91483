"""The gate, on features whose faults are known."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.data.split import Split
from passerby.errors import ExportError, RecipeError
from passerby.exporting.crops import stratified_rows
from passerby.exporting.parity import Parity, check_parity, compare, compare_rankings, ranks_alike
from passerby.exporting.quantisation import matching_layers


def unit(values: Any) -> Any:
    return (values / np.linalg.norm(values, axis=-1, keepdims=True)).astype(np.float32)


INPUTS = np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32)
EXPECTED = unit(INPUTS)


def parity(difference: float, cosine: float) -> Parity:
    return Parity(64, "crops", difference, cosine)


def test_equal_features_pass_in_every_precision() -> None:
    found = compare(unit, INPUTS, EXPECTED, "numbers")
    assert found.largest_difference < 1e-6
    assert found.smallest_cosine == pytest.approx(1, abs=1e-6)
    for precision in ("fp32", "fp16", "int8"):
        check_parity(found, precision, "file")  # type: ignore[arg-type]


def test_features_that_depend_on_the_rest_of_their_batch_are_noticed() -> None:
    found = compare(lambda batch: unit(batch + 0.1 * batch.mean(0)), INPUTS, unit(INPUTS * 1.1), "numbers")
    with pytest.raises(ExportError, match="does not compute what the model does"):
        check_parity(found, "fp32", "file")


def test_a_file_that_repeats_the_first_image_is_noticed() -> None:
    found = compare(lambda batch: np.repeat(unit(batch[:1]), len(batch), 0), INPUTS, EXPECTED, "numbers")
    with pytest.raises(ExportError, match="batches of 1, 2, 7, 32"):
        check_parity(found, "fp16", "file")


@pytest.mark.parametrize(
    "run", [lambda batch: unit(batch)[:, :3], lambda batch: unit(batch)[:1], lambda batch: unit(batch) * np.nan]
)
def test_other_shapes_and_nan_are_refused(run: Any) -> None:
    with pytest.raises(ExportError, match="were expected"):
        compare(run, INPUTS, EXPECTED, "numbers")


@pytest.mark.parametrize(
    ("precision", "difference", "cosine", "passes"),
    [
        ("fp32", 1e-4, 0.9999, True),
        ("fp32", 1.01e-4, 1.0, False),
        ("fp32", 0.0, 0.99989, False),
        ("fp16", 0.5, 0.999, True),
        ("fp16", 0.0, 0.9989, False),
        ("int8", 2.0, -1.0, True),
    ],
)
def test_bounds_are_those_that_the_page_tells(precision: Any, difference: float, cosine: float, passes: bool) -> None:
    if passes:
        check_parity(parity(difference, cosine), precision, "file")
    else:
        with pytest.raises(ExportError, match="was not kept"):
            check_parity(parity(difference, cosine), precision, "file")


def split_of(identities: Any, cameras: Any = None) -> Split:
    count = len(identities)
    names = tuple(map(str, range(int(max(identities)) + 1)))
    paths = pa.array([f"{row}.jpg" for row in range(count)])
    labels = np.asarray(identities, np.int64)
    seen = None if cameras is None else np.asarray(cameras, np.int64)
    from pathlib import Path

    return Split(Path(), paths, labels, names, seen, () if seen is None else tuple(map(str, range(9))))


def test_rankings_are_compared_by_precision_and_by_their_ten_nearest() -> None:
    generator = np.random.default_rng(1)
    people = np.repeat(np.arange(10), 6)
    centres = generator.normal(size=(10, 16))
    gallery = unit(centres[people] + 0.2 * generator.normal(size=(60, 16)))
    query = unit(centres + 0.2 * generator.normal(size=(10, 16)))
    rows = split_of(np.arange(10)), split_of(people)
    same = compare_rankings((query, gallery), (query, gallery), *rows, "people")
    assert (same.overlap, same.map_model) == (1.0, same.map_file)
    assert ranks_alike(same)
    shuffled = gallery[generator.permutation(60)]
    other = compare_rankings((query, gallery), (query, shuffled), *rows, "people")
    assert other.map_file < other.map_model
    assert other.overlap < 0.5
    assert not ranks_alike(other)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 40))
def test_calibration_takes_as_many_crops_of_each_camera_as_there_are(cameras: list[int], count: int) -> None:
    rows = stratified_rows(split_of(np.zeros(len(cameras), int), cameras), count)
    assert len(rows) == min(count, len(cameras))
    assert len(set(rows.tolist())) == len(rows)
    sizes = np.bincount(cameras, minlength=5)
    taken = np.bincount(np.asarray(cameras)[rows], minlength=5)
    most = taken.max()
    assert all(taken[camera] >= min(sizes[camera], most - 1) for camera in range(5))


def test_layers_are_named_whole_or_by_the_part_they_belong_to() -> None:
    names = ["net.layer1.conv/Conv", "net.layer1.conv/Conv_2", "net.layer10.conv/Conv", "neck/MatMul"]
    assert matching_layers(names, ["net.layer1"]) == names[:2]
    assert matching_layers(names, ["neck/MatMul", "net.layer10.conv"]) == ["neck/MatMul", names[2]]
    assert matching_layers(names, []) == []
    with pytest.raises(RecipeError, match="no layer 'nek'; the nearest is neck/MatMul"):
        matching_layers(names, ["nek"])
