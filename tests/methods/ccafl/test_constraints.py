"""What a person decided, read from a table, and what a run keeps of its associations."""

from pathlib import Path

import numpy as np
import pytest

from passerby.data.camera_labels import CameraLabels, camera_labels
from passerby.data.constraints import CANNOT, COLUMNS, constraints_of_run, read_constraints
from passerby.data.split import split_from_names
from passerby.errors import CheckpointError, DataError
from passerby.methods.ccafl.association.associate import associate
from passerby.methods.ccafl.association.files import (
    association_epochs,
    kept_constraints,
    read_association,
    write_association,
)
from passerby.methods.ccafl.association.statistics import association_statistics

HEADER = ",".join(COLUMNS)


@pytest.fixture
def labels() -> CameraLabels:
    """Classes door/1, door/2, hall/1, hall/2, yard/1."""
    rows = [("door", "1"), ("door", "2"), ("hall", "1"), ("hall", "2"), ("yard", "1")]
    paths = [f"{number}.jpg" for number in range(len(rows))]
    return camera_labels(split_from_names(Path(), paths, [local for _, local in rows], [camera for camera, _ in rows]))


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    file = folder / "constraints.csv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def test_decisions_are_pairs_of_classes(labels: CameraLabels, tmp_path: Path) -> None:
    rows = ["must-link,hall,2,door,1", " cannot-link , door ,1,yard,1", "must-link,hall,1,yard,1"]
    found = read_constraints(written(tmp_path, *rows), labels)
    assert found.must_link.tolist() == [[0, 3], [2, 4]]
    assert found.cannot_link.tolist() == [[0, 4]]
    other_order = "who,camera_b,local_identity_b,camera_a,local_identity_a,decision"
    found = read_constraints(written(tmp_path, "me,hall,2,door,1,must-link", header="﻿" + other_order), labels)
    assert found.must_link.tolist() == [[0, 3]]
    assert read_constraints(written(tmp_path), labels).must_link.shape == (0, 2)


