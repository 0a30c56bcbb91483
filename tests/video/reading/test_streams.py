"""Streams that stall, break off and come back."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from passerby.errors import DataError
from passerby.video.frame import Frame
from passerby.video.reading import open_source, shown_name
from passerby.video.reading.source import Source
from tests.video.reading.stream_server import Mood, StreamServer
from tests.video.reading.video_files import number_shown, write_video


def wait_for_break(source: Source, limit: float = 15.0) -> Frame:
    """Read on until the first frame after a break."""
    began = time.monotonic()
    for frame in source:
        if frame.discontinuity:
            return frame
        assert time.monotonic() - began < limit
    raise AssertionError("the stream ended")


def test_frames_of_a_stream_are_stamped_as_they_arrive() -> None:
    with StreamServer(rate=20) as server, open_source(server.address) as source:
        frames = list(islice(source, 20))
        assert [frame.number for frame in frames] == list(range(20))
        assert [number_shown(frame.image) for frame in frames] == list(range(20))
        times = [frame.time for frame in frames]
        assert (np.diff(times) > 0).all()
        assert 0.8 < times[-1] - times[0] < 3
        assert frames[-1].wall_time is not None
        assert abs(frames[-1].wall_time - datetime.now(UTC)) < timedelta(seconds=1)
        assert source.duration is None


def test_a_stream_is_analysed_at_a_rate() -> None:
    with StreamServer(rate=40) as server, open_source(server.address, fps=5) as source:
        frames = list(islice(source, 4))
        assert min(np.diff([frame.time for frame in frames])) > 0.19
        assert source.summary.frames_read > 12


@pytest.mark.parametrize("mood", ["stalls", "hangs up", "refuses"])
def test_a_stream_that_breaks_comes_back(mood: Mood) -> None:
    said: list[str] = []
    with (
        StreamServer() as server,
        open_source(server.address, read_timeout=1.0, open_timeout=1.0, tell=said.append, give_up_after=15) as source,
    ):
        before = list(islice(source, 5))[-1]
        server.mood = mood
        threading.Timer(1.5, setattr, (server, "mood", "sends")).start()
        frame = wait_for_break(source)
        assert frame.number > before.number
        assert frame.time > before.time
        assert source.summary.reconnections >= 1
        assert [line.endswith("opening it again") for line in said[:2]] == [True, False]
        assert all("secret" not in line and "hidden" not in line for line in said)


def test_a_server_that_is_not_there_is_an_error_in_one_line() -> None:
    with StreamServer() as server:
        address = server.address
    with pytest.raises(DataError, match=r"^http://127.0.0.1:\d+/camera.mjpg cannot be read as a video") as caught:
        open_source(address)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_giving_up_is_an_error() -> None:
    with StreamServer() as server, open_source(server.address, give_up_after=1.0) as source:
        next(iter(source))
        server.mood = "refuses"
        with pytest.raises(DataError, match="could not be opened again"):
            list(source)


def test_a_slow_reader_loses_the_oldest_frames_and_knows_how_many() -> None:
    with StreamServer(rate=100) as server, open_source(server.address) as source:
        frames = iter(source)
        next(frames)
        time.sleep(2)
        late = list(islice(frames, 4))
        summary = source.summary
        assert summary.frames_dropped > 50
        assert late[0].number >= summary.frames_dropped


def test_a_file_that_a_server_sends_has_an_end(tmp_path: Path) -> None:
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    write_video(tmp_path / "film.avi", 10, codec="MJPG")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open_source(f"http://127.0.0.1:{server.server_port}/film.avi") as source:
        frames = list(source)
    server.shutdown()
    server.server_close()
    assert [number_shown(frame.image) for frame in frames] == list(range(10))
    assert frames[-1].time == pytest.approx(0.36)


def test_a_stream_can_be_closed_from_another_thread() -> None:
    with StreamServer() as server:
        source = open_source(server.address)
        frames = iter(source)
        next(frames)
        server.mood = "stalls"
        threading.Timer(0.5, source.close).start()
        began = time.monotonic()
        for _ in frames:
            pass
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://user:word@10.0.0.1:554/live?key=1", "rtsp://10.0.0.1:554/live"),
        ("http://[bad", "http://…"),
        (Path("a\x1b.mp4"), r"a\x1b.mp4"),
    ],
)
def test_passwords_are_not_shown(source: str | Path, shown: str) -> None:
    assert shown_name(source) == shown


@pytest.mark.slow
def test_nothing_leaks_over_two_hundred_reconnections() -> None:
    with StreamServer(rate=200, frames_a_connection=3) as server, open_source(server.address) as source:
        frames = iter(source)
        measured = []
        while source.summary.reconnections < 200:
            next(frames)
            if source.summary.reconnections in (20, 199):
                measured.append(held())
        threads, files, memory = (last - first for first, last in zip(measured[0], measured[-1], strict=True))
        assert threads <= 1
        assert files <= 2
        assert memory < 8 * 2**20


def held() -> tuple[int, int, int]:
    """Threads, open files and bytes of memory of this process, and its children as open files."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir())), pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.parametrize("mood", ["stalls", "hangs up", "refuses"])
def test_with_default_deadlines_a_stream_is_back_within_fifteen_seconds(mood: Mood) -> None:
    with StreamServer() as server, open_source(server.address, give_up_after=60) as source:
        list(islice(source, 5))
        server.mood = mood
        threading.Timer(12.0, setattr, (server, "mood", "sends")).start()
        began = time.monotonic()
        wait_for_break(source, limit=30)
        assert time.monotonic() - began - 12 < 15
