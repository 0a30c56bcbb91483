"""The user's own data: tables and folders, read without code, and refused in one line that names the culprit."""

import csv
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerby.data.manifest import list_images, load_folder, load_table, open_data
from passerby.data.split import JUNK, Split
from passerby.errors import DataError
from tests.data.layouts import MARKET, write_images, write_tree

IMAGES = ["a.jpg", "b.jpg", "inside/c.png", "d.jpg"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path, IMAGES)
    return tmp_path


def write_csv(folder: Path, text: str) -> Path:
    file = folder / "people.csv"
    file.write_text(text, encoding="utf-8")
    return file


def write_parquet(folder: Path, **columns: Any) -> Path:
    file = folder / "people.parquet"
    pq.write_table(pa.table(columns), file)
    return file


def identities(split: Split | None) -> list[str]:
    assert split is not None
    return [split.identity_names[label] if label != JUNK else "-1" for label in split.identities]


def cameras(split: Split | None) -> list[str]:
    assert split is not None
    assert split.cameras is not None
    return [split.camera_names[label] for label in split.cameras]


def test_a_table_without_splits_is_for_training(folder: Path) -> None:
    data = load_table(write_csv(folder, "path,identity\na.jpg,0002\nb.jpg,7\ninside/c.png,0002\n"))
    train = data.training_split()
    assert identities(train) == ["0002", "7", "0002"]  # 0002 stays 0002
    assert (train.cameras, train.tracks, train.frames) == (None, None, None)
    assert (data.query, data.gallery, data.same_camera_rule) == (None, None, False)
    assert train.path(2) == folder / "inside/c.png"


def test_a_table_is_parted_by_its_split_column(folder: Path) -> None:
    rows = ["a.jpg,9,hall,train", "b.jpg,4,door,query", "inside/c.png,-1,yard,gallery", "d.jpg,4,hall,gallery"]
    text = "\n".join(["path,identity,camera,split", *rows])
    data = load_table(write_csv(folder, text))
    query, gallery = data.query_and_gallery()
    assert data.same_camera_rule
    assert identities(data.train) == ["9"]
    assert data.training_split().identities.tolist() == [0]
    assert identities(query) == ["4"]
    assert identities(gallery) == ["-1", "4"]
    assert query.identity_names == gallery.identity_names == ("4",)
    assert data.training_split().camera_names == query.camera_names == ("door", "hall", "yard")
    assert (cameras(data.train), cameras(query), cameras(gallery)) == (["hall"], ["door"], ["yard", "hall"])


def test_parquet_and_csv_give_the_same(folder: Path) -> None:
    frames, tracks, videos = [3, 4, 5, 6], ["1", "1", "2", "1"], ["v", "w", "w", "v"]
    rows = zip(IMAGES, "xyxz", videos, tracks, frames, strict=True)
    text = "path,identity,video,track,frame\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    from_csv = load_table(write_csv(folder, text)).training_split()
    parquet = write_parquet(folder, path=IMAGES, identity=list("xyxz"), video=videos, track=tracks, frame=frames)
    from_parquet = load_table(parquet).training_split()
    for split in (from_csv, from_parquet):
        assert split.paths.to_pylist() == IMAGES
        assert identities(split) == list("xyxz")
        assert split.frames is not None
        assert split.tracks is not None
        assert split.frames.tolist() == frames
        assert split.tracks.tolist() == [0, 1, 2, 0]  # track 1 of two videos is two tracklets


@pytest.mark.parametrize(
    "column",
    [
        pa.array([10, 2, 10, -1]),
        pa.array([10.0, 2.0, 10.0, -1.0]),
        pa.array(["10", "2 ", " 10", "-1"]).dictionary_encode(),
        pa.array(["10", "2", "10", "-1"], type=pa.large_string()),
    ],
    ids=["integers", "floats", "categories", "large strings"],
)
def test_identities_of_any_type_are_names(column: pa.Array, folder: Path) -> None:
    train = load_table(write_parquet(folder, path=IMAGES, identity=column)).training_split()
    assert identities(train) == ["10", "2", "10"]  # junk is no training image


def test_images_of_nobody_known_can_be_opened_but_not_trained_on(folder: Path) -> None:
    data = load_table(write_csv(folder, "path,camera\na.jpg,\nb.jpg,\n"))
    assert data.train is not None
    assert data.train.identities.tolist() == [JUNK, JUNK]
    assert data.train.cameras is None  # an empty column is as good as none
    with pytest.raises(DataError, match="images but no identities: training needs"):
        data.training_split()


def test_paths_may_be_written_in_several_ways(folder: Path) -> None:
    (folder / "tables").mkdir()
    text = f"path,identity\n../a.jpg,1\n.././inside//c.png,2\n{folder / 'd.jpg'},3\n"
    train = load_table(write_csv(folder / "tables", text)).training_split()
    assert train.paths.to_pylist() == ["../a.jpg", "../inside/c.png", "../d.jpg"]
    assert all(train.path(row).is_file() for row in range(3))