def test_known_people_are_a_row_each(labels: CameraLabels, tmp_path: Path) -> None:
    rows = ["person,door,1,,Anna", "person,hall,2,,Anna", "person,hall,1,,Eve", "must-link,hall,1,yard,1"]
    found = read_constraints(written(tmp_path, *rows), labels)
    assert found.must_link.tolist() == [[2, 4], [0, 3]]
    assert found.cannot_link.shape == (0, 2)
    assert found.persons.tolist() == [0, -1, 1, 0, -1]
    of_one_camera = written(tmp_path, "person,door,1,,Anna", "person,door,2,,Anna", "cannot-link,hall,1,hall,2")
    within = read_constraints(of_one_camera, labels, within_cameras=True)
    assert (within.must_link.tolist(), within.cannot_link.tolist()) == ([[0, 1]], [[2, 3]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["perhaps,hall,2,door,1"], "row 1: decision 'perhaps' is unknown: write must-link, cannot-link or person"),
        (["must-link,attic,2,door,1"], r"row 1: there is no camera 'attic' \(known: door, hall, yard\)"),
        (["must-link,hall,2,door,1", "must-link,hall,9,door,1"], "row 2: camera hall has no local identity '9'"),
        (["cannot-link,door,2,door,1"], "row 1: both people are of camera door"),
        (["must-link,hall,2,door,1", "must-link,door,1,hall,2"], "row 2: repeats row 1"),
        (["must-link,hall,2,door,1", "cannot-link,door,1,hall,2"], "row 2: contradicts row 1"),
        (
            ["cannot-link,door,1,yard,1", "must-link,door,1,hall,2", "must-link,hall,2,yard,1"],
            "row 1: says cannot-link of two people whom rows 2, 3 make one",
        ),
        (["person,door,1,,Anna", "person,hall,2,, "], "row 2: says person without a name: write one into local_id"),
        (["person,door,1,,Anna", "person,door,1,,Eve"], "row 2: row 1 has said already who that is: drop one"),
        (
            ["person,door,1,,Anna", "person,door,2,,Anna"],
            "row 2: Anna is row 1's already, and both people are",
        ),
        (
            ["person,door,1,,Anna", "must-link,door,1,hall,2", "person,yard,1,,Eve", "must-link,hall,2,yard,1"],
            "row 3: says Eve of somebody whom rows 2, 4 make one with Anna: drop one of them",
        ),
        (["person,door,1,,Anna", "person,hall,2,,Anna", "cannot-link,hall,2,door,1"], "row 3: .* whom row 2 make one"),
        (["must-link,hall,2"], "cannot be read: CSV parse error"),
    ],
)
def test_decisions_that_make_no_sense_are_refused(
    rows: list[str], message: str, labels: CameraLabels, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_constraints(written(tmp_path, *rows), labels)
    assert "constraints.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_constraints_are_refused(labels: CameraLabels, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_constraints(tmp_path / "none.csv", labels)
    with pytest.raises(DataError, match=r"lack the column 'camera_a' .they have decision, camera"):
        read_constraints(written(tmp_path, header="decision,camera,local_identity"), labels)
    with pytest.raises(DataError, match="have the column 'decision' more than once: keep one"):
        read_constraints(written(tmp_path, f"must-link,hall,2,door,1,{CANNOT}", header=f"{HEADER},decision"), labels)
    (tmp_path / "latin.csv").write_bytes(f"{HEADER}\nmust-link,h\xe4ll,1,door,1\n".encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read"):
        read_constraints(tmp_path / "latin.csv", labels)


def test_a_run_goes_on_with_the_decisions_that_it_began_with(labels: CameraLabels, tmp_path: Path) -> None:
    file, run = written(tmp_path, "must-link,hall,2,door,1"), tmp_path / "run"
    assert constraints_of_run(kept_constraints(run), None, labels, keep=True).must_link.shape == (0, 2)
    assert constraints_of_run(kept_constraints(run), file, labels, keep=False).must_link.tolist() == [[0, 3]]
    assert not run.exists()
    assert constraints_of_run(kept_constraints(run), file, labels, keep=True).must_link.tolist() == [[0, 3]]
    written(tmp_path, "cannot-link,hall,2,door,1")
    assert constraints_of_run(kept_constraints(run), file, labels, keep=True).must_link.tolist() == [[0, 3]]
    assert read_constraints(file, labels).cannot_link.tolist() == [[0, 3]], "a new run obeys the new ones"


def test_an_association_is_read_as_it_was_written(labels: CameraLabels, tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(5, 4))
    truth = np.array([0, 1, 0, 1, 0])
    for epoch, rate in ((1, 0.5), (2, 2.0), (11, 1.0)):
        found = associate(features, labels.class_cameras, rate, must_link=[[0, 3]])
        write_association(tmp_path, epoch, found, labels, association_statistics(found, truth))
        kept = read_association(tmp_path)
        assert (kept.epoch, kept.statistics) == (epoch, association_statistics(found, truth))
        for name in ("labels", "links", "distances", "margins", "decided", "cameras"):
            np.testing.assert_array_equal(getattr(kept.association, name), getattr(found, name))
    assert kept.cameras == ("door", "door", "hall", "hall", "yard")
    assert kept.local_identities == ("1", "2", "1", "2", "1")
    assert read_association(tmp_path, 2).epoch == 2
    assert list(association_epochs(tmp_path)) == [1, 2, 11]
    unlinked = associate(features, labels.class_cameras, 0)
    write_association(tmp_path, 12, unlinked, labels, association_statistics(unlinked))
    assert read_association(tmp_path).association.links.shape == (0, 2)


def test_missing_and_damaged_associations_are_named(labels: CameraLabels, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="keeps no associations: CCAFL"):
        read_association(tmp_path)
    found = associate(np.eye(5), labels.class_cameras, 1)
    write_association(tmp_path, 3, found, labels, association_statistics(found))
    with pytest.raises(CheckpointError, match="no association of epoch 7: it has those of 3 to 3"):
        read_association(tmp_path, 7)
    (tmp_path / "associations/epoch-003-links.parquet").write_bytes(b"PAR1")
    with pytest.raises(CheckpointError, match=r"epoch-003-links.parquet: is missing or damaged"):
        read_association(tmp_path)
    (tmp_path / "associations/epoch-003.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"epoch-003.json: is damaged"):
        association_epochs(tmp_path)
