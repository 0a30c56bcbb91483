"""MOTChallenge's files are read as they are meant, and what is wrong with one is said with its line."""

from pathlib import Path

import numpy as np
import pytest

from passerby.data import MotBoxes, read_mot_result, read_mot_truth, write_mot_result
from passerby.errors import DataError


def write(folder: Path, text: str) -> Path:
    file = folder / "gt.txt"
    file.write_text(text, encoding="utf-8")
    return file


def test_ground_truth_of_mot16_has_flags_classes_and_visibility(tmp_path: Path) -> None:
    truth = read_mot_truth(write(tmp_path, "1,7,10,20,30,40,1,1,0.5\n3,8,0.5,0,1,1,0,12,1\n"))
    assert list(truth.frames) == [0, 2]
    assert list(truth.identities) == [7, 8]
    np.testing.assert_array_equal(truth.boxes, [[10, 20, 40, 60], [0.5, 0, 1.5, 1]])
    assert list(truth.considered) == [True, False]
    assert truth.classes is not None
    assert truth.visible is not None
    assert (list(truth.classes), list(truth.visible)) == ([1, 12], [0.5, 1])


def test_ground_truth_of_mot15_has_places_in_the_world_and_no_classes(tmp_path: Path) -> None:
    truth = read_mot_truth(write(tmp_path, "1,1,88,99,61.08,218.56,1,4.4852,5.5016,0\n"))
    assert truth.classes is None
    assert truth.visible is None
    assert list(truth.considered) == [True]


def test_detections_have_scores_and_nobody(tmp_path: Path) -> None:
    found = read_mot_result(write(tmp_path, "1,-1,1716.5,364.89,128.96,388.88,2.0587,-1,-1,-1\n"))
    assert (list(found.identities), list(found.scores)) == ([-1], [2.0587])


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    boxes = np.array([[1.25, 2.5, 3.75, 9.0], [0, 0, 5, 6]])
    written = MotBoxes(np.array([4, 0]), np.array([2, 1]), boxes, np.array([0.5, 0.75]))
    write_mot_result(tmp_path / "r.txt", written)
    assert (tmp_path / "r.txt").read_text("utf-8").splitlines()[0] == "1,1,0.00,0.00,5.00,6.00,0.7500,-1,-1,-1"
    for column, expected in zip(read_mot_result(tmp_path / "r.txt"), written, strict=True):
        np.testing.assert_array_equal(column, expected[::-1])


def test_files_without_anybody_are_empty(tmp_path: Path) -> None:
    assert read_mot_result(write(tmp_path, "\n")).boxes.shape == (0, 4)
    assert len(read_mot_truth(write(tmp_path, "")).frames) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1,2,3,4,5,1,1,1\n1,1,2,x,4,5,1,1,1\n", r"gt\.txt, line 2: '1,1,2,x,4,5,1,1,1' is not numbers"),
        ("1,1,2,3,4,5,1,1,1\n\n2,1,2,3,4,5,1\n", r"line 3 has 7 columns: expected are 9"),
        ("1,1,2,3\n", r"line 1 has 4 columns: expected are 7"),
        ("1,1,nan,3,4,5,1,1,1\n", r"line 1 holds NaN"),
        ("1.5,1,2,3,4,5,1,1,1\n", r"frame 1\.5: it must be a whole number"),
        ("0,1,2,3,4,5,1,1,1\n", r"frame 0: frames count from 1"),
        ("1,1e300,2,3,4,5,1,1,1\n", r"identity 1e\+300"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_mot_truth(write(tmp_path, text))


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        read_mot_truth(tmp_path / "none.txt")
    (tmp_path / "x.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is not text"):
        read_mot_result(tmp_path / "x.txt")