def test_columns_of_other_meaning_are_left_alone(folder: Path) -> None:
    text = "path,identity,colour,camera,camera_2,caption\na.jpg,1,red,x,y,someone\n"
    assert cameras(load_table(write_csv(folder, text)).train) == ["x"]


def test_allowed_oddities(folder: Path) -> None:
    """A query whose person is not in the gallery, and an identity with a single image."""
    text = "path,identity,split\na.jpg,1,query\nb.jpg,2,gallery\nd.jpg,3,train\n"
    query, gallery = load_table(write_csv(folder, text)).query_and_gallery()
    assert (identities(query), identities(gallery)) == (["1"], ["2"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,identity\na.jpg,1\n./a.jpg,2\n", r"names images more than once: a.jpg; keep one row"),
        (
            "path,identity\na.jpg,1\nx.jpg,2\ny.jpg,2\nz.jpg,2\nw.jpg,2\n",
            r"4 of 5 .* missing: x.jpg, y.jpg, z.jpg and 1",
        ),
        ("identity,camera\n1,2\n", r"no column 'path' \(it has identity, camera\)"),
        ("path;identity\na.jpg;1\n", r"no column 'path' \(it has path;identity\); separate columns by commas"),
        ("path,identty\na.jpg,1\n", r"a column 'identty' but none named 'identity'; rename it"),
        ("path,Camera\na.jpg,1\n", r"a column 'Camera' but none named 'camera'; rename it"),
        ("path,path\na.jpg,b.jpg\n", r"two columns named 'path'"),
        ("path,identity\na.jpg,1\nb.jpg,\nd.jpg,nan\n", r"'identity' .* empty in 2 of 3 rows, .* row 2 \(b.jpg\)"),
        ("path,identity,camera\na.jpg,1,1\nb.jpg,1,\n", r"'camera' .* empty in 1 of 2 rows, .* row 2 \(b.jpg\); fill"),
        ("path,identity,frame\na.jpg,1,2\nb.jpg,1,\n", r"'frame' .* empty in 1 of 2 rows, .* row 2"),
        ("path,identity,frame\na.jpg,1,2.5\n", r"'frame' .* must hold .*whole numbers"),
        ("path,identity,frame\na.jpg,1,first\n", r"'frame' .* must hold whole numbers"),
        ("path,split\na.jpg,train\nb.jpg,val\n", r"row 2: split 'val' is unknown; use train, query or gallery"),
        ("path,identity\n", r"has no rows"),
        (
            "path,identity,camera\na.jpg,1,2\nb.jpg,1,-1\n",
            r"'camera' .* negative in 1 of 2 rows, .* row 2 \(b.jpg\); name",
        ),
        ("path,identity\n.\\a.jpg,1\n", r"1 of 1 .* missing: .\\a.jpg; paths are relative to .*, folders set off by /"),
        ("", r"cannot be read: it has no rows; write one for each image"),
        ("path,identity", r"has no rows; write one for each image"),
        ("path,identity\na.jpg,True\nb.jpg,true\n", "holds true and false only: name the person"),
        ("path,identity\na.jpg,True\nb.jpg,False\n", "holds true and false only: name the person"),
        (
            "path,frame\na.jpg,1.5\n",
            r"'frame' .* must hold whole numbers, but has 1.5 in 1 of 1 rows, .* row 1 \(a.jpg\)",
        ),
        ("path,identity\na.jpg,1,2\n", r"cannot be read: CSV parse error"),
    ],
)
def test_a_table_that_is_wrong_is_refused_in_one_line(text: str, message: str, folder: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_table(write_csv(folder, text))
    assert "\n" not in str(caught.value)
    assert "people.csv" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_windows_is_read_as_any_other(encoding: str, end: str, folder: Path) -> None:
    write_images(folder, ["ü ö.JPG"])
    file = folder / "people.CSV"
    file.write_bytes(end.join(["path,identity,camera", "a.jpg,Müller,Tür", "ü ö.JPG,Müller,b", ""]).encode(encoding))
    train = load_table(file).training_split()
    assert (train.paths.to_pylist(), identities(train), cameras(train)) == (
        ["a.jpg", "ü ö.JPG"],
        ["Müller"] * 2,
        ["Tür", "b"],
    )


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["path,identity\na.jpg,Müller\n", "path,identity,größe\na.jpg,Müller,1\n"])
def test_text_that_is_not_utf8_is_told(text: str, encoding: str, folder: Path) -> None:
    file = folder / "people.csv"
    file.write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=r"people.csv cannot be read: it is not UTF-8 text; save it as CSV in UTF-8"):
        load_table(file)


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


