"""The user's own folders and lists of images: read without code, and refused in one line that names the culprit."""

import os
from pathlib import Path

import pytest

from passerby.data.formats.open_data import list_images, load_folder, open_data
from passerby.data.split import JUNK
from passerby.errors import DataError
from tests.data.formats.tables import IMAGES, identities, write_csv
from tests.data.layouts import MARKET, write_images, write_tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path, IMAGES)
    return tmp_path


def test_a_folder_per_identity(tmp_path: Path) -> None:
    write_tree(tmp_path, {"bob": ["1.jpg", "2.PNG", ".hidden.jpg", "notes.txt"], "ann": ["3.jpg"], "empty": []})
    data = load_folder(tmp_path)
    train = data.training_split()
    assert train.paths.to_pylist() == ["ann/3.jpg", "bob/1.jpg", "bob/2.PNG"]
    assert identities(train) == ["ann", "bob", "bob"]
    assert (train.cameras, data.query, data.same_camera_rule) == (None, None, False)


def test_a_folder_per_split_and_identity(tmp_path: Path) -> None:
    tree = {"train/zoe": ["1.jpg"], "query/bob": ["2.jpg"], "gallery/ann": ["3.jpg"], "gallery/bob": ["4.jpg"]}
    data = load_folder(write_tree(tmp_path, tree))
    query, gallery = data.query_and_gallery()
    assert identities(data.train) == ["zoe"]
    assert (identities(query), identities(gallery)) == (["bob"], ["ann", "bob"])
    assert query.identity_names == gallery.identity_names == ("ann", "bob")
    assert load_folder(write_tree(tmp_path / "other", {"train/zoe": ["1.jpg"]})).query is None


def test_a_folder_in_market_layout_is_read_as_such(tmp_path: Path) -> None:
    data = open_data(str(write_tree(tmp_path / "mine", MARKET)))
    assert data.name == str(tmp_path / "mine")
    assert identities(data.query) == ["0001", "0003"]
    assert data.same_camera_rule


