"""Labels that hold inside their camera: numbered as specified, whatever they come from, and without the truth."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.data.benchmarks import BENCHMARKS
from passerby.data.benchmarks.public_benchmark import PublishedCounts, class_mismatch
from passerby.data.camera_labels import (
    camera_label_remarks,
    camera_labels,
    camera_local,
    describe_classes,
    join_camera_local,
    true_identities_of_classes,
)
from passerby.data.checks.inspection import inspect_data
from passerby.data.formats.open_data import list_images, open_data
from passerby.data.split import JUNK, Split, split_from_names
from passerby.errors import DataError
from tests.data.formats.tables import cameras, identities, write_csv
from tests.data.layouts import MARKET, write_images, write_tree


def made(rows: list[tuple[str, str]]) -> Split:
    """A split of (camera, identity)."""
    names = [f"{number}.jpg" for number in range(len(rows))]
    return split_from_names(Path(), names, [person for _, person in rows], [camera for camera, _ in rows])


def remarks(rows: list[tuple[str, str]]) -> list[str]:
    """What is remarked upon of (camera, identity)."""
    split = made(rows)
    return camera_label_remarks(camera_labels(split), split)


def as_specified(rows: list[tuple[str, str]]) -> list[int]:
    """Rank of the person among its camera's sorted people, plus the people of all cameras before."""
    seen = defaultdict(set)
    for camera, person in rows:
        seen[camera].add(person)
    first, offset = {}, 0
    for camera in sorted(seen):
        first[camera], offset = offset, offset + len(seen[camera])
    return [first[camera] + sorted(seen[camera]).index(person) for camera, person in rows]


ROWS = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("123456789")), min_size=1, max_size=40)


@settings(deadline=None)
@given(ROWS)
def test_a_class_is_a_rank_inside_its_camera(rows: list[tuple[str, str]]) -> None:
    split = made(rows)
    labels = camera_labels(split)
    assert labels.accumulated.tolist() == as_specified(rows)
    assert [labels.class_name(number) for number in labels.accumulated] == [f"{c}/{p}" for c, p in rows]
    assert labels.classes == len(set(rows)) == labels.counts.sum()
    assert (np.diff(labels.class_cameras) >= 0).all()
    assert labels.first_classes.tolist() == [0, *np.cumsum(labels.counts)[:-1]]
    truth = true_identities_of_classes(camera_local(split))
    assert truth is not None
    assert [split.identity_names[truth[label]] for label in labels.accumulated] == [person for _, person in rows]


def test_junk_is_no_class_and_cameras_must_be_known() -> None:
    labels = camera_labels(made([("A", "1"), ("A", "-1"), ("B", "1")]))
    assert labels.accumulated.tolist() == [0, 1]
    with pytest.raises(DataError, match="cameras are unknown: give the table a 'camera' column"):
        camera_labels(split_from_names(Path(), ["a"], ["1"], None))


@pytest.mark.parametrize(("name", "total"), [("market1501", 3262), ("dukemtmc", 2196), ("msmt17", 4821)])
def test_the_official_halves_have_the_classes_that_everybody_finds(name: str, total: int) -> None:
    published = BENCHMARKS[name].counts
    assert published is not None
    counts = published.camera_classes
    assert (counts if isinstance(counts, int) else sum(counts or ())) == total
    counts = (total,) if isinstance(counts, int) else counts
    assert counts is not None
    whole = made([(str(camera), str(person)) for camera, people in enumerate(counts, 1) for person in range(people)])
    assert class_mismatch(whole, published) == ""
    assert "instead of" in class_mismatch(whole.take(np.arange(1, len(whole))), published)


def test_what_is_told_of_classes() -> None:
    assert describe_classes([652, 1541]) == "2,193 classes (652 and 1,541 in the cameras)"
    assert remarks([("A", "1")] * 2 + [("B", "1")] * 2) == []
    single, unequal = remarks([("A", str(n)) for n in range(5)] * 2 + [("B", "1")])
    assert single == "people with a single image in their camera: 1 of 6 (B/1)"
    assert unequal.startswith("cameras differ much in people: 5 in A, 1 in B")
    (one,) = remarks([("A", "1"), ("A", "1")])
    assert one.startswith("all labels are of one camera")
    assert not camera_labels(made([("A", "1"), ("A", "1")])).can_associate