def test_a_table_of_true_and_false_is_refused(folder: Path) -> None:
    file = write_parquet(folder, path=IMAGES[:2], identity=[True, False])
    with pytest.raises(DataError, match=r"'identity' .* must hold text or whole numbers, not true and false"):
        load_table(file)
    file = write_parquet(folder, path=IMAGES[:2], identity=["1", "2"], frame=[1.0, 2.5])
    with pytest.raises(DataError, match=r"'frame' .* must hold whole numbers, but has 2.5 in 1 of 2 rows"):
        load_table(file)
    file = write_parquet(folder, path=IMAGES[:2], identity=["1", "2"], frame=[1.0, 2.0])
    assert load_table(file).training_split().frames.tolist() == [1, 2]


@pytest.mark.parametrize("blank", [None, float("nan")])
def test_blank_numbers_of_parquet_are_a_blank_column_or_are_to_be_filled(blank: float | None, folder: Path) -> None:
    def frames(*values: float | None) -> Path:
        return write_parquet(folder, path=IMAGES[:2], identity=["1", "2"], frame=pa.array(values, pa.float64()))

    assert load_table(frames(blank, blank)).training_split().frames is None
    with pytest.raises(DataError, match=r"'frame' .* is empty in 1 of 2 rows, .* row 2 \(b.jpg\); fill them"):
        load_table(frames(1.0, blank))
    with pytest.raises(DataError, match=r"'frame' .* must hold whole numbers, but has 2.5 in 1 of 2 rows, .* row 2"):
        load_table(frames(blank, 2.5))


def test_images_named_twice_are_listed_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = list_images([folder / "inside", folder / "a.jpg", folder / "inside" / ".." / "inside"])
    assert listed.paths.to_pylist() == ["inside/c.png", "a.jpg"]
    assert "1 of 3 images are named more than once and are taken once" in capsys.readouterr().err
    list_images([folder / "inside", folder / "a.jpg"])
    assert capsys.readouterr().err == ""


def test_data_without_identities_cannot_be_evaluated(folder: Path) -> None:
    data = load_table(write_csv(folder, "path,split\na.jpg,query\nb.jpg,gallery\n"))
    with pytest.raises(DataError, match=r"people.csv does not say who is on its query images.*'identity' column"):
        data.query_and_gallery()


@pytest.mark.parametrize("content", [b"", b"path,identity\na.jpg,1\n", b"PAR1"], ids=["empty", "csv", "cut"])
def test_what_is_not_parquet_is_told(content: bytes, folder: Path) -> None:
    (folder / "people.parquet").write_bytes(content)
    with pytest.raises(
        DataError, match=r"people.parquet cannot be read: it is not Parquet, or not all of it"
    ) as caught:
        load_table(folder / "people.parquet")
    assert "\n" not in str(caught.value)


def test_parquet_columns_of_another_kind_are_told(folder: Path) -> None:
    file = write_parquet(folder, path=IMAGES[:1], identity=[["1", "2"]])
    with pytest.raises(DataError, match=r"'identity' .* must hold text or whole numbers, not list<"):
        load_table(file)
    file = write_parquet(folder, path=["a.jpg", None], identity=["1", "2"])
    with pytest.raises(DataError, match=r"'path' .* empty in 1 of 2 rows, the first of them row 2; fill them or drop"):
        load_table(file)
    file = write_parquet(folder, path=IMAGES[:2], identity=["1", "1"], camera=[-1, 3])
    with pytest.raises(DataError, match=r"'camera' .* is negative in 1 of 2 rows"):
        load_table(file)


def test_parquet_identities_that_are_not_numbers(folder: Path) -> None:
    file = write_parquet(folder, path=IMAGES[:2], identity=[1.0, float("nan")])
    with pytest.raises(DataError, match=r"'identity' .* empty in 1 of 2 rows"):
        load_table(file)
    file = write_parquet(folder, path=IMAGES[:2], identity=[1.0, 2.5])
    with pytest.raises(DataError, match=r"'identity' .* must hold text or whole numbers"):
        load_table(file)


@pytest.mark.parametrize("name", ["people.parquet", "people.csv"])
def test_a_file_that_is_no_table_inside(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"\x00\xff\xfe" * 50)
    with pytest.raises(DataError):
        load_table(folder / name)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=("Zs", "Cc")), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(NAMES, min_size=4, max_size=4))
def test_any_name_survives_the_table(folder: Path, names: list[str]) -> None:
    blank = {"", "nan", "none", "null", "-1"}
    names = [name if name.strip().lower() not in blank else "x" for name in names]
    file = folder / "people.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["path", "identity"], *zip(IMAGES, names, strict=True)])
    assert identities(load_table(file).train) == [name.strip() for name in names]


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
        ({"ann": ["notes.txt"], "bob": []}, "holds no images: give a folder per identity"),
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
            {"train/ann/monday": ["1.jpg"]},
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