def test_a_flat_folder_holds_strangers(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    flat = tmp_path_factory.mktemp("flat")
    write_images(flat, ["b.jpg", "a.jpg"])
    data = open_data(str(flat))
    assert data.train is not None
    assert data.train.paths.to_pylist() == ["a.jpg", "b.jpg"]
    assert data.train.identities.tolist() == [JUNK, JUNK]
    with pytest.raises(DataError, match="images but no identities"):
        data.training_split()
    with pytest.raises(DataError, match=r"both images \(a.jpg, b.jpg, d.jpg\) and folders of images \(inside\)"):
        load_folder(folder)


EXPECTED = "expected is a folder per identity, or train, query and gallery with a folder per identity in each"


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "holds no images: give a folder per identity"),
        ({"ann": ["notes.txt"], "bob": []}, "holds no images \\(but 1 .txt\\): give a folder"),
        (
            {"train/ann": ["1.jpg"], "query/bob": ["1.jpg"], "galery/bob": ["2.jpg"]},
            rf"is parted into query, train but also holds galery \(did you mean gallery\?\); {EXPECTED}",
        ),
        ({"train/ann": ["1.jpg"], "test/bob": ["2.jpg"]}, f"is parted into train but also holds test; {EXPECTED}"),
        ({"train": ["1.jpg"], "ann": ["2.jpg"]}, f"is parted into train but also holds ann; {EXPECTED}"),
        ({"ann": ["1.jpg"], "test": ["2.jpg"]}, f"holds test, hardly the name of an identity; {EXPECTED}"),
        ({"Train/ann": ["1.jpg"], "Query/bob": ["2.jpg"]}, r"holds Query, Train, hardly .* each \(in lower case\)"),
        (
            {"train/ann": ["1.jpg"], "train": ["2.jpg"]},
            f"images outside of any identity's folder: train/2.jpg; {EXPECTED}",
        ),
        ({"ann": ["1.jpg"], "bob/monday": ["2.jpg"]}, "inside what would be an identity's: bob/monday/2.jpg; name the"),
        (
            {"train/ann/monday": ["1.jpg"], "query/ann": ["2.jpg"]},
            "inside what would be an identity's: train/ann/monday/1.jpg; name the folder",
        ),
    ],
)
def test_a_folder_that_is_wrong_is_refused(tree: dict[str, list[str]], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_folder(write_tree(tmp_path, tree))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folders_without_images_do_not_matter(tmp_path: Path) -> None:
    data = load_folder(write_tree(tmp_path, {"train/ann": ["1.jpg"], "notes/old": ["readme.txt"], "galery": []}))
    assert identities(data.train) == ["ann"]


def test_folders_and_images_may_be_links_and_have_any_name(tmp_path: Path) -> None:
    write_tree(tmp_path / "elsewhere", {"a": ["ä b.JPG", "图.PNG"]})
    people = tmp_path / "üñí cödé"
    people.mkdir()
    for name in ("Ünal", "李"):  # two names for one folder are two identities, not a loop
        (people / name).symlink_to(tmp_path / "elsewhere/a", target_is_directory=True)
    assert identities(load_folder(people).train) == ["Ünal", "Ünal", "李", "李"]
    (people / "李 2").mkdir()
    (people / "李 2" / "one.jpg").symlink_to(tmp_path / "elsewhere/a/ä b.JPG")
    train = load_folder(people).training_split()
    assert identities(train).count("李 2") == 1
    assert all(train.path(row).is_file() for row in range(len(train)))


@pytest.mark.parametrize("place", ["flat", "identity", "root"])
def test_names_that_are_not_utf8_are_told(place: str, tmp_path: Path) -> None:
    odd = os.fsdecode(b"m\xfcller")
    root = tmp_path / odd if place == "root" else tmp_path / "people"
    file = root / {"flat": f"{odd}.jpg", "identity": f"{odd}/a.jpg", "root": "ann/a.jpg"}[place]
    try:
        file.parent.mkdir(parents=True)
        file.touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    for read in (open_data, list_images):
        with pytest.raises(DataError, match=r"the name of .*m\\xfcller.* is not UTF-8: rename") as caught:
            read(str(root))
        str(caught.value).encode()


def test_images_named_twice_are_listed_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = list_images([folder / "inside", folder / "a.jpg", folder / "inside" / ".." / "inside"])
    assert listed.paths.to_pylist() == ["inside/c.png", "a.jpg"]
    assert "1 of 3 images are named more than once and are taken once" in capsys.readouterr().err
    list_images([folder / "inside", folder / "a.jpg"])
    assert capsys.readouterr().err == ""


def test_list_images_takes_files_folders_and_tables(folder: Path) -> None:
    table = write_csv(folder, "path,identity,split\nd.jpg,9,query\na.jpg,4,train\n")
    rows = list_images(table)
    assert (rows.paths.to_pylist(), identities(rows)) == (["d.jpg", "a.jpg"], ["9", "4"])
    below = list_images(folder)
    assert below.paths.to_pylist() == ["a.jpg", "b.jpg", "d.jpg", "inside/c.png"]
    assert (below.identity_names, set(below.identities.tolist())) == ((), {JUNK})
    mixed = list_images([folder / "b.jpg", table, str(folder / "inside")])
    assert [mixed.path(row) for row in range(len(mixed))] == [
        folder / name for name in ("b.jpg", "d.jpg", "a.jpg", "inside/c.png")
    ]
    assert list_images(folder / "a.jpg").paths.to_pylist() == ["a.jpg"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing.jpg", "nothing.jpg does not exist: name an image"),
        ("notes.txt", "notes.txt is neither an image, a folder, nor a table"),
        ("bare", "folder .*bare holds no images"),
    ],
)
def test_sources_that_hold_no_images(source: str, message: str, folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / "bare").mkdir()
    with pytest.raises(DataError, match=message):
        list_images(folder / source)


def test_a_link_that_leads_back_up_ends(folder: Path) -> None:
    (folder / "inside" / "again").symlink_to(folder, target_is_directory=True)
    assert list_images(folder).paths.to_pylist() == ["a.jpg", "b.jpg", "d.jpg", "inside/c.png"]


def test_open_data_decides_by_name(tmp_path: Path) -> None:
    write_tree(tmp_path / "market1501", MARKET)
    assert open_data("market1501", tmp_path, check_counts=False).name == "market1501"
    with pytest.raises(DataError, match="4 images instead of 12,936"):
        open_data("market1501", tmp_path)
    with pytest.raises(
        DataError, match=r"market1501 is a benchmark: name the folder it is in with --root or data.root"
    ):
        open_data("market1501")
    with pytest.raises(
        DataError,
        match=r"^'markt1501' is neither a benchmark nor a .* on disk, did you mean market1501 or market1501-dev\?",
    ):
        open_data("markt1501", tmp_path)
    with pytest.raises(DataError, match="is not a benchmark and takes no root"):
        open_data(str(tmp_path), tmp_path)
    (tmp_path / "people.txt").write_text("a.jpg")
    with pytest.raises(DataError, match=r"people.txt is not a table: its name must end in .csv, .parquet, .pq"):
        open_data(str(tmp_path / "people.txt"))
