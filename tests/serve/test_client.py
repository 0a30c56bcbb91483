"""The client, against a real service, gives what the gallery gives."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from PIL import Image

import passerby
from passerby.errors import DataError, ServiceError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.search import Filters
from tests.serve.drawn import clothes, draw_gallery, jpeg
from tests.serve.servers import serving, write_video


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, dict[str, str]]]:
    gallery, model = draw_gallery(tmp_path_factory.mktemp("served"))
    with open_gallery(gallery) as opened:
        keys = {role: opened.add_key(role, role) for role in ("viewer", "admin")}  # type: ignore[arg-type]
    with serving(gallery, "--model", str(model), "--detector", "motion") as (address, _):
        yield address, gallery, keys


@pytest.fixture
def client(served: tuple[str, Path, dict[str, str]]) -> passerby.Client:
    return passerby.Client(served[0], served[2]["admin"], reason="a test")


def test_it_finds_what_python_finds(
    client: passerby.Client, served: tuple[str, Path, dict[str, str]], tmp_path: Path
) -> None:
    file = tmp_path / "Müller ➜.jpg"
    file.write_bytes(jpeg(clothes(2, 50)))
    expected = passerby.search(served[1], passerby.Query(pictures=[file]), count=4)
    for given in (file, str(file), file.read_bytes(), Image.open(file)):
        (query,) = client.search(crop=given, count=4).queries
        assert [hit.tracklet for hit in query.hits] == [hit.tracklet.number for hit in expected]
        assert [hit.score for hit in query.hits] == pytest.approx([hit.score for hit in expected], abs=1e-6)
        assert query.hits[0].taken_from == expected[0].tracklet.taken_from
    since = datetime(2026, 5, 1, 8, 8, tzinfo=UTC)
    (query,) = client.search(tracklet=1, filters=Filters(["cam1"], since), reason="Grüße").queries
    assert {hit.camera for hit in query.hits} == {"cam1"}
    with open_gallery(served[1]) as opened:
        assert opened.log()[-1].reason == "Grüße"
        picture = query.hits[0].picture
        assert picture is not None
        assert client.picture(picture) in [crop.jpeg for crop in opened.crops(query.hits[0].tracklet)]


def test_what_cannot_be_used_is_told_and_the_rest_found(client: passerby.Client) -> None:
    result = client.search(crop=[b"<svg/>", jpeg(clothes(1))])
    assert len(result.queries) == 1
    assert [each.input for each in result.refused] == ["picture"]
    assert client.search(crop=b"<svg/>").queries == []


def test_people_are_corrected_and_erased(client: passerby.Client) -> None:
    people = list(client.identities())
    assert len(people) == 6
    first, second = people[0].identity, people[1].identity
    assert client.name(first, "Anna", notes="gate").confirmed
    assert [each.identity for each in client.identities(name="ann")] == [first]
    assert len(client.merge(first, second).tracklets) == 4
    assert len(client.split(first, client.identity(first).tracklets[2:]).tracklets) == 2
    split = client.undo()
    assert split["kind"] == "split"
    with pytest.raises(ServiceError, match=rf"change {split['change']} is taken back already .*409"):
        client.undo(split["change"])
    assert [client.undo()["kind"] for _ in range(2)] == ["merge", "name"]
    assert client.erase(people[5].identity, reason="asked for it")["tracklets"] == 2
    assert len(list(client.identities())) == 5
    with pytest.raises(ServiceError, match=rf"there is no identity {people[5].identity}: .* \(status 404\)"):
        client.identity(people[5].identity)


def test_a_video_is_sent_and_waited_for(client: passerby.Client, tmp_path: Path) -> None:
    job = client.add_video(write_video(tmp_path / "gate.mp4"), camera="gate")
    states: list[str] = []
    done = client.wait(job.job, told=lambda told: states.append(told.state), seconds_between=0.2)
    assert (done.state, done.progress["new"] > 0, states[-1]) == ("done", True, "done")
    with pytest.raises(ServiceError, match="this is no video"):
        client.add_video(_no_video(tmp_path / "gate.mp4"))


def _no_video(file: Path) -> Path:
    file.write_bytes(b"#EXTM3U" + bytes(50))
    return file


def test_errors_are_one_line_that_says_what_to_do(served: tuple[str, Path, dict[str, str]], tmp_path: Path) -> None:
    address, _, keys = served
    with pytest.raises(ServiceError, match=r"this key is not known: .*\(status 401\)"):
        passerby.Client(address, "passerby-wrong").search(tracklet=1)
    with pytest.raises(ServiceError, match="this needs a key of the role admin; yours is viewer"):
        passerby.Client(address, keys["viewer"]).erase(1)
    with pytest.raises(ServiceError, match="an address is http:// or https://"):
        passerby.Client("localhost:8000")
    with pytest.raises(ServiceError, match="the key holds characters that no key has"):
        passerby.Client(address, "key\r\nX-Evil: 1")
    with pytest.raises(DataError, match=r"nothing\.jpg: cannot be read"):
        passerby.Client(address).search(crop=tmp_path / "nothing.jpg")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServiceError, match=rf"{port}: does not answer .* see whether `passerby serve` runs there"):
        passerby.Client(f"http://127.0.0.1:{port}").search(tracklet=1)
    with pytest.raises(ServiceError, match="say who is looked for"):
        passerby.Client(address, keys["viewer"]).search()


def test_what_is_no_service_or_no_file_is_told_in_one_line(tmp_path: Path) -> None:
    with another_server() as address:
        client = passerby.Client(address, "passerby-key")
        with pytest.raises(ServiceError, match="this is no service of passerby"):
            client.job(1)
        with pytest.raises(ServiceError, match="begins with no /"):
            client.picture("@elsewhere.example/1")
        with pytest.raises(DataError, match=r"nothing\.mp4: cannot be read .*: name a file of a video"):
            client.add_video(tmp_path / "nothing.mp4")


@contextmanager
def another_server() -> Iterator[str]:
    """The address of a server of something else."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html></html>")

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
