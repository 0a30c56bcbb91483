"""Videos are indexed in the background, whatever ends the process that does it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from passerby.gallery.gallery import open_gallery
from tests.serve.servers import ask, serving, until, write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "gate.mp4")


def options(drawn: tuple[Path, Path]) -> list[str]:
    return ["--model", str(drawn[1]), "--detector", "motion"]


def state_of(address: str, number: int) -> Any:
    return ask(f"{address}/v1/jobs/{number}")[1]


def workers_of(pid: int) -> list[int]:
    """Processes that index for a service."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if parent == pid and b"passerby.serve.jobs.worker" in words:
                found.append(int(folder.name))
    return found


def test_a_video_is_indexed_and_nothing_of_it_is_left_but_the_gallery(
    drawn: tuple[Path, Path], gallery: Path, video: Path
) -> None:
    with serving(gallery, *options(drawn)) as (address, _):
        url = f"{address}/v1/videos?name=gate.mp4&camera=gate&start={quote('2026-05-01T08:00:00+02:00')}"
        status, job = ask(url, "POST", video.read_bytes())
        assert (status, job["state"], job["video"], job["camera"]) == (202, "queued", "gate.mp4", "gate")
        with urlopen(f"{address}/v1/jobs/{job['job']}/events", timeout=60) as events:
            told = events.read().decode()
        assert '"unit": "frames"' in told
        assert '"state": "done"' in told.split("event: job")[-1]
        done = state_of(address, job["job"])
        assert done["progress"]["new"] >= 2
        assert "gate" in ask(f"{address}/v1/gallery")[1]["cameras"]
    with open_gallery(gallery) as opened:
        assert len(opened) == 12 + done["progress"]["new"]
        assert [each.action for each in opened.log()].count("add video") == 1
        assert opened.verify() == []
    assert [file.name for file in gallery.iterdir() if not file.name.startswith(".")] == ["gallery.sqlite"]


def test_a_job_survives_the_death_of_its_process_and_of_the_service(
    drawn: tuple[Path, Path], gallery: Path, video: Path
) -> None:
    with serving(gallery, *options(drawn)) as (address, process):
        number = ask(f"{address}/v1/videos?name=gate.mp4", "POST", video.read_bytes())[1]["job"]
        (worker,) = until(lambda: workers_of(process.pid))
        os.kill(worker, signal.SIGKILL)
        (another,) = until(lambda: [each for each in workers_of(process.pid) if each != worker])
        process.kill()
        process.wait()
        until(lambda: not Path(f"/proc/{another}").exists())
    with open_gallery(gallery) as opened:
        assert opened.job(number).state == "running"
    with serving(gallery, *options(drawn)) as (address, _):
        done = until(lambda: state_of(address, number)["state"] == "done" and state_of(address, number))
    assert done["progress"]["new"] >= 2
    assert [file.name for file in gallery.iterdir() if not file.name.startswith(".")] == ["gallery.sqlite"]


def test_jobs_are_cancelled_while_they_wait_and_while_they_run(
    drawn: tuple[Path, Path], gallery: Path, video: Path
) -> None:
    with serving(gallery, *options(drawn)) as (address, process):
        first, second = (
            ask(f"{address}/v1/videos?name=gate.mp4", "POST", video.read_bytes())[1]["job"] for _ in range(2)
        )
        until(lambda: workers_of(process.pid))
        with open_gallery(gallery) as opened:
            assert opened.verify() == []  # what lies there belongs there
        assert ask(f"{address}/v1/jobs/{second}", "DELETE")[1]["state"] == "cancelling"
        ask(f"{address}/v1/jobs/{first}", "DELETE")
        for number in (first, second):
            until(lambda number=number: state_of(address, number)["state"] == "cancelled")
        assert not workers_of(process.pid)
        assert ask(f"{address}/v1/jobs/99", "DELETE")[0] == 404
    assert [file.name for file in gallery.iterdir() if not file.name.startswith(".")] == ["gallery.sqlite"]


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("sources.yaml", b"- /etc/passwd\n", 422),
        ("../../escape.mp4", b"\0\0\0\x18ftypisom", 422),
        ("..%2F..%2Fescape.mp4", b"\0\0\0\x18ftypisom", 422),
        (".hidden.mp4", b"\0\0\0\x18ftypisom", 422),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 415),
        ("concat.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n", 415),
        ("empty.mp4", b"", 415),
    ],
)
def test_what_is_no_video_is_refused_and_not_kept(
    client: Any, gallery: Path, name: str, content: bytes, status: int
) -> None:
    answer = client.post(f"/v1/videos?name={name}", content=content)
    assert answer.status_code == status, answer.text
    assert client.get("/v1/jobs").json() == []
    assert not (gallery / "uploads").exists()


def test_a_damaged_video_fails_with_its_reason(drawn: tuple[Path, Path], gallery: Path) -> None:
    with serving(gallery, *options(drawn)) as (address, _):
        number = ask(f"{address}/v1/videos?name=gate.mp4", "POST", b"\0\0\0\x18ftypisom" + bytes(5000))[1]["job"]
        failed = until(lambda: state_of(address, number)["state"] == "failed" and state_of(address, number))
        assert "gate.mp4" in failed["message"]
        assert str(gallery) not in failed["message"]
    assert not (gallery / "uploads").exists()


def test_nothing_is_left_of_200_uploads_that_break_off(drawn: tuple[Path, Path], gallery: Path) -> None:
    with serving(gallery, *options(drawn)) as (address, _):
        host, port = address.removeprefix("http://").split(":")
        head = f"POST /v1/videos?name=gate.mp4 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\n".encode()
        for number in range(200):
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall(head + b"\0\0\0\x18ftypisom" + bytes(10 * number))
        until(lambda: not (gallery / "uploads").exists())
        assert ask(f"{address}/healthz")[0] == 200
        assert ask(f"{address}/v1/jobs")[1] == []


def test_the_process_of_a_job_ends_without_a_word(drawn: tuple[Path, Path], gallery: Path, video: Path) -> None:
    (gallery / "uploads" / "one").mkdir(parents=True)
    shutil.copy(video, gallery / "uploads" / "one" / "gate.mp4")
    asked = {"video": "gate.mp4", "camera": None, "start": None, "fps": 4.0, "file": "uploads/one/gate.mp4"}
    chosen = {"model": str(drawn[1]), "detector": "motion", "device": None, "threads": 1}
    with open_gallery(gallery) as opened:
        job = opened.add_job({**asked, **chosen})
        assert opened.change_job(job.number, "running", before=["queued"])
        command = [sys.executable, "-m", "passerby.serve.jobs.worker", str(gallery), str(job.number)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as worker:
            assert worker.stderr is not None
            assert (worker.stderr.read(), worker.wait(60)) == (b"", 0)
        assert opened.job(job.number).state == "done"
