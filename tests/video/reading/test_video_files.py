"""Reading files as cameras, phones and accidents leave them."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from passerby.errors import DataError
from passerby.video.frame import Frame
from passerby.video.reading import SourceSummary, check_damage, open_source
from tests.video.reading.video_files import HEIGHT, WIDTH, Mp4, flip_bits, number_shown, write_video


def read(path: Path, **options: object) -> tuple[list[Frame], SourceSummary]:
    with open_source(path, **options) as source:  # type: ignore[arg-type]
        return list(source), source.summary


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "cam1.mp4")


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "mp4v")])
def test_frames_come_in_order_with_numbers_times_and_rgb(tmp_path: Path, name: str, codec: str) -> None:
    frames, summary = read(write_video(tmp_path / name, 20, codec=codec, rate=12.5))
    assert [number_shown(frame.image) for frame in frames] == [frame.number for frame in frames] == list(range(20))
    assert [frame.time for frame in frames] == [round(0.08 * number, 6) for number in range(20)]
    assert all(frame.image[-5, 5].tolist()[0] > 200 and frame.image[-5, 5].tolist()[2] < 60 for frame in frames)
    assert summary.frames_read == summary.frames_analysed == 20
    assert summary.damaged_share == 0.0
    assert not any(frame.discontinuity for frame in frames)


def test_times_are_those_of_a_variable_rate(video: Path, tmp_path: Path) -> None:
    durations = [0.02 + 0.05 * (number % 4) for number in range(20)]
    mp4 = Mp4(video)
    mp4.set_durations(durations)
    frames, summary = read(mp4.write(tmp_path / "variable.mp4"))
    assert [frame.time for frame in frames] == pytest.approx(np.cumsum([0, *durations[:-1]]).tolist(), abs=0.001)
    assert [number_shown(frame.image) for frame in frames] == list(range(20))
    assert summary.repaired_times == 0


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotated_videos_are_upright(video: Path, tmp_path: Path, degrees: int) -> None:
    mp4 = Mp4(video)
    mp4.set_rotation(degrees)
    frames, _ = read(mp4.write(tmp_path / "rotated.mp4"))
    expected = (HEIGHT, WIDTH, 3) if degrees in (0, 180) else (WIDTH, HEIGHT, 3)
    assert {frame.image.shape for frame in frames} == {expected}
    turned_back = [np.rot90(frame.image, degrees // 90) for frame in frames]  # counter-clockwise
    assert [number_shown(image) for image in turned_back] == list(range(20))


@pytest.mark.parametrize("size", [(131, 97), (129, 64), (64, 33)])
def test_odd_sizes_are_kept(tmp_path: Path, size: tuple[int, int]) -> None:
    file = tmp_path / "odd.avi"
    writer = cv2.VideoWriter(str(file), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter.fourcc(*"MJPG"), 25, size)
    for number in range(3):
        writer.write(np.full((size[1], size[0], 3), 60 * number, np.uint8))
    writer.release()
    frames, _ = read(file)
    assert [frame.image.shape for frame in frames] == [(size[1], size[0], 3)] * 3


def test_of_two_video_tracks_one_is_read(video: Path, tmp_path: Path) -> None:
    mp4 = Mp4(video)
    mp4.add_second_track()
    frames, _ = read(mp4.write(tmp_path / "two.mp4"))
    assert [number_shown(frame.image) for frame in frames] == list(range(20))


def test_time_stamps_that_stand_still_are_repaired_and_counted(video: Path, tmp_path: Path) -> None:
    mp4 = Mp4(video)
    mp4.set_durations([0.04] * 5 + [0.0] * 5 + [0.04] * 10)
    frames, summary = read(mp4.write(tmp_path / "still.mp4"))
    assert len(frames) == 20
    assert all(np.diff([frame.time for frame in frames]) > 0)
    assert summary.repaired_times >= 5


def test_a_cut_off_file_is_read_as_far_as_it_goes(video: Path, tmp_path: Path) -> None:
    whole = Mp4(video).write(tmp_path / "whole.mp4", header_first=True)
    frames, _ = read(whole)
    assert len(frames) == 20
    cut = tmp_path / "cut.mp4"
    longer = write_video(tmp_path / "long.mp4", 100)
    Mp4(longer).write(cut, header_first=True)
    content = cut.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    frames, summary = read(cut)
    assert 30 <= len(frames) <= 70
    assert [number_shown(frame.image) for frame in frames[:-2]] == list(range(len(frames) - 2))
    assert summary.frames_read + summary.frames_missing == pytest.approx(100, abs=1)
    with pytest.raises(DataError, match=r"cut.mp4: \d\d.\d% of its frames are damaged or missing"):
        check_damage(summary)
    check_damage(summary, limit=0.8)


def test_a_file_without_its_header_is_refused_in_one_line(video: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with pytest.raises(
        DataError, match=r"^[^\n]*cut.mp4 cannot be read as a video \([^\n]+\): give a file that plays$"
    ):
        open_source(cut)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "mp4v")])
def test_flipped_bits_are_read_over_and_counted(tmp_path: Path, name: str, codec: str) -> None:
    source = write_video(tmp_path / name, 100, codec=codec)
    frames, summary = read(flip_bits(source, tmp_path / f"flipped-{name}", 20, 0.3, 0.6))
    assert number_shown(frames[-1].image) > 90
    assert summary.frames_read + summary.frames_missing == pytest.approx(100, abs=3)
    assert 0 < summary.damaged_share < 0.5
    again = read(tmp_path / f"flipped-{name}")[1]
    assert again == summary


def test_analysis_at_a_rate_goes_by_time(video: Path, tmp_path: Path) -> None:
    frames, summary = read(video, fps=5)
    assert [frame.number for frame in frames] == [0, 5, 10, 15]
    assert (summary.frames_read, summary.frames_analysed) == (20, 4)
    mp4 = Mp4(video)
    mp4.set_durations([0.3] * 10 + [0.05] * 10)
    frames, _ = read(mp4.write(tmp_path / "variable.mp4"), fps=5)
    assert [frame.number for frame in frames] == [*range(11), 14, 18]


@pytest.mark.parametrize(("fps", "skip"), [(None, 1), (None, 19), (7.0, 7), (7.0, 50)])
def test_what_follows_does_not_depend_on_what_was_skipped(video: Path, fps: float | None, skip: int) -> None:
    whole, _ = read(video, fps=fps)
    rest, summary = read(video, fps=fps, skip_to=skip)
    assert [frame[1:] for frame in rest] == [frame[1:] for frame in whole if frame.number >= skip]
    assert summary.frames_read == 20


def test_the_wall_clock_comes_from_the_user_the_name_or_the_container(video: Path, tmp_path: Path) -> None:
    made = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
    mp4 = Mp4(video)
    mp4.set_created(round((made - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds()))
    file = mp4.write(tmp_path / "cam3_20260501-093000.mp4")
    said = datetime(2026, 5, 1, 7, 0, tzinfo=UTC)
    assert read(file)[0][5].wall_time == made + timedelta(seconds=0.2)
    named = read(file, start_pattern="%Y%m%d-%H%M%S", time_zone=UTC)[0][0].wall_time
    assert named == datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
    assert read(file, start=said, start_pattern="%Y%m%d-%H%M%S", time_zone=UTC)[0][0].wall_time == said
    assert read(video)[0][0].wall_time is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": 0}, "fps must be above 0, not 0"),
        ({"fps": float("nan")}, "fps must be above 0, not nan"),
        ({"skip_to": -1}, "skip_to must be a frame's number"),
        ({"frame_rate": 25}, "leave out frame_rate"),
        ({"start": datetime(2026, 5, 1)}, "has no time zone"),
        ({"start_pattern": "%Y%m%d"}, "its name holds no time of the form '%Y%m%d'"),
    ],
)
def test_options_that_make_no_sense_are_refused(video: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source(video, **options)  # type: ignore[arg-type]


def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "a\x1b.mp4"
    text.write_text("no video")
    for path, message in ((text, r"a\\x1b.mp4 cannot be read as a video"), (tmp_path / "b.mp4", "b.mp4 is missing")):
        with pytest.raises(DataError, match=message) as caught:
            open_source(path)
        assert "\n" not in str(caught.value)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="it is a pipe"):
        open_source(tmp_path / "pipe")


def test_a_decoder_that_crashes_costs_the_rest_of_its_file_alone(tmp_path: Path) -> None:
    file = write_video(tmp_path / "long.mp4", 1000)
    with open_source(file) as source:
        frames = iter(source)
        next(frames)
        os.kill(source._process._process.pid, signal.SIGSEGV)  # type: ignore[attr-defined]
        rest = list(frames)
        assert len(rest) < 500
        assert source.summary.damaged_share == pytest.approx(1 - len(rest) / 1000, abs=0.02)


def test_the_decoder_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    file = write_video(tmp_path / "long.mp4", 200)
    script = (
        "import sys, time; from passerby.video.reading import open_source\n"
        "source = open_source(sys.argv[1]); next(iter(source))\n"
        "print(source._process._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(file)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_source_that_is_closed_or_forgotten_ends_its_process(tmp_path: Path) -> None:
    file = write_video(tmp_path / "long.mp4", 1000)
    source = open_source(file)
    frames = iter(source)
    next(frames)
    source.close()
    assert len(list(frames)) < 20
    assert source.summary.frames_missing == 0
    forgotten = open_source(file)
    next(iter(forgotten))
    child = forgotten._process._process.pid  # type: ignore[attr-defined]
    del forgotten
    assert not _runs(child)
