"""Embeddings find the images of a table however their paths are written."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from passerby.errors import DataError
from passerby.tracklets.tables import open_tracklets, read_features


def written(file: Path, paths: list[str], **columns: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"path": paths, **columns}), file)
    return file


def tracklets(file: Path, paths: list[str]) -> Path:
    return written(file, paths, video=["v"] * len(paths), track=["t"] * len(paths))


def test_paths_of_other_folders_and_other_spellings_are_the_same(tmp_path):
    named = ["crops/a.jpg", "./crops/b.jpg", "crops//c.jpg", "crops/.d.jpg", "../sets/crops/e.jpg", "crops/é..jpg"]
    named.append(str(tmp_path / "sets" / "crops" / "g.jpg"))
    table = tracklets(tmp_path / "sets" / "t.parquet", named)
    actual = ["a.jpg", "b.jpg", "c.jpg", ".d.jpg", "e.jpg", "é..jpg", "g.jpg"]
    others = [f"../sets/crops/{name}" for name in actual]
    others[3] = str(tmp_path / "sets" / "crops" / "x" / ".." / ".d.jpg")
    others[4] = str(tmp_path / "sets" / "crops" / "e.jpg")
    order = np.random.default_rng(0).permutation(7)
    vectors = np.arange(14, dtype=np.float32).reshape(7, 2)
    features = written(tmp_path / "features" / "f.parquet", [others[row] for row in order], embedding=[*vectors[order]])
    found = read_features(open_tracklets(table, features), tmp_path / "unpacked.npy")[:]
    np.testing.assert_array_equal(found, vectors)


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="links need a permission there")
def test_a_linked_folder_is_the_folder(tmp_path):
    table = tracklets(tmp_path / "real" / "t.parquet", ["a.jpg", "b.jpg"])
    (tmp_path / "linked").symlink_to(tmp_path / "real", target_is_directory=True)
    features = written(tmp_path / "real" / "f.parquet", ["b.jpg", "a.jpg"], embedding=[[1.0, 0.0], [0.0, 1.0]])
    for left, right in ((table, tmp_path / "linked" / features.name), (tmp_path / "linked" / table.name, features)):
        found = read_features(open_tracklets(left, right), tmp_path / f"{left.parent.name}.npy")[:]
        np.testing.assert_array_equal(found, [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (["a.jpg"], "no embedding of .*b.jpg and 0 others"),
        (["a.jpg", "b.jpg", "./b.jpg"], "more than one embedding of .*b.jpg"),
        (["a.jpg", None], "column 'path' .* is empty"),
    ],
)
def test_what_is_not_embedded_once_is_refused(others, message, tmp_path):
    table = tracklets(tmp_path / "t.parquet", ["a.jpg", "b.jpg"])
    features = written(tmp_path / "f.parquet", others, embedding=[[1.0, 0.0]] * len(others))
    with pytest.raises(DataError, match=message):
        read_features(open_tracklets(table, features), tmp_path / "unpacked.npy")
