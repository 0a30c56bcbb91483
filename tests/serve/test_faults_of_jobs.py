"""What a full disk or a busy gallery does to videos and jobs."""

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from passerby.errors import StoreError
from passerby.gallery.jobs import Jobs
from passerby.serve.jobs import runner
from tests.serve.conftest import client_of
from tests.serve.servers import until

NO_FILM = b"\0\0\0\x18ftypisom" + bytes(5000)


def test_a_job_whose_process_could_not_be_started_is_tried_again(
    gallery: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start, failures = asyncio.create_subprocess_exec, []

    async def started(*command: str, **options: Any) -> asyncio.subprocess.Process:
        if not failures:
            failures.append(command)
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return await start(*command, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    monkeypatch.setattr(runner, "_SECONDS_AFTER_ERRORS", 0.1)
    with client_of(gallery, requests_per_second=1000) as client:
        assert client.post("/v1/videos?name=gate.mp4", content=NO_FILM).status_code == 202
        until(lambda: client.get("/v1/jobs/1").json()["state"] == "failed")
    assert "jobs wait: [Errno 12] Cannot allocate memory" in capsys.readouterr().err


def test_a_video_that_cannot_be_stored_is_refused(client: TestClient, gallery: Path) -> None:
    (gallery / "uploads").write_bytes(b"")
    answer = client.post("/v1/videos?name=gate.mp4", content=NO_FILM)
    assert (answer.status_code, answer.json()["error"].partition(" (")[0]) == (507, "the video cannot be stored")


def test_a_video_whose_job_cannot_be_written_down_is_not_kept(
    client: TestClient, gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise StoreError("another process has been writing for more than a minute: repeat it later")

    monkeypatch.setattr(Jobs, "add_job", busy)
    assert client.post("/v1/videos?name=gate.mp4", content=NO_FILM).status_code == 503
    assert not (gallery / "uploads").exists()
