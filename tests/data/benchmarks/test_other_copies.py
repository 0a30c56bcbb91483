"""Copies of benchmarks that are spelt, mixed or laid out otherwise."""

from pathlib import Path

import pytest

from passerby.data.formats.open_data import load_folder
from passerby.errors import DataError
from tests.data.benchmarks.test_benchmarks import load, rows
from tests.data.layouts import MARKET, write_images, write_msmt17, write_tree


def test_market_layout_compares_numbers_however_they_are_spelt(tmp_path: Path) -> None:
    """`c1` and `c01` are one camera: an image by the query's own camera is no match."""
    tree = {
        "bounding_box_train": ["0005_c1s1_000001_00.jpg", "5_c02s1_000002_00.jpg"],
        "query": ["0001_c1s1_000001_00.jpg"],
        "bounding_box_test": ["0001_c01s1_000002_00.jpg", "001_c2s1_000003_00.jpg", "0000_c3s1_000004_00.jpg"],
        "gt_bbox": ["1_c01s1_000009_00.jpg"],
    }
    benchmark = load("market-layout", write_tree(tmp_path, tree))
    assert [(identity, camera) for _, identity, camera in rows(benchmark.train)] == [("0005", "1"), ("0005", "2")]
    assert sorted((identity, camera) for _, identity, camera in rows(benchmark.gallery)) == [
        ("0000", "3"),
        ("0001", "1"),
        ("0001", "2"),
    ]
    assert [(identity, camera) for _, identity, camera in rows(benchmark.multi_query_images)] == [("0001", "1")]


@pytest.mark.parametrize("renamed", [{"test": "mask_test_v2"}, {"train": "mask_train_v2"}])
def test_versions_of_msmt17_are_not_mixed(renamed: dict[str, str], tmp_path: Path) -> None:
    write_msmt17(tmp_path)
    for old, new in renamed.items():
        (tmp_path / old).rename(tmp_path / new)
    with pytest.raises(DataError, match="which are of different versions, whose images differ: give both halves"):
        load("msmt17", tmp_path)


def test_a_whole_version_of_msmt17_is_read_beside_half_of_the_other(tmp_path: Path) -> None:
    write_msmt17(tmp_path, version=2)
    (tmp_path / "train").mkdir()
    assert load("msmt17", tmp_path).training_split().paths[0].as_py().startswith("mask_train_v2/")


def test_a_market_folder_for_testing_only_is_read(tmp_path: Path) -> None:
    write_tree(tmp_path, {part: names for part, names in MARKET.items() if part != "bounding_box_train"})
    for data in (load_folder(tmp_path), load("market-layout", tmp_path)):
        assert data.train is None
        assert len(data.query_and_gallery()[0]) == 2
        with pytest.raises(DataError, match="has no training images: it can be evaluated on, not trained on"):
            data.training_split()
    with pytest.raises(DataError, match="holds query, bounding_box_test but not bounding_box_train"):
        load("market1501", tmp_path)


def test_identity_folders_inside_market_folders_are_told_with_a_remedy(tmp_path: Path) -> None:
    write_tree(tmp_path, {f"{part}/0001": ["1.jpg"] for part in MARKET})
    with pytest.raises(DataError, match=r"train holds folders \(0001\), but its images must lie in it"):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "made", "message"),
    [
        ("msmt17", "bounding_box_test/a.jpg", "is laid out like Market-1501: name it as market-layout, not as msmt17"),
        ("cuhk03-np-labeled", "cuhk-03.mat", "cuhk-03.mat is of the original release .* fetch the images of the new"),
        ("cuhk03-np-detected", "bounding_box_test/a.jpg", "is laid out like Market-1501: name it as market-layout"),
    ],
)
def test_a_copy_in_another_layout_is_recognised(name: str, made: str, message: str, tmp_path: Path) -> None:
    write_images(tmp_path, [made])
    with pytest.raises(DataError, match=message) as caught:
        load(name, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_list_that_is_no_text_is_named(tmp_path: Path) -> None:
    write_msmt17(tmp_path)
    (tmp_path / "list_val.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"list_val\.txt is not a text file"):
        load("msmt17", tmp_path)
