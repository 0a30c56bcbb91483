from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.errors import DataError
from passerby.video.reading.mp4_boxes import read_mp4_facts
from passerby.video.reading.start_time import parse_start, start_of_name, time_zone_named
from tests.video.reading.video_files import Mp4, write_video

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("cam1_20260501_083000.mp4", "%Y%m%d_%H%M%S", datetime(2026, 5, 1, 8, 30, tzinfo=BERLIN)),
        ("2026-05-01T08.30.15.250.mkv", "%Y-%m-%dT%H.%M.%S.%f", datetime(2026, 5, 1, 8, 30, 15, 250000, tzinfo=BERLIN)),
        ("gate 1 May 2026 8-05.avi", "%d %b %Y %H-%M", datetime(2026, 5, 1, 8, 5, tzinfo=BERLIN)),
        ("x20260501083000+0200.mp4", "%Y%m%d%H%M%S%z", datetime(2026, 5, 1, 6, 30, tzinfo=UTC)),
        (
            "NVR_ch2_main_20261231235959_20270101000459.mp4",
            "main_%Y%m%d%H%M%S",
            datetime(2026, 12, 31, 23, 59, 59, tzinfo=BERLIN),
        ),
    ],
)
def test_names_tell_when_a_video_began(name: str, pattern: str, expected: datetime) -> None:
    assert start_of_name(name, pattern, BERLIN) == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)))
def test_every_moment_is_read_back_from_a_name(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    name = f"cam7_{moment:%Y%m%d%H%M%S}_x.mp4"
    assert start_of_name(name, "_%Y%m%d%H%M%S", UTC) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "pattern", "message"),
    [
        ("cam.mp4", "%Y%m%d", "its name holds no time"),
        ("cam_20261301.mp4", "%Y%m%d", "is no time as '%Y%m%d' says"),
        ("cam_20260501.mp4", "%Y%m%d", "has no time zone"),
        ("cam_20260501.mp4", "%Q", "%Q is not read from names"),
        ("cam_20260501.mp4", "%Y%", "% is not read from names"),
    ],
)
def test_what_names_do_not_tell_is_an_error(name: str, pattern: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        start_of_name(name, pattern)


def test_starts_are_read_with_their_zone() -> None:
    assert parse_start("2026-05-01T08:00:00+02:00") == datetime(2026, 5, 1, 8, tzinfo=timezone(timedelta(hours=2)))
    assert parse_start("2026-05-01 08:00", BERLIN).utcoffset() == timedelta(hours=2)
    mistakes = {
        "tomorrow": "is no time",
        "2026-05-01 08:00": "has no time zone",
        "9999-12-31T23:59:59Z": "is not in the years 1000 to 9000",
        "0001-01-01T00:00:00+14:00": "is not in the years",
    }
    for text, message in mistakes.items():
        with pytest.raises(DataError, match=message):
            parse_start(text)
    with pytest.raises(DataError, match="no time zone: name one"):
        time_zone_named("../etc/passwd")


def test_the_header_of_an_mp4_says_when_it_was_made_and_how_long_it_is(tmp_path: Path) -> None:
    mp4 = Mp4(write_video(tmp_path / "a.mp4", 20))
    mp4.set_created(3_860_000_000)
    mp4.set_durations([0.1] * 20)
    mp4.add_second_track()
    facts = read_mp4_facts(mp4.write(tmp_path / "b.mp4"))
    assert facts is not None
    assert facts.created == datetime(1904, 1, 1, tzinfo=UTC) + timedelta(seconds=3_860_000_000)
    assert facts.duration == pytest.approx(2.0, abs=0.002)
    assert facts.video_tracks == 2


@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_damaged_headers_tell_nothing_and_break_nothing(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "header.mp4"
    if not file.exists():
        write_video(file, 2)
    content = bytearray(file.read_bytes())
    place %= len(content)
    content[place : place + len(noise)] = noise
    damaged = file.with_name("damaged.mp4")
    damaged.write_bytes(content)
    read_mp4_facts(damaged)
