"""A real camera's protocol: RTSP with a password, H.264 over TCP, from a server that is killed, stopped and back."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import pytest

from passerby.errors import DataError
from passerby.video.reading import open_source
from tests.needed_programs import cannot_run
from tests.video.reading import rtsp_server
from tests.video.reading.rtsp_server import RtspServer
from tests.video.reading.test_streams import held, wait_for_break

RECOVERY = 15.0
"""Seconds within which a stream is to be back."""


@pytest.fixture(scope="module")
def installed() -> None:
    if reason := rtsp_server.why_not():
        cannot_run(reason)


@pytest.fixture
def server(installed: None) -> Iterator[RtspServer]:
    with RtspServer() as server:
        yield server


def test_frames_come_over_rtsp(server: RtspServer) -> None:
    with open_source(server.address, open_timeout=30) as source:
        frames = list(islice(source, 15))
        assert {frame.image.shape for frame in frames} == {(120, 160, 3)}
        assert (np.diff([frame.number for frame in frames]) > 0).all()  # those in between were dropped, and counted
        assert frames[-1].number - 14 <= source.summary.frames_dropped
        assert (np.diff([frame.time for frame in frames]) > 0).all()
        assert any((frame.image != frames[0].image).any() for frame in frames)  # a ball that moves
        assert frames[-1].wall_time is not None
        assert abs(frames[-1].wall_time - datetime.now(UTC)) < timedelta(seconds=5)
        assert source.name == f"rtsp://127.0.0.1:{server.port}/camera"


@pytest.mark.parametrize("accident", ["killed", "stalled"])
def test_a_camera_that_is_gone_for_a_while_is_back_in_time(server: RtspServer, accident: str) -> None:
    said: list[str] = []
    with open_source(server.address, open_timeout=10, read_timeout=2, give_up_after=60, tell=said.append) as source:
        before = list(islice(source, 5))[-1]
        back = threading.Event()

        def accidents() -> None:
            if accident == "killed":
                server.kill()
            else:
                server.stall(True)
            time.sleep(4)
            if accident == "killed":
                server.start()
            else:
                server.stall(False)
            back.set()

        trouble = threading.Thread(target=accidents)
        trouble.start()
        frame = wait_for_break(source, limit=60)
        assert back.wait(1)
        trouble.join()
        assert frame.number > before.number
        assert frame.time > before.time + 1
        assert 1 <= source.summary.reconnections <= 4
        (again,) = [line for line in said if "is back after" in line][-1:]
        assert float(again.rpartition(" after ")[2].split()[0]) < 4 + RECOVERY
        assert all("secret" not in line for line in said)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (("secret", "guess"), "401"),
        (("/camera", "/nothing"), "404"),
        (("user:secret@", ""), "401"),
    ],
)
def test_a_wrong_password_or_path_is_an_error_in_one_line_without_the_password(
    server: RtspServer, wrong: tuple[str, str], reason: str
) -> None:
    with pytest.raises(DataError, match="cannot be read as a video") as caught:
        open_source(server.address.replace(*wrong), open_timeout=20)
    message = str(caught.value)
    assert reason in message
    assert "\n" not in message
    assert not any(word in message for word in ("secret", "guess", "user:"))


@pytest.mark.slow
def test_nothing_leaks_over_two_hundred_reconnections(server: RtspServer) -> None:
    with open_source(server.address, open_timeout=30, give_up_after=60) as source:
        frames = iter(source)
        measured = []
        while source.summary.reconnections < 200:
            next(frames)
            if source.summary.reconnections in (20, 199):
                measured.append(held())
            server.kill()
            server.start()
            while not next(frames).discontinuity:
                pass
        threads, files, memory = (last - first for first, last in zip(measured[0], measured[-1], strict=True))
        assert threads <= 1
        assert files <= 2
        assert memory < 8 * 2**20
