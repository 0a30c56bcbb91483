"""Downloads from a server that stalls, breaks off, lies, redirects and serves the wrong file."""

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from passerby.errors import CheckpointError, DataError
from passerby.models.zoo.downloading import Patience, download
from passerby.output_lock import alone_at

CONTENT = np.random.default_rng(0).bytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(seconds=0.3, attempts=3, pause=0.01)


@dataclass
class Behaviour:
    """What the server does, and what it was asked."""

    content: bytes = CONTENT
    broken_after: list[int] = field(default_factory=list)
    """Bytes after which each of the first answers ends."""
    stalls: int = 0
    """So many of the first answers give half, then nothing."""
    announced: int | None = None
    ranges: bool = True
    failures: list[int] = field(default_factory=list)
    location: str = ""
    asked: list[str] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    behaviour: Behaviour


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        how = server.behaviour
        how.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
        if how.failures:
            self.send_error(how.failures.pop(0))
            return
        if how.location and self.path == "/file":
            self.send_response(302)
            self.send_header("Location", how.location)
            self.end_headers()
            return
        asked = self.headers.get("Range", "")
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and how.ranges else 0
        if first >= len(how.content):
            self.send_error(416)
            return
        body = how.content[first:]
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(how.content) - 1}/{len(how.content)}")
        self.send_header("Content-Length", str(len(body) if how.announced is None else how.announced))
        self.end_headers()
        if how.stalls:
            how.stalls -= 1
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            time.sleep(2)
            return
        end = how.broken_after.pop(0) if how.broken_after else len(body)
        with suppress(ConnectionError):  # the client may have read as much as it wants
            self.wfile.write(body[:end])


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.behaviour = Behaviour()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


def address(server: Server, path: str = "file") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{path}"


def fetch(server: Server, out: Path, **keys: object) -> None:
    given = {"digest": DIGEST, "size": len(CONTENT), "patience": QUICK, "quiet": True, **keys}
    download(address(server), out, **given)  # type: ignore[arg-type]


def test_a_file_is_fetched_with_progress_and_nothing_else_is_left(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(server, tmp_path / "new" / "a.onnx", quiet=False)
    assert (tmp_path / "new" / "a.onnx").read_bytes() == CONTENT
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.onnx"]
    assert "fetching a.onnx  300/300 kB" in capsys.readouterr().err


@pytest.mark.parametrize("size", [0, len(CONTENT)])
def test_a_download_that_breaks_off_is_continued(server: Server, tmp_path: Path, size: int) -> None:
    server.behaviour.broken_after = [100_000, 50_000]
    fetch(server, tmp_path / "a", size=size)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.behaviour.asked == ["/file", "/file bytes=100000-", "/file bytes=150000-"]


def test_a_server_that_stalls_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.behaviour.stalls = 2
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.behaviour.asked == ["/file", "/file bytes=150000-", "/file bytes=225000-"]


def test_a_server_that_cannot_continue_begins_anew(server: Server, tmp_path: Path) -> None:
    server.behaviour.ranges = False
    server.behaviour.broken_after = [100_000]
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_what_was_given_up_is_kept_and_continued_by_the_next_call(server: Server, tmp_path: Path) -> None:
    server.behaviour.broken_after = [100_000, 0, 0, 0]
    with pytest.raises(CheckpointError, match=r"broke off.*100,000 bytes are kept, and the same command continues"):
        fetch(server, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    fetch(server, tmp_path / "a")
    assert server.behaviour.asked[-1] == "/file bytes=100000-"
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_part_of_an_older_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".a.part").write_bytes(b"x" * 100_000)
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_killed_process_leaves_what_the_next_one_continues(server: Server, tmp_path: Path) -> None:
    server.behaviour.stalls = 1
    script = (
        "import sys; from pathlib import Path; from passerby.models.zoo.downloading import download\n"
        "download(sys.argv[1], Path(sys.argv[2]), digest=sys.argv[3], quiet=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, address(server), str(tmp_path / "a"), DIGEST])
    part = tmp_path / ".a.part"
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    got = part.stat().st_size
    assert 0 < got < len(CONTENT)
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.behaviour.asked == ["/file", f"/file bytes={got}-"]


@pytest.mark.parametrize("part", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_that_is_whole_or_too_long_is_no_obstacle(server: Server, tmp_path: Path, part: int) -> None:
    (tmp_path / ".a.part").write_bytes((CONTENT + b"12345")[:part])
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    (tmp_path / ".b.part").write_bytes(CONTENT)
    fetch(server, tmp_path / "b", size=0)
    assert (tmp_path / "b").read_bytes() == CONTENT


@pytest.mark.parametrize("algorithm", ["sha256", "sha384"])
def test_another_file_never_takes_the_name(server: Server, tmp_path: Path, algorithm: str) -> None:
    server.behaviour.content = CONTENT[:-1] + b"?"
    with pytest.raises(CheckpointError, match=r"is not the published file, and was thrown away"):
        fetch(server, tmp_path / "a", digest=hashlib.new(algorithm, CONTENT).hexdigest())
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".lock"]


@pytest.mark.parametrize(
    ("announced", "size", "complaint"),
    [
        (400_000, len(CONTENT), "announces 400,000 bytes, but the published file has 300,000"),
        (100, len(CONTENT), "announces 100 bytes"),
        (400_000, 0, r"broke off after 300,000 of 400,000 bytes"),
    ],
)
def test_a_server_that_lies_about_the_length_is_noticed(
    server: Server, tmp_path: Path, announced: int, size: int, complaint: str
) -> None:
    server.behaviour.announced = announced
    server.behaviour.ranges = False
    with pytest.raises(CheckpointError, match=complaint):
        fetch(server, tmp_path / "a", size=size)
    assert not (tmp_path / "a").exists()


def test_redirects_are_followed(server: Server, tmp_path: Path) -> None:
    server.behaviour.location = "/elsewhere"
    server.behaviour.broken_after = [1000]
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.behaviour.asked == ["/file", "/elsewhere", "/file bytes=1000-", "/elsewhere bytes=1000-"]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.org/a"])
def test_redirects_to_other_kinds_of_address_are_refused(server: Server, tmp_path: Path, location: str) -> None:
    server.behaviour.location = location
    with pytest.raises(CheckpointError, match=r"redirects to .*, which is not safe|is not allowed"):
        fetch(server, tmp_path / "a")


def test_a_refusal_is_told_at_once_and_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.behaviour.failures = [404]
    with pytest.raises(CheckpointError, match="the server answers 404 Not Found"):
        fetch(server, tmp_path / "a")
    assert len(server.behaviour.asked) == 1
    server.behaviour.failures = [503, 503]
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_server_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"the server cannot be reached \(.*refused\)") as error:
        download("http://127.0.0.1:9/a", tmp_path / "a", digest=DIGEST, patience=QUICK, quiet=True)
    assert "\n" not in str(error.value)


def test_two_processes_do_not_fetch_the_same_file(server: Server, tmp_path: Path) -> None:
    with alone_at(tmp_path / "a"), pytest.raises(DataError, match="another process is writing"):
        fetch(server, tmp_path / "a")
