"""Tracklets on disk."""

from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from passerby.errors import DataError
from passerby.synth import TrackerNoise, write_tracklets

ARGUMENTS = {"identities": 5, "videos": 2, "cameras": 2, "appearances": 2, "rate": 2.0, "size": (64, 32)}


def write(folder: Path, **changes: object) -> Path:
    return write_tracklets(folder, **(ARGUMENTS | {"show_progress": False} | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def perfect(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("tracklets") / "perfect", noise=TrackerNoise.none())


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("tracklets") / "noisy", noise=TrackerNoise().scaled(2))


def rows(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(folder / "tracklets.parquet").to_pylist()
    return found


@pytest.mark.parametrize("kind", ["perfect", "noisy"])
def test_the_table_names_every_crop_once(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    table = rows(folder)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")}
    assert {row["path"] for row in table} == files
    assert len(table) == len(files) > 30
    keys = [(row["video"], row["track"], row["frame"]) for row in table]
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys)  # type: ignore[type-var]
    for row in table:
        assert str(row["path"]).startswith(f"{row['video']}/{row['track']}_")
        image = cv2.imread(str(folder / str(row["path"])))
        assert image is not None
        assert image.shape == (64, 32, 3)


def test_without_noise_tracks_are_pure_and_everybody_is_in_every_video(perfect: Path) -> None:
    of_track: dict[tuple[object, object], set[object]] = defaultdict(set)
    of_video: dict[object, set[object]] = defaultdict(set)
    for row in rows(perfect):
        of_track[row["video"], row["track"]].add(row["true_identity"])
        of_video[row["video"]].add(row["true_identity"])
    assert all(len(people) == 1 for people in of_track.values())
    assert sum(len(people) for people in of_video.values()) >= 8  # some may be hidden all the time
    assert set.union(*of_video.values()) <= {f"{number:04d}" for number in range(1, 6)}
    assert all(float(str(row["visible"])) > 0 for row in rows(perfect))


def test_noise_mixes_tracks_and_puts_boxes_around_nobody(noisy: Path) -> None:
    table = rows(noisy)
    assert any(row["true_identity"] == "-1" for row in table)
    assert all((row["true_identity"] != "-1") or row["visible"] == 0 for row in table)


def test_a_truth_of_the_same_person_looks_alike_and_of_others_differs(perfect: Path) -> None:
    """Colours of the middle of the crops, within and between people of one video: independent of the bookkeeping."""
    colours: dict[object, list[np.ndarray]] = defaultdict(list)
    for row in rows(perfect):
        if float(str(row["visible"])) > 0.9 and row["video"] == "c1-001":
            image = cv2.imread(str(perfect / str(row["path"])))
            assert image is not None
            colours[row["true_identity"]].append(image[16:48, 12:20].mean(axis=(0, 1)))
    within = np.mean([np.std(values, axis=0).mean() for values in colours.values() if len(values) > 3])
    between = np.std([np.mean(values, axis=0) for values in colours.values()], axis=0).mean()
    assert between > within


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, noisy: Path) -> None:
    again = write(tmp_path / "again", noise=TrackerNoise().scaled(2))
    for path in noisy.rglob("*"):
        if path.is_file():
            assert (again / path.relative_to(noisy)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"identities": 1}, "identities"), ({"appearances": 3}, "appearances"), ({"rate": 30.0}, "rate")],
)
def test_arguments_out_of_range_are_named(tmp_path: Path, changes: dict[str, object], named: str) -> None:
    with pytest.raises(DataError, match=named):
        write(tmp_path / "world", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match="not an earlier synthetic world"):
        write(tmp_path)
