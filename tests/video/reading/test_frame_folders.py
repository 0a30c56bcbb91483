"""Folders of pictures as sources."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest

from passerby.errors import DataError
from passerby.video.reading import open_source, wall_time
from tests.video.reading.video_files import number_shown, numbered_picture


def write_sequence(folder: Path, numbers: list[int], length: int | None = None, rate: str = "10") -> Path:
    (folder / "img1").mkdir(parents=True)
    for number in numbers:
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.jpg"), numbered_picture(number))
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname=x\nimDir=img1\nframeRate={rate}\nseqLength={length or numbers[-1]}\nimExt=.jpg\n"
    )
    return folder


def test_a_sequence_of_motchallenge_has_its_own_rate_and_numbers(tmp_path: Path) -> None:
    with open_source(write_sequence(tmp_path / "seq", list(range(1, 13)))) as source:
        frames = list(source)
    assert [frame.number for frame in frames] == list(range(12))
    assert [number_shown(frame.image) for frame in frames] == list(range(1, 13))
    assert [frame.time for frame in frames] == pytest.approx([number / 10 for number in range(12)])
    assert source.duration == pytest.approx(1.2)
    assert not any(frame.discontinuity for frame in frames)


def test_pictures_that_lack_or_are_damaged_are_counted_and_leave_a_gap(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "seq", [1, 2, 3, *range(20, 31)], length=40)
    (folder / "img1" / "000022.jpg").write_bytes(b"\xff\xd8 no picture")
    with open_source(folder) as source:
        frames = list(source)
        summary = source.summary
    assert [frame.number for frame in frames] == [0, 1, 2, 19, 20, *range(22, 30)]
    assert [frame.number for frame in frames if frame.discontinuity] == [19]
    assert (summary.frames_damaged, summary.frames_missing, summary.frames_read) == (1, 26, 14)
    assert summary.damaged_share == pytest.approx(27 / 40)


def test_a_plain_folder_needs_a_rate(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "c.png"):
        cv2.imwrite(str(tmp_path / name), numbered_picture(ord(name[0])))
    with pytest.raises(DataError, match="give frame_rate"):
        open_source(tmp_path)
    start = datetime(2026, 5, 1, tzinfo=UTC)
    with open_source(tmp_path, frame_rate=2, start=start) as source:
        frames = list(source)
    assert [number_shown(frame.image) for frame in frames] == [97, 98, 99]
    assert frames[2].wall_time == start + timedelta(seconds=1)


def test_numbers_that_are_times_are_refused(tmp_path: Path) -> None:
    for name in ("1714543200000000", "1714543300000001"):
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), numbered_picture(1))
    with pytest.raises(DataError, match="the numbers of its pictures lie more than 100,000,000 apart"):
        open_source(tmp_path, frame_rate=10)


@pytest.mark.parametrize("rate", [1e-300, 1e-6, 1e5, 1e300])
def test_a_rate_that_no_camera_has_is_refused(tmp_path: Path, rate: float) -> None:
    cv2.imwrite(str(tmp_path / "1.jpg"), numbered_picture(1))
    with pytest.raises(DataError, match=r"pictures a second is not between 1e-05 and 10,000: correct frame_rate"):
        open_source(tmp_path, frame_rate=rate)


def test_a_time_beyond_the_calendar_is_an_error() -> None:
    with pytest.raises(DataError, match="no calendar has a date"):
        wall_time(datetime(2026, 5, 1, tzinfo=UTC), 1e13)


def test_a_folder_is_analysed_and_resumed_like_a_video(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "seq", list(range(1, 31)))
    with open_source(folder, fps=3) as source:
        whole = [frame[1:] for frame in source]
    with open_source(folder, fps=3, skip_to=9) as source:
        assert [frame[1:] for frame in source] == [frame for frame in whole if frame[0] >= 9]
    assert [frame[0] for frame in whole] == [0, 4, 8, 12, 16, 20, 24, 28]


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "fast"])
def test_a_wrong_seqinfo_is_refused_by_name(tmp_path: Path, rate: str) -> None:
    with pytest.raises(DataError, match=r"seqinfo.ini"):
        open_source(write_sequence(tmp_path / "seq", [1, 2], rate=rate))


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures"):
        open_source(tmp_path)
