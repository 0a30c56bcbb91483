"""Files in two data sets that are trained on together."""

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from passerby.data.checks import shared_files
from passerby.data.checks.shared_files import check_no_shared_files
from passerby.data.formats.open_data import open_data
from passerby.data.split import Split
from passerby.errors import DataError
from tests.data.layouts import write_images


def training(*sources: Path) -> list[Split]:
    return [open_data(str(source)).training_split() for source in sources]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path, [f"people/{person}/{number}.jpg" for person in ("ann", "bob") for number in range(2)])
    return tmp_path / "people"


def test_a_folder_and_a_table_of_the_same_files(folder: Path) -> None:
    table = folder.parent / "t.csv"
    table.write_text("path,identity\npeople/bob/1.jpg,1\npeople/bob/0.jpg,1\npeople/ann/../ann/1.jpg,2\n")
    with pytest.raises(DataError, match=r"^small and t share 3 images \(.*/people/ann/1.jpg\)") as caught:
        check_no_shared_files(training(folder, table), ["small", "t"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("linked", ["folder", "file"])
def test_links_are_followed(folder: Path, tmp_path: Path, linked: str) -> None:
    other = tmp_path / "other"
    write_images(other, ["eve/0.jpg", "eve/1.jpg"])
    if linked == "folder":
        (other / "carl").symlink_to(folder / "ann", target_is_directory=True)
    else:
        (other / "eve/2.jpg").symlink_to(folder / "ann/0.jpg")
    with pytest.raises(DataError, match=f"share {2 if linked == 'folder' else 1} images .*/people/ann/0.jpg"):
        check_no_shared_files(training(folder, other), ["people", "other"])


def test_names_alone_may_be_the_same(folder: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "others", ["people/ann/0.jpg", "people/bob/0.jpg"])
    check_no_shared_files(training(folder, tmp_path / "others" / "people"), ["people", "others"])
    check_no_shared_files(training(folder), ["people"])


def test_files_of_equal_hash_are_told_apart(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_files, "hash", lambda _: 7, raising=False)
    other = tmp_path / "other"
    write_images(other, ["eve/0.jpg", "eve/1.jpg"])
    check_no_shared_files(training(folder, other), ["people", "other"])
    (other / "eve/2.jpg").symlink_to(folder / "ann/0.jpg")
    with pytest.raises(DataError, match=r"share 1 images \(.*/people/ann/0.jpg\)"):
        check_no_shared_files(training(folder, other), ["people", "other"])


def test_of_three_the_two_that_share_are_named(folder: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "other", ["eve/0.jpg"])
    (tmp_path / "third").mkdir()
    (tmp_path / "third/zoe").symlink_to(tmp_path / "other/eve", target_is_directory=True)
    with pytest.raises(DataError, match=r"^other and third share 1 images"):
        check_no_shared_files(training(folder, tmp_path / "other", tmp_path / "third"), ["people", "other", "third"])


def test_paths_are_not_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_files, "_PATHS_AT_ONCE", 500)
    sets = []
    for name in ("one", "two"):
        (tmp_path / name / "images").mkdir(parents=True)
        paths = pa.array([f"images/{number:07d}.jpg" for number in range(20_000)])
        sets.append(Split(tmp_path / name, paths, np.zeros(20_000, np.int64), ("someone",)))
    tracemalloc.start()
    try:
        check_no_shared_files(sets, ["one", "two"])
        assert tracemalloc.get_traced_memory()[1] < 40_000 * 40  # a string takes at least 60
    finally:
        tracemalloc.stop()