def test_names_that_are_one_number_are_remarked_upon() -> None:
    (found,) = remarks([("A", "7"), ("A", "7.0"), ("A", "x"), ("A", "7b"), ("B", "7")] * 2)
    assert found.startswith("names of one camera that are the same number: A/7 and A/7.0;")


def test_a_class_of_several_true_people_is_remarked_upon() -> None:
    split = camera_local(made([("A", "1")] * 2 + [("B", "1")] * 2))
    marked = replace(split, true_identities=np.array([0, 1, 1, JUNK]), true_identity_names=("x", "y"))
    (found,) = camera_label_remarks(camera_labels(marked), marked)
    assert "several by true_identity: 1 of 2 (A/1)" in found


HEADER = "path,camera,local_identity,true_identity,identity,split\n"


def test_a_table_of_local_identities_with_linked_people_to_find(tmp_path: Path) -> None:
    images = [f"{letter}.jpg" for letter in "abcdefg"]
    write_images(tmp_path, images)
    rows = ["hall,7,ann,,train", "door,7,bob,,train", "hall,8,bob,,train", "hall,8,,,train", "door,-1,,,train"]
    rows += ["door,,,ann,query", "hall,,,ann,gallery"]
    text = HEADER + "".join(f"{image},{row}\n" for image, row in zip(images, rows, strict=True))
    data = open_data(str(write_csv(tmp_path, text)))
    train = data.training_split()
    assert train.scope == "camera"
    assert identities(train) == ["hall/7", "door/7", "hall/8", "hall/8"], "without junk"
    assert train.identities.tolist() == [1, 0, 2, 2]
    assert cameras(train) == ["hall", "door", "hall", "hall"]
    truth = true_identities_of_classes(train)
    assert truth is not None
    assert [train.true_identity_names[label] for label in truth] == ["bob", "ann", "bob"]
    assert train.without_truth().true_identities is None
    query, gallery = data.query_and_gallery()
    assert (query.scope, identities(query), identities(gallery)) == ("global", ["ann"], ["ann"])
    assert data.same_camera_rule
    assert list_images(tmp_path / "people.csv").identities.tolist() == [JUNK] * 5 + [0, 0]


def test_identities_that_hold_everywhere_come_first(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.jpg"])
    train = open_data(str(write_csv(tmp_path, "path,camera,local_identity,identity\na.jpg,door,7,ann\n"))).train
    assert (identities(train), train is not None and train.scope) == (["ann"], "global")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,local_identity\na.jpg,7\n", "'local_identity' but names no cameras"),
        ("path,local_identity,camera\na.jpg,7,\nb.jpg,8,\n", "'local_identity' but names no cameras"),
        ("path,local_identity,camera\na.jpg,7,door\nb.jpg,8,\n", "column 'camera' of .* is empty in 1 of 2 rows"),
        ("path,local_identity,camera\na.jpg,7,door\nb.jpg,,door\n", "'local_identity' of .* row 2 .b.jpg"),
        ("path,local_identity,camera\na.jpg,true,door\nb.jpg,false,door\n", "true and false only"),
        (HEADER + "a.jpg,door,7,,,train\nb.jpg,door,,,,query\n", "'identity' of .* row 2 .b.jpg"),
        ("path,local_identity,camera,identity\na.jpg,7,door,ann\nb.jpg,8,door,\n", "'identity' of .* row 2"),
    ],
)
def test_a_table_that_is_wrong_is_refused(text: str, message: str, tmp_path: Path) -> None:
    write_images(tmp_path, ["a.jpg", "b.jpg"])
    with pytest.raises(DataError, match=message):
        open_data(str(write_csv(tmp_path, text)))


def test_a_table_for_each_camera(tmp_path: Path) -> None:
    """True identities mean the same in both; cameras and classes do not."""
    splits = []
    for camera in ("door", "hall"):
        folder = tmp_path / camera
        write_images(folder, ["a.jpg", "b.jpg"])
        text = f"path,camera,local_identity,true_identity\na.jpg,{camera},7,ann\nb.jpg,{camera},9,bob\n"
        splits.append(open_data(str(write_csv(folder, text))).training_split())
    joined = join_camera_local(splits)
    labels = camera_labels(joined)
    assert [labels.class_name(number) for number in range(4)] == ["0/door/7", "0/door/9", "1/hall/7", "1/hall/9"]
    truth = true_identities_of_classes(joined)
    assert truth is not None
    assert truth.tolist() == [0, 1, 0, 1]
    mixed = join_camera_local([splits[0], made([("hall", "ann")])])
    truth = true_identities_of_classes(mixed)
    assert truth is not None
    assert len(set(truth.tolist())) == 3, "people of a data set of its own are other people"


