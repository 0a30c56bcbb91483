"""From videos to a table of tracklets and crops that other commands take."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import passerby
from passerby.data.formats.open_data import list_images
from passerby.errors import DataError, RecipeError
from passerby.tracklets import open_tracklets
from passerby.video.detection.detector import Detector
from passerby.video.frame import Frame
from passerby.workflows.tracking import live, source_work
from passerby.workflows.tracking import track as track_module
from tests.video.collection.drawn import HEIGHT, WIDTH, ReadsBoxes, walk
from tests.workflows.tracking.sequences import contents, read, write_sequence


@pytest.fixture(autouse=True)
def _detector_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    def detector(*_: object) -> Detector:
        return ReadsBoxes()

    for module in (source_work, track_module, live):
        monkeypatch.setattr(module, "new_detector", detector)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sequence(tmp_path_factory.mktemp("sequences") / "yard", 60)


def test_every_observed_box_is_a_row_and_the_best_have_crops(yard: Path, tmp_path: Path) -> None:
    tracked = passerby.track(yard, tmp_path / "out", report=False)
    table = read(tracked.table)
    assert table.column_names[:6] == ["path", "camera", "video", "track", "frame", "time"]
    assert table.num_rows == 120
    assert set(table["track"].to_pylist()) == {"yard-000001", "yard-000002"}
    assert set(table["camera"].to_pylist()) == set(table["video"].to_pylist()) == {"yard"}
    assert table["time"].to_numpy() == pytest.approx(table["frame"].to_numpy() / 25)
    row = table.filter(pa.compute.and_(pa.compute.equal(table["frame"], 7), pa.compute.equal(table["y"], 20.0)))
    assert [row[name][0].as_py() for name in ("x", "y", "width", "height")] == [24.0, 20.0, 30.0, 90.0]
    paths = [path for path in table["path"].to_pylist() if path is not None]
    assert 4 <= len(paths) <= 16
    assert sorted(paths) == [name for name in contents(tracked.folder.path) if name.startswith("crops/")]
    assert table["quality"].null_count == table["path"].null_count == 120 - len(paths)


def test_the_table_can_be_embedded_and_denoised(yard: Path, tmp_path: Path) -> None:
    table = passerby.track(yard, tmp_path / "out").table
    images = list_images(table)
    assert len(images) == len(read(table)) - read(table)["path"].null_count
    features = tmp_path / "features.parquet"
    passerby.embed("tiny-clip", table, features)
    assert open_tracklets(table, features).count == len(images)
    denoised = passerby.denoise(table, tmp_path / "identities.parquet", features=features, report=False)
    assert read(denoised.denoised.out)["path"].null_count == 0


def test_the_same_call_again_does_nothing_and_another_is_refused(yard: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = passerby.track(yard, out)
    before = contents(out)
    assert passerby.track(yard, out).sources == first.sources
    assert contents(out) == before
    with pytest.raises(DataError, match="holds the tracklets of another command, with other fps: name a new folder"):
        passerby.track(yard, out, fps=5)
    assert passerby.track(yard, out, fps=5, replace=True).sources[0]["frames_analysed"] == 12
    assert json.loads((out / "track.json").read_text())["request"]["fps"] == 5


def test_a_folder_of_something_else_is_left_alone(yard: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for replace in (False, True):
        with pytest.raises(DataError, match=r"holds something else \(notes.txt\): name a new folder with --out"):
            passerby.track(yard, tmp_path, replace=replace)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_start_makes_times_of_day_and_ids(yard: Path, tmp_path: Path) -> None:
    sources = [{"source": str(yard), "start": "2026-05-01T08:00:00+02:00", "clock_offset": 1.5, "camera": "gate"}]
    table = read(passerby.track(sources, tmp_path / "out").table)
    assert table["time"].type == pa.timestamp("us", tz="UTC")
    assert table["time"][0].as_py() == datetime(2026, 5, 1, 6, 0, 1, 500_000, tzinfo=UTC)
    assert table["track"][0].as_py() == "yard-20260501T060001.500Z-000001"
    assert set(table["camera"].to_pylist()) == {"gate"}


def test_a_form_of_names_is_set_as_it_stands(tmp_path: Path) -> None:
    sequence = write_sequence(tmp_path / "yard_20260501_083000", 60)
    form, zone = "reading.start_pattern=%Y%m%d_%H%M%S", "reading.time_zone=Europe/Berlin"
    tracked = passerby.track(sequence, tmp_path / "out", settings=[form, zone])
    assert tracked.sources[0]["start"] == "2026-05-01T08:30:00+02:00"


def test_what_is_dropped_is_listed_with_its_reason_and_a_crop(yard: Path, tmp_path: Path) -> None:
    tracked = passerby.track(yard, tmp_path / "out", settings=["tracklets.min_height=95"])
    assert read(tracked.table).num_rows == 60
    dropped = read(tracked.folder.dropped).to_pylist()
    assert [row["reason"] for row in dropped] == ["at most 90 pixels high, less than 95"]
    assert (dropped[0]["boxes"], dropped[0]["frame"], dropped[0]["last_frame"]) == (60, 0, 59)
    assert (tracked.folder.path / dropped[0]["path"]).is_file()
    assert tracked.sources[0]["dropped"] == {"at most … pixels high": 1}
    page = tracked.folder.page.read_text()
    assert "at most 90 pixels high, less than 95" in page


def test_perfect_tracks_are_perfect_against_the_truth(yard: Path, tmp_path: Path) -> None:
    quality = passerby.track(yard, tmp_path / "out", ground_truth=yard).quality
    assert quality is not None
    figures = quality.figures()["yard"]
    assert figures["HOTA"] == figures["IDF1"] == figures["purity"] == 1.0
    assert quality.worst == []
    every_third = passerby.track(yard, tmp_path / "slow", ground_truth=yard / "gt" / "gt.txt", fps=9).quality
    assert every_third is not None
    assert every_third.figures()["yard"]["DetA"] == 1.0


def test_tracks_that_are_cut_are_judged_whole(yard: Path, tmp_path: Path) -> None:
    met = ["tracklets.cut_at_overlap=0.3"]
    tracked = passerby.track(yard, tmp_path / "out", ground_truth=yard, settings=met)
    assert {row["track"] for row in read(tracked.table).to_pylist()} == {
        f"yard-{name}" for name in ("000001", "000001.2", "000002", "000002.2")
    }
    assert tracked.quality is not None
    figures = tracked.quality.figures()["yard"]
    assert figures["HOTA"] == figures["IDF1"] == figures["purity"] == 1.0
    assert figures["tracklets per person"] == 2.0
    assert figures["coverage"] < 1.0


def test_a_track_of_two_people_is_the_worst(yard: Path, tmp_path: Path) -> None:
    truth = (yard / "gt" / "gt.txt").read_text().splitlines()
    swapped = [
        ",".join([row.split(",")[0], str(3 - int(row.split(",")[1])), *row.split(",")[2:]])
        if int(row.split(",")[0]) > 40
        else row
        for row in truth
    ]
    (tmp_path / "yard.txt").write_text("\n".join(swapped))
    quality = passerby.track(yard, tmp_path / "out", ground_truth=tmp_path).quality
    assert quality is not None
    assert [(each.boxes, each.of_main, each.people, each.false) for each in quality.worst] == [(60, 40, 2, 0)] * 2
    assert "The worst tracks" in (tmp_path / "out" / "report.html").read_text()


def test_a_truth_that_is_missing_is_said_before_anything_is_done(yard: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no ground truth of yard"):
        passerby.track(yard, tmp_path / "out", ground_truth=tmp_path)
    assert not (tmp_path / "out").exists()


def test_videos_are_drawn_with_every_analysed_frame(yard: Path, tmp_path: Path) -> None:
    import cv2

    (file,) = passerby.track(yard, tmp_path / "out", draw=True).drawn
    capture = cv2.VideoCapture(str(file))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 60
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(25, abs=0.5)
    drawn = capture.read()[1]
    capture.release()
    box = drawn[18:23, 10:40].astype(int)
    assert np.ptp(box, axis=2).max() > 80


def test_fragments_that_look_alike_are_joined(tmp_path: Path) -> None:
    frames = [frame for frame in walk(150) if not 60 <= frame.number < 90]
    sequence = write_sequence(tmp_path / "yard", 150, frames=frames)
    plain = passerby.track(sequence, tmp_path / "plain", settings=["reading.damage_limit=1"])
    joined = passerby.track(
        sequence, tmp_path / "joined", model="tiny-clip", join=True,
        settings=["join.distance=1.5", "tracker.appearance.gap=0", "reading.damage_limit=1"],
    )  # fmt: skip
    assert plain.tracklets > joined.tracklets
    assert joined.sources[0]["joined"] == plain.tracklets - joined.tracklets
    table = read(joined.table)
    assert table.num_rows == read(plain.table).num_rows
    rows = table.to_pydict()
    seen = list(zip(rows["track"], rows["frame"], strict=True))
    assert len(set(seen)) == len(seen)
    crops = [track for track, path in zip(rows["track"], rows["path"], strict=True) if path]
    assert max(crops.count(track) for track in set(crops)) <= 8
    assert sum(path is not None for path in rows["path"]) == len(list((tmp_path / "joined" / "crops").rglob("*.jpg")))


def test_a_distance_that_has_to_be_said_does_not_begin_the_work_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [frame for frame in walk(150) if not 60 <= frame.number < 90]
    sequence, out = write_sequence(tmp_path / "yard", 150, frames=frames), tmp_path / "out"
    settings = ["tracker.appearance.gap=0", "reading.damage_limit=1"]
    with pytest.raises(DataError, match=r"too few to calibrate from.*--set join.distance=0.2"):
        passerby.track(sequence, out, model="tiny-clip", join=True, settings=settings)
    monkeypatch.setattr(source_work, "new_detector", None)  # nothing is looked for again
    with pytest.raises(DataError, match="holds the tracklets of another command, with other settings"):
        passerby.track(sequence, out, model="tiny-clip", settings=[*settings, "crops.count=3"])
    joined = passerby.track(sequence, out, model="tiny-clip", join=True, settings=[*settings, "join.distance=1.5"])
    assert joined.sources[0]["joined"] > 0
    with pytest.raises(DataError, match="with other join: name a new folder"):
        passerby.track(sequence, out, model="tiny-clip", join=True, settings=[*settings, "join.distance=1.4"])


def test_a_folder_of_which_nothing_came_is_free_for_another_command(yard: Path, tmp_path: Path) -> None:
    (tmp_path / "gate.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match="cannot be read as a video"):
        passerby.track(tmp_path / "gate.mp4", tmp_path / "out")
    assert "track.json" not in contents(tmp_path / "out")
    assert passerby.track(yard, tmp_path / "out").tracklets == 2


def test_a_camera_that_saw_nobody_is_counted_on_the_page(yard: Path, tmp_path: Path) -> None:
    nobody = Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 0, 0.0, None, False)
    gate = write_sequence(tmp_path / "gate", 1, frames=[nobody])
    tracked = passerby.track([yard, gate], tmp_path / "out", threads=1)
    assert [source["boxes"] for source in tracked.sources] == [120, 0]
    assert tracked.page is not None
    assert "of 2 cameras<" in tracked.page.read_text("utf-8")


def test_a_table_that_was_removed_is_missed(yard: Path, tmp_path: Path) -> None:
    passerby.track(yard, tmp_path / "out").table.unlink()
    with pytest.raises(DataError, match=r"tracklets.parquet: is not there any more.*begin anew with --replace"):
        passerby.track(yard, tmp_path / "out")
    assert passerby.track(yard, tmp_path / "out", replace=True).table.is_file()


def test_a_source_that_cannot_be_read_does_not_stop_the_others(yard: Path, tmp_path: Path) -> None:
    broken = tmp_path / "gate.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(DataError, match=r"1 of 2 sources could not be read, the others are in .*: gate: "):
        passerby.track([yard, broken], tmp_path / "out", threads=1)
    assert read(tmp_path / "out" / "tracklets.parquet").num_rows == 120
    assert "outcome" not in json.loads((tmp_path / "out" / "track.json").read_text())


def test_a_model_that_nobody_asks_is_refused(yard: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--model would do nothing"):
        passerby.track(yard, tmp_path / "out", model="tiny-clip", settings=["tracker.appearance={gap: 0, weight: 0}"])
    with pytest.raises(DataError, match="name a model with --model"):
        passerby.track(yard, tmp_path / "out", join=True)
    with pytest.raises(DataError, match=r"join.distance would do nothing"):
        passerby.track(yard, tmp_path / "out", settings=["join.distance=0.2"])
    with pytest.raises(DataError, match="--device cuda would do nothing, for detectors run on the CPU"):
        passerby.track(yard, tmp_path / "out", device="cuda")
    for fps in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(DataError, match="fps must be a number above 0"):
            passerby.track(yard, tmp_path / "out", fps=fps)
    with pytest.raises(RecipeError, match="'nonsense' is no setting: write key=value"):
        passerby.track(yard, tmp_path / "out", settings=["nonsense"])
    with pytest.raises(RecipeError, match=r"tracker.bufer: unknown setting; did you mean 'tracker.buffer'"):
        passerby.track(yard, tmp_path / "out", settings=["tracker.bufer=2"])


def test_live_tracking_gives_frames_people_and_tracklets(yard: Path) -> None:
    seen = list(passerby.track_live(yard))
    assert [each.frame.number for each in seen] == [*range(60), 59]
    assert [counter for counter, _ in seen[30].people] == [1, 2]
    assert seen[30].people[0][1].tolist() == [70.0, 20.0, 100.0, 110.0]
    tracklets = [tracklet for each in seen for tracklet in each.tracklets]
    assert [str(tracklet.id) for tracklet in tracklets] == ["yard-000001", "yard-000002"]
    with pytest.raises(DataError, match="draw is about what"):
        passerby.track_live(yard, draw=True)
