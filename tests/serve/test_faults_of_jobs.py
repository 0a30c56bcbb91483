"""What a full disk or a busy gallery does to videos and jobs."""

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from passerby.errors import DataError, InUseError, StoreError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.jobs import Jobs
from passerby.serve.api import jobs
from passerby.serve.jobs import runner, worker
from passerby.serve.security.callers import Asked
from passerby.serve.state.service import Service
from passerby.workflows.indexing.index import IndexedVideos
from tests.serve.conftest import client_of
from tests.serve.servers import until

REQUEST = {
    "file": "uploads/1/gate.mp4", "video": "gate.mp4", "camera": None, "start": None, "fps": None, "model": "tiny-clip",
    "detector": "motion", "device": None, "threads": None,
}  # fmt: skip
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


def test_a_job_waits_again_if_somebody_else_indexes_first(
    gallery: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried: list[Path] = []

    def busy(source: Path, *_: object, **__: object) -> IndexedVideos:
        tried.append(source)
        if len(tried) == 1:
            raise InUseError("another process is writing")
        return IndexedVideos(gallery, 1, 2, 3, 4, None)

    monkeypatch.setattr(worker, "index", busy)
    with open_gallery(gallery) as opened:
        job = opened.add_job(REQUEST)
        assert worker._index(opened, gallery, job) == {"new": 1, "known": 2, "erased": 3, "tracklets": 4}
    assert len(tried) == 2


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_that_is_killed_at_its_end_has_the_state_that_is_true(
    gallery: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    class KilledError(BaseException):
        """In place of SIGKILL."""

    def killed(*_: object) -> None:
        raise KilledError

    def index(*_: object, **__: object) -> IndexedVideos:
        if fails:
            raise DataError("broken")
        return IndexedVideos(gallery, 1, 0, 0, 1, None)

    video = gallery / REQUEST["file"]
    video.parent.mkdir(parents=True)
    video.write_bytes(NO_FILM)
    with open_gallery(gallery) as opened:
        opened.change_job(opened.add_job(REQUEST).number, "running", before=["queued"])
    monkeypatch.setattr("sys.argv", ["worker", str(gallery), "1"])
    monkeypatch.setattr(worker, "_end_with_service", lambda: None)
    monkeypatch.setattr(worker, "index", index)
    monkeypatch.setattr(worker, "remove_remains", killed)
    with pytest.raises(KilledError):
        worker.main()
    with open_gallery(gallery) as opened:
        assert opened.job(1).state == ("failed" if fails else "done")
    assert video.is_file()
    with client_of(gallery):  # which finds what was left
        until(lambda: not video.exists())


def test_nobody_follows_a_job_on_with_a_key_that_was_removed(
    gallery: Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_SECONDS_BETWEEN", 0.01)
    service = Service(gallery)
    waiting = service.gallery.add_job(REQUEST)
    asked = Asked("GET", {"authorization": f"Bearer {keys['viewer']}"}, {}, "127.0.0.1", None, True)

    async def follow() -> int:
        told = 0
        async for _ in jobs._events(service, waiting, asked):
            told += 1
            service.gallery.remove_key("viewer")
        return told

    assert asyncio.run(asyncio.wait_for(follow(), 60)) == 1
    service.close()


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
