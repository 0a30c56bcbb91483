"""MARS and iLIDS-VID, read from small copies of their layouts."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from passerby.data.benchmarks import BENCHMARKS, load_benchmark
from passerby.data.split import Split
from passerby.errors import DataError
from tests.data.layouts import write_images

TEST_TRACKLETS = [("0002", 1, 2), ("0002", 3, 1), ("00-1", 2, 2), ("0000", 4, 1), ("0005", 6, 3), ("0005", 1, 2)]
"""Identity, camera and number of images of each."""


def write_mars(root: Path) -> Path:
    for half, tracklets in (("train", [("0001", 1, 2), ("0001", 2, 1), ("0003", 4, 3)]), ("test", TEST_TRACKLETS)):
        names, rows = [], []
        for number, (identity, camera, count) in enumerate(tracklets):
            first = len(names) + 1
            names += [f"{identity}C{camera}T{number:04d}F{frame + 1:03d}.jpg" for frame in range(count)]
            rows.append([first, len(names), -1 if identity == "00-1" else int(identity), camera])
        write_images(root / f"bbox_{half}", [f"{name[:4]}/{name}" for name in names])
        (root / "info").mkdir(exist_ok=True)
        (root / "info" / f"{half}_name.txt").write_text("\n".join(names) + "\n")
        savemat(root / "info" / f"tracks_{half}_info.mat", {f"track_{half}_info": np.array(rows, dtype=np.int32)})
    savemat(root / "info" / "query_IDX.mat", {"query_IDX": np.array([[1, 6]], dtype=np.uint16)})
    return root


def write_ilids(root: Path) -> Path:
    people = ["person001", "person005", "person010", "person319"]
    for camera in (1, 2):
        for person in people:
            names = [f"{person}/cam{camera}_{person}_{frame:05d}.png" for frame in (317, 319)]
            write_images(root / f"i-LIDS-VID/sequences/cam{camera}", names)
    splits = np.array([[2, 4, 1, 3]] + [[1, 2, 3, 4]] * 9, dtype=np.uint16)
    (root / "train-test people splits").mkdir()
    savemat(root / "train-test people splits" / "train_test_splits_ilidsvid.mat", {"ls_set": splits})
    return root


def tracklets(split: Split | None) -> list[tuple[str, str, int]]:
    """Identity, camera and number of images of each tracklet, in order."""
    assert split is not None
    assert split.tracks is not None
    assert split.cameras is not None
    found = []
    for track in dict.fromkeys(split.tracks.tolist()):
        rows = np.flatnonzero(split.tracks == track)
        (identity,), (camera,) = np.unique(split.identities[rows]), np.unique(split.cameras[rows])
        found.append((split.identity_names[identity], split.camera_names[camera], rows.size))
    return found


def test_mars_keeps_tracklets_drops_junk_and_keeps_distractors(tmp_path: Path) -> None:
    benchmark = load_benchmark("mars", write_mars(tmp_path))
    assert benchmark.tracklets
    assert benchmark.same_camera_rule
    assert tracklets(benchmark.train) == [("0001", "1", 2), ("0001", "2", 1), ("0003", "4", 3)]
    query, gallery = benchmark.query_and_gallery()
    assert tracklets(query) == [("0002", "1", 2), ("0005", "1", 2)]
    assert tracklets(gallery) == [("0002", "3", 1), ("0000", "4", 1), ("0005", "6", 3)]
    assert query.identity_names == gallery.identity_names == ("0000", "0002", "0005")
    assert gallery.frames is not None
    assert gallery.frames.tolist() == [1, 1, 1, 2, 3]
    assert gallery.path(4).is_file()


def test_ilids_vid_has_ten_halves_of_its_people(tmp_path: Path) -> None:
    benchmark = load_benchmark("ilids-vid", write_ilids(tmp_path / "ilids-vid").parent)
    query, gallery = benchmark.query_and_gallery()
    assert tracklets(query) == [("person005", "1", 2), ("person319", "1", 2)]
    assert tracklets(gallery) == [("person005", "2", 2), ("person319", "2", 2)]
    assert [name for name, _, _ in tracklets(benchmark.train)] == ["person001"] * 2 + ["person010"] * 2
    other = load_benchmark("ilids-vid-10", tmp_path / "ilids-vid")
    assert [name for name, _, _ in tracklets(other.query)] == ["person001", "person005"]
    assert sum(name.startswith("ilids-vid") for name in BENCHMARKS) == 10


def remove_image(root: Path) -> None:
    next((root / "bbox_test" / "0002").iterdir()).unlink()


def break_table(root: Path) -> None:
    (root / "info" / "tracks_test_info.mat").write_bytes(b"not MATLAB at all")


def other_matrix(root: Path) -> None:
    savemat(root / "info" / "query_IDX.mat", {"queries": [1]})


def long_tracklet(root: Path) -> None:
    savemat(root / "info" / "tracks_train_info.mat", {"track_train_info": np.array([[1, 99, 1, 1]])})


def strange_query(root: Path) -> None:
    savemat(root / "info" / "query_IDX.mat", {"query_IDX": np.array([[1, 44]])})


def empty_queries(root: Path) -> None:
    savemat(root / "info" / "query_IDX.mat", {"query_IDX": np.zeros((1, 0))})


def tracklet_without_identity(root: Path) -> None:
    savemat(root / "info" / "tracks_train_info.mat", {"track_train_info": np.array([[1, 2, 1, 1], [3, 3, np.nan, 2]])})


def fractional_identity(root: Path) -> None:
    savemat(root / "info" / "tracks_test_info.mat", {"track_test_info": np.array([[1, 1, 12.6, 1.0]])})


def infinite_identity(root: Path) -> None:
    savemat(root / "info" / "tracks_test_info.mat", {"track_test_info": np.array([[1, 1, np.inf, 1.0]])})


def names_of_tracklets(root: Path) -> None:
    savemat(root / "info" / "query_IDX.mat", {"query_IDX": np.array(["a", "b"], dtype=object)})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (empty_queries, "query_IDX.mat names no tracklets"),
        (tracklet_without_identity, "tracks_train_info.mat: row 2 of 'track_train_info' holds nan, which is no whole"),
        (fractional_identity, "tracks_test_info.mat: row 1 of 'track_test_info' holds 12.6, which is no whole number"),
        (infinite_identity, "tracks_test_info.mat: row 1 of 'track_test_info' holds inf"),
        (names_of_tracklets, "query_IDX.mat: 'query_IDX' is not a matrix of numbers"),
        (remove_image, "listed images are not in"),
        (break_table, "tracks_test_info.mat is not a MATLAB file"),
        (other_matrix, "holds no matrix 'query_IDX'"),
        (long_tracklet, "names images that are not among the 6 of the list"),
        (strange_query, "names tracklets that are not among the 6"),
    ],
)
def test_a_copy_of_mars_that_is_not_whole_is_told_in_one_line(spoil, message: str, tmp_path: Path) -> None:
    spoil(write_mars(tmp_path))
    with pytest.raises(DataError, match=message) as caught:
        load_benchmark("mars", tmp_path)
    assert "\n" not in str(caught.value)


def test_ilids_vid_with_people_missing_is_refused(tmp_path: Path) -> None:
    write_ilids(tmp_path)
    for name in ("person005",):
        folder = tmp_path / "i-LIDS-VID/sequences/cam2" / name
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    with pytest.raises(DataError, match="do not show the same people"):
        load_benchmark("ilids-vid", tmp_path)


@pytest.mark.parametrize("value", [np.nan, 1.5])
def test_ilids_vid_with_a_split_that_is_no_number_is_refused(value: float, tmp_path: Path) -> None:
    write_ilids(tmp_path)
    splits = np.tile(np.arange(1.0, 5.0), (10, 1))
    splits[3, 2] = value
    savemat(tmp_path / "train-test people splits" / "train_test_splits_ilidsvid.mat", {"ls_set": splits})
    with pytest.raises(DataError, match=rf"ilidsvid.mat: row 4 of 'ls_set' holds {value:g}, which is no whole number"):
        load_benchmark("ilids-vid", tmp_path)
