"""The user's own tables: read without code, and refused in one line that names the culprit."""

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerby.data.checks.inspection import inspect_data
from passerby.data.formats.open_data import load_table, open_data
from passerby.data.split import JUNK
from passerby.errors import DataError
from tests.data.formats.tables import IMAGES, cameras, identities, write_csv, write_parquet
from tests.data.layouts import write_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path, IMAGES)
    return tmp_path


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


def test_names_of_a_table_that_are_one_number_are_remarked_upon(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["a.jpg,7,1,query", "b.jpg,07,01,gallery", "d.jpg,x,2,gallery"]
    data = load_table(write_csv(folder, "\n".join(["path,identity,camera,split", *rows])))
    told = " ".join(capsys.readouterr().err.split())
    assert "identities that are the same number, but count as different: 07 and 7; is each pair one?" in told
    assert "cameras that are the same number, but count as different: 01 and 1; is each pair one?" in told
    kinds = {finding.kind for finding in inspect_data(data, decode=False).findings}
    assert {"identities-of-one-number", "cameras-of-one-number"} <= kinds
    load_table(write_csv(folder, "path,identity,camera\na.jpg,7,1\nb.jpg,8,2\n"))
    assert not capsys.readouterr().err


@pytest.mark.parametrize("value", [2.5, float("inf"), 1e300])
@pytest.mark.parametrize("column", ["identity", "camera", "track", "frame"])
def test_a_number_that_is_not_whole_is_told_with_its_row(column: str, value: float, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jpg").touch()
    columns = {"path": ["a.jpg", "b.jpg"], "identity": ["1", "2"], column: [1.0, value]}
    pq.write_table(pa.table(columns), tmp_path / "people.parquet")
    with pytest.raises(DataError, match=rf"'{column}' .* whole numbers, but has .* 1 of 2 rows, .* row 2 \(b.jpg\)"):
        load_table(tmp_path / "people.parquet")


def test_an_image_is_told_from_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(DataError, match=r"a\.jpg is an image: name a folder of images, or a table"):
        open_data(str(tmp_path / "a.jpg"))
