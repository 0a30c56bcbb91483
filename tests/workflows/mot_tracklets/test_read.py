"""MOTChallenge's sequences as tables of tracklets with crops."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

import passerby.workflows.mot_tracklets.crops as crops_module
from passerby.data.pixels.decoding import read_image
from passerby.errors import DataError, EvaluationError
from passerby.synth import write_videos
from passerby.workflows.denoise import read_tracklets
from tests.workflows.tracking.sequences import contents, write_sequence

LENGTH = 12


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    return write_sequence(tmp_path / "in" / "YARD-1", LENGTH)


def rows_of(file: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(file).to_pylist()
    return rows


def lines_of(sequence: Path) -> list[list[str]]:
    return [line.split(",") for line in (sequence / "gt" / "gt.txt").read_text().splitlines()]


def write_truth(sequence: Path, lines: list[list[str]]) -> None:
    (sequence / "gt" / "gt.txt").write_text("".join(",".join(line) + "\n" for line in lines))


def read(source: Path, out: Path, **options: object) -> list[dict[str, object]]:
    count = read_tracklets("mot", source, out, **options)  # type: ignore[arg-type]
    rows = rows_of(out)
    assert len(rows) == count
    return rows


def test_each_box_of_the_truth_becomes_a_row_and_a_crop_of_its_size_and_margin(sequence: Path, tmp_path: Path) -> None:
    rows = read(sequence, tmp_path / "t.parquet")
    truth = {(int(line[0]) - 1, line[1]): [float(value) for value in line[2:6]] for line in lines_of(sequence)}
    assert len(rows) == len(truth)
    for row in rows:
        person = str(row["true_identity"]).removeprefix("YARD-1-")
        left, top, width, height = truth[int(str(row["frame"])), person]
        assert (row["x"], row["y"], row["width"], row["height"]) == (left, top, width, height)
        assert row["video"] == row["camera"] == "YARD-1"
        assert row["track"] == f"{person}_0"
        crop = np.asarray(read_image(tmp_path / str(row["path"])))
        assert crop.shape[0] <= np.ceil(1.2 * height) + 1
        assert crop.shape[1] <= np.ceil(1.2 * width) + 1


def test_a_crop_shows_the_frame_where_its_box_is(sequence: Path, tmp_path: Path) -> None:
    row = read(sequence, tmp_path / "t.parquet")[5]
    frame = np.asarray(read_image(sequence / "img1" / f"{int(str(row['frame'])) + 1:06d}.png"))
    x, y, width, height = (float(str(row[name])) for name in ("x", "y", "width", "height"))
    top, left = max(0, int(np.floor(y - 0.1 * height))), max(0, int(np.floor(x - 0.1 * width)))
    crop = np.asarray(read_image(tmp_path / str(row["path"]))).mean(axis=2)
    away = {
        (down, across): np.abs(crop - _window(frame, top + down, left + across, crop.shape)).mean()
        for down in (-1, 0, 1)
        for across in (-1, 0, 1)
    }
    assert min(away, key=lambda place: away[place]) == (0, 0)


def _window(frame: NDArray[np.uint8], top: int, left: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return frame[top : top + shape[0], left : left + shape[1]].mean(axis=2)


def test_what_motchallenge_does_not_count_and_nobody_sees_is_left_out(sequence: Path, tmp_path: Path) -> None:
    lines = lines_of(sequence)
    lines[0][6] = "0"  # not to be considered
    lines[1][7] = "7"  # a static person
    lines[2][8] = "0"  # wholly hidden
    write_truth(sequence, lines)
    left_out = {(int(line[0]) - 1, f"YARD-1-{line[1]}") for line in lines[:3]}
    rows = read(sequence, tmp_path / "t.parquet")
    assert len(rows) == len(lines) - 3
    assert not left_out & {(row["frame"], row["true_identity"]) for row in rows}


def test_a_person_who_was_away_for_the_gap_is_another_tracklet(sequence: Path, tmp_path: Path) -> None:
    write_truth(sequence, [line for line in lines_of(sequence) if line[1] == "1" and line[0] not in ("5", "6", "7")])
    assert {row["track"] for row in read(sequence, tmp_path / "a.parquet", gap=5)} == {"1_0"}
    rows = read(sequence, tmp_path / "b.parquet", gap=4)
    assert {row["track"]: row["true_identity"] for row in rows} == {"1_0": "YARD-1-1", "1_1": "YARD-1-1"}


def test_only_every_so_many_th_frame_is_read(sequence: Path, tmp_path: Path) -> None:
    rows = read(sequence, tmp_path / "t.parquet", every=5)
    assert {row["frame"] for row in rows} == {0, 5, 10}


def test_tracks_are_told_whom_they_show_and_what_follows_the_ignored_is_left_out(
    sequence: Path, tmp_path: Path
) -> None:
    lines = lines_of(sequence)
    tracks = [[line[0], f"9{line[1]}", *line[2:6], "0.5", "-1", "-1", "-1"] for line in lines]
    far = [["1", "7", "1", "1", "9", "9", "0.5", "-1", "-1", "-1"]]
    (tmp_path / "found.txt").write_text("".join(",".join(line) + "\n" for line in tracks + far))
    for line in lines:
        if line[1] == "2":
            line[7] = "8"  # a distractor
    write_truth(sequence, lines)
    rows = read(sequence, tmp_path / "t.parquet", tracks=tmp_path / "found.txt")
    shown = {(str(row["track"]), str(row["true_identity"])) for row in rows}
    people = {line[1] for line in lines if line[1] != "2"}
    assert shown == {("7", "-1"), *((f"9{each}", f"YARD-1-{each}") for each in people)}
    assert {row["score"] for row in rows} == {0.5}


def test_a_sequence_without_truth_is_read_by_its_tracks(sequence: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (sequence / "gt" / "gt.txt").rename(tmp_path / "results" / "YARD-1.txt")
    with pytest.raises(DataError, match=r"has no gt/gt\.txt and no tracks"):
        read(sequence, tmp_path / "t.parquet")
    rows = read(sequence, tmp_path / "t.parquet", tracks=tmp_path / "results")
    assert rows
    assert "true_identity" not in rows[0]


def test_several_sequences_keep_their_numbers_apart_and_mot17_is_read_once(sequence: Path, tmp_path: Path) -> None:
    for name in ("MOT17-02-DPM", "MOT17-02-FRCNN", "MOT17-02-SDP"):
        shutil.copytree(sequence, sequence.parent / name)
    rows = read(sequence.parent, tmp_path / "t.parquet")
    assert {row["video"] for row in rows} == {"YARD-1", "MOT17-02-DPM"}
    assert {str(row["true_identity"]).rpartition("-")[0] for row in rows} == {"YARD-1", "MOT17-02-DPM"}


def test_boxes_outside_the_frame_or_of_a_damaged_or_missing_one_have_no_row(
    sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(sequence)
    lost = sum(line[0] in ("3", "4") for line in lines)
    (sequence / "img1" / "000003.png").write_bytes(b"no picture")
    (sequence / "img1" / "000004.png").unlink()
    write_truth(sequence, [*lines, ["1", "77", "-50", "-50", "20", "20", "1", "1", "1"]])
    rows = read(sequence, tmp_path / "t.parquet", show=True)
    assert len(rows) == len(lines) - lost
    assert f"{lost + 1} boxes have no crop" in capsys.readouterr().err


def test_an_interrupted_call_goes_on_and_gives_the_same_bytes(
    sequence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(sequence, tmp_path / "whole" / "t.parquet")
    written, encode = 0, crops_module.as_jpeg
    folder = sequence / "found"  # beside the pictures themselves

    def breaks(*arguments: object) -> bytes:
        nonlocal written
        written += 1
        if written == 7:
            raise KeyboardInterrupt
        return encode(*arguments)  # type: ignore[arg-type]

    out = folder / "t.parquet"
    monkeypatch.setattr(crops_module, "as_jpeg", breaks)
    with pytest.raises(KeyboardInterrupt):
        read(sequence, out)
    assert not out.exists()
    rows = read(sequence, out)
    assert written == 7 + len(rows) - 6  # the six are not cut again
    whole, broken = contents(tmp_path / "whole"), contents(folder)
    assert whole == broken


def test_crops_of_another_call_are_replaced_and_of_nobody_touched(sequence: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    read(sequence, out)
    rows = read(sequence, out, every=4)
    assert {file.name for file in (tmp_path / "t-crops" / "YARD-1").iterdir()} == {
        Path(str(row["path"])).name for row in rows
    }
    (tmp_path / "u-crops").mkdir()
    (tmp_path / "u-crops" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="u-crops holds something else"):
        read(sequence, tmp_path / "u.parquet")
    assert (tmp_path / "u-crops" / "mine.txt").read_text() == "mine"


def test_drawn_videos_are_read_with_their_tracks_and_people_of_all_cameras(tmp_path: Path) -> None:
    world = write_videos(tmp_path / "world", identities=6, cameras=2, seconds=4, seed=3, show_progress=False)
    rows = read(world, tmp_path / "t.parquet", every=10)
    expected: dict[tuple[str, int, str], str] = {}
    for file in sorted((world / "tracks").glob("*_true.txt")):
        for line in file.read_text().splitlines():
            frame, track, person = line.split(",")
            expected[file.name.removesuffix("_true.txt"), int(frame) - 1, track] = person
    own = [expected[str(row["video"]), int(str(row["frame"])), str(row["track"])] for row in rows]
    alike = np.mean([row["true_identity"] == person for row, person in zip(rows, own, strict=True)])
    assert len({row["video"] for row in rows}) == 2
    assert alike > 0.9  # where two people overlap, boxes that shake lie nearer to the other one at times


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [[*lines[0]], *lines], "is twice in frame 0"),
        (lambda lines: [["1", "1", "x"]], "line 1: '1,1,x' is not numbers and commas"),
        (lambda lines: [["1", "1", "900", "900", "5", "5", "1", "1", "1"]], "has no box that lies in a picture"),
    ],
)
def test_a_wrong_truth_is_one_clear_line(sequence: Path, tmp_path: Path, change: object, message: str) -> None:
    write_truth(sequence, change(lines_of(sequence)))  # type: ignore[operator]
    with pytest.raises((DataError, EvaluationError), match=message):
        read(sequence, tmp_path / "t.parquet")
    assert not (tmp_path / "t.parquet").exists()


def test_what_does_not_fit_is_refused(sequence: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    detections = tmp_path / "det.txt"
    detections.write_text("1,-1,1,1,5,5,0.9,-1,-1,-1\n")
    with pytest.raises(DataError, match="holds detections, of track -1"):
        read(sequence, out, tracks=detections)
    with pytest.raises(DataError, match="holds no sequences"):
        read(tmp_path, out)
    with pytest.raises(DataError, match="is no folder: name the folder of a sequence"):
        read(detections, out)
    shutil.copytree(sequence, sequence.parent / "YARD-2")
    with pytest.raises(DataError, match="several sequences need one"):
        read(sequence.parent, out, tracks=detections)
    with pytest.raises(DataError, match=r"it needs YARD-1\.txt"):
        read(sequence.parent, out, tracks=tmp_path)
    with pytest.raises(DataError, match="are for mot: leave them out for mars"):
        read_tracklets("mars", sequence, out, every=2)