def test_the_true_identity_of_a_class_is_that_of_most_images() -> None:
    split = camera_local(made([("A", "1")] * 5 + [("B", "1")]))
    truth = np.array([2, 0, 2, 0, JUNK, JUNK])
    marked = Split(**{**split.__dict__, "true_identities": truth, "true_identity_names": ("x", "y", "z")})
    found = true_identities_of_classes(marked)
    assert found is not None
    assert found.tolist() == [0, JUNK]
    assert true_identities_of_classes(split.without_truth()) is None


TREE = {"door/7": ["1.jpg", "2.jpg"], "door/8": ["3.jpg", "4.jpg"], "hall/7": ["5.jpg", "6.jpg"]}


def test_a_folder_per_camera_and_identity(tmp_path: Path) -> None:
    train = open_data(str(write_tree(tmp_path, TREE))).training_split()
    assert train.scope == "camera"
    assert identities(train) == ["door/7", "door/7", "door/8", "door/8", "hall/7", "hall/7"]
    assert cameras(train) == ["door"] * 4 + ["hall"] * 2
    assert train.true_identities is None


def test_a_parted_folder_per_camera_and_identity(tmp_path: Path) -> None:
    parts = {f"train/{folder}": names for folder, names in TREE.items()}
    data = open_data(str(write_tree(tmp_path, {**parts, "query/door/ann": ["7.jpg"], "gallery/hall/ann": ["8.jpg"]})))
    query, gallery = data.query_and_gallery()
    assert data.training_split().scope == "camera"
    assert (identities(query), cameras(query), identities(gallery)) == (["ann"], ["door"], ["ann"])
    assert data.same_camera_rule
    assert query.camera_names == gallery.camera_names == ("door", "hall")


def test_data_sets_in_a_folder_are_no_cameras(tmp_path: Path) -> None:
    tree = {"market/query": ["1.jpg"], "market/bounding_box_train": ["2.jpg"]}
    with pytest.raises(DataError, match="bounding_box_train, query in them, hardly the name of an identity"):
        open_data(str(write_tree(tmp_path, tree)))


def test_data_check_tells_what_the_labels_are(tmp_path: Path) -> None:
    found = inspect_data(open_data(str(write_tree(tmp_path, TREE))))
    assert [(finding.kind, finding.severity) for finding in found.findings] == [
        ("camera-local-labels", "remark"),
        ("nothing-to-evaluate", "remark"),
    ]
    assert "3 classes (2 and 1 in the cameras)" in found.findings[0].message
    linked = {**{f"train/{folder}": names for folder, names in TREE.items()}, "query/door/ann": ["7.jpg"]}
    linked["gallery/hall/ann"] = ["8.jpg"]
    found = inspect_data(open_data(str(write_tree(tmp_path / "linked", linked))))
    assert [finding.kind for finding in found.findings] == ["camera-local-labels"]


def test_data_check_counts_the_classes_of_a_public_set(tmp_path: Path) -> None:
    data = open_data(str(write_tree(tmp_path, MARKET)))
    setting = replace(BENCHMARKS["market-layout"], counts=PublishedCounts(None, None, None, camera_classes=(1, 1, 1)))
    found = inspect_data(data, public=setting)
    assert [finding.message for finding in found.findings if finding.kind == "counts"] == [
        "train, made camera-local, has 4 classes (1, 1, 1, 0, 0 and 1 in the cameras) instead of 3 classes "
        "(1, 1 and 1 in the cameras): this copy is not the published any folder laid out like Market-1501"
    ]


def test_names_are_kept_as_they_are() -> None:
    split = made([("a/b", "c/d"), ("a", "b/c/d")])
    labels = camera_labels(split)
    assert labels.class_local == ("b/c/d", "c/d")
    assert labels.camera_names == ("a", "a/b")
    assert pa.array(labels.class_local).type == pa.string()
