"""Files of tables: their kinds, what they may cost, and names of columns from elsewhere."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from passerby.data.formats.open_data import list_images, load_folder, load_table
from passerby.data.formats.table_file import read_table
from passerby.data.limits import MAX_TABLE_BYTES
from passerby.data.occlusion.visibility import read_visibility
from passerby.data.split import split_from_names
from passerby.errors import DataError
from passerby.tracklets import denoise_table
from passerby.tracklets.tables.table import open_tracklets
from tests.data.formats.tables import IMAGES, write_csv, write_parquet
from tests.data.layouts import write_images


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_is_no_regular_file_is_refused_at_once(suffix: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    (tmp_path / f"zero.{suffix}").symlink_to("/dev/zero")
    for name, kind in (("pipe", "a pipe"), ("zero", "a device")):
        with pytest.raises(DataError, match=f"it is {kind}, not a regular file"):
            load_table(tmp_path / f"{name}.{suffix}")
        with pytest.raises(DataError, match="is not a regular file"):
            list_images([tmp_path / f"{name}.{suffix}"])


def bomb(file: Path, rows: int, length: int) -> Path:
    """A small Parquet file that names one of two long paths in every row."""
    values = pa.DictionaryArray.from_arrays(pa.array(np.arange(rows) % 2, pa.int32()), ["a" * length, "b" * length])
    pq.write_table(pa.table({"path": values, "identity": values}), file, store_schema=False)
    return file


def test_a_table_that_would_take_more_memory_than_the_bound_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bomb(tmp_path / "bomb.parquet", 1_000_000, 20_000)
    assert file.stat().st_size < 2**20
    with pytest.raises(DataError, match=r"bomb.parquet would take 37.3 GiB of memory, more than the bound of 4.0 GiB"):
        read_table(file)
    small = bomb(tmp_path / "small.parquet", 1000, 50)
    monkeypatch.setenv(MAX_TABLE_BYTES, "99999")
    with pytest.raises(DataError, match="raise the variable PASSERBY_MAX_TABLE_BYTES"):
        read_table(small)
    monkeypatch.setenv(MAX_TABLE_BYTES, "100000")
    assert read_table(small)["path"].type == pa.string()
    monkeypatch.setenv(MAX_TABLE_BYTES, "20")
    with pytest.raises(DataError, match=r"people.csv would take .* more than the bound"):
        read_table(write_csv(tmp_path, "path,identity\na.jpg,1\nb.jpg,2\n"))


def test_many_rows_without_values_are_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MAX_TABLE_BYTES, "700000")
    pq.write_table(pa.table({"path": pa.nulls(100_000, pa.string())}), tmp_path / "empty.parquet")
    with pytest.raises(DataError, match=r"empty.parquet would take"):
        read_table(tmp_path / "empty.parquet")


def test_parquet_gives_the_types_that_it_holds(tmp_path: Path) -> None:
    named = pa.array(["x", None, "x"]).dictionary_encode()
    file = write_parquet(tmp_path, path=["a", "b", "c"], identity=named, frame=[1, None, 3], camera=[0, 1, 2])
    table = read_table(file)
    assert [table[name].to_pylist() for name in table.column_names] == [
        ["a", "b", "c"],
        ["x", None, "x"],
        [0, 1, 2],
        [1, None, 3],
    ]
    assert table["identity"].type == pa.string()


@pytest.mark.parametrize(
    ("column", "ours"), [("pid", "identity"), ("camid", "camera"), ("subset", "split"), ("CamID", "camera")]
)
def test_columns_named_as_elsewhere_are_refused(column: str, ours: str, tmp_path: Path) -> None:
    write_images(tmp_path, IMAGES)
    with pytest.raises(DataError, match=f"has a column '{column}' but none named '{ours}'; rename it"):
        load_table(write_csv(tmp_path, f"path,{column}\na.jpg,1\n"))
    load_table(write_csv(tmp_path, f"path,{column},{ours}\na.jpg,1,train\n"))


@pytest.mark.parametrize("repeated", ["a.jpg", "./a.jpg", "inside/../a.jpg"])
def test_a_path_named_twice_is_refused_by_whatever_takes_a_table(repeated: str, tmp_path: Path) -> None:
    write_images(tmp_path, IMAGES)
    text = f"path,video,track,visible\na.jpg,v,1,0.5\n{repeated},v,1,0.7\n"
    file = write_csv(tmp_path, text)
    features = tmp_path / "features.npy"
    np.save(features, np.ones((2, 4), np.float32))
    split = split_from_names(tmp_path, ["a.jpg"], ["1"], None)
    for take in (
        load_table,
        list_images,
        lambda given: open_tracklets(given, features),
        lambda given: read_visibility(split, given),
    ):
        with pytest.raises(DataError, match=r"names images more than once: a\.jpg; keep one"):
            take(file)


def test_files_that_are_no_images_are_counted_by_suffix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(tmp_path, ["ann/1.jpg", "bob/1.jfif"])
    for name in ("ann/2.heic", "ann/3.HEIC", "bob/notes", ".hidden", "ann/._1.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert load_folder(tmp_path).training_split().paths.to_pylist() == ["ann/1.jpg", "bob/1.jfif"]
    told = capsys.readouterr().err
    assert "left out, for their suffixes are not those of images: 2 .heic, 1 without suffix" in told
    assert len(list_images(tmp_path)) == 2
    assert "2 .heic" in capsys.readouterr().err
    for file in tmp_path.rglob("*.j*"):
        file.unlink()
    with pytest.raises(DataError, match=r"holds no images \(but 2 .heic, 1 without suffix\)"):
        load_folder(tmp_path)


def observed(folder: Path) -> Path:
    """A table of four boxes as a tracker writes it: of two of them pictures were kept."""
    write_images(folder, ["crops/a.jpg", "crops/b.jpg"])
    file = folder / "tracklets.parquet"
    columns = {
        "path": pa.array([None, "crops/a.jpg", "crops/b.jpg", None], pa.string()),
        "video": ["yard"] * 4,
        "track": ["1", "1", "2", "2"],
        "frame": [3, 4, 3, 4],
        "width": pa.array([20.0, 21.0, 22.0, 23.0], pa.float32()),
    }
    pq.write_table(pa.table(columns), file, row_group_size=1)
    return file


def test_boxes_of_which_no_picture_was_kept_are_left_out(tmp_path: Path) -> None:
    file = observed(tmp_path)
    assert list_images(file).paths.to_pylist() == ["crops/a.jpg", "crops/b.jpg"]
    tracklets = open_tracklets(file, write_parquet(tmp_path, path=["a"]))
    assert tracklets.frames is not None
    assert tracklets.frames.tolist() == [4, 3]


def test_denoising_a_table_of_boxes_is_denoising_its_pictures(tmp_path: Path) -> None:
    file, out = observed(tmp_path), tmp_path / "identities.parquet"
    np.save(tmp_path / "features.npy", np.array([[1.0, 0.0], [0.0, 1.0]]))
    denoise_table(file, out, features=tmp_path / "features.npy")
    written = pq.read_table(out)
    assert written["path"].to_pylist() == ["crops/a.jpg", "crops/b.jpg"]
    assert written["width"].to_pylist() == [21.0, 22.0]
    assert sorted(written["identity"].to_pylist()) == ["0", "1"]


def test_an_empty_path_without_a_box_is_still_a_mistake(tmp_path: Path) -> None:
    table = pq.read_table(observed(tmp_path))
    for broken in (table.drop(["width"]), table.set_column(4, "width", pa.nulls(4, pa.float32()))):
        pq.write_table(broken, tmp_path / "tracklets.parquet")
        with pytest.raises(DataError, match=r"column 'path' of table .* is empty in 2 of 4 rows"):
            list_images(tmp_path / "tracklets.parquet")
