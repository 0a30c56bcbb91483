"""Requests that nobody sends by accident are refused, too, and in one line."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from passerby.errors import GalleryError
from passerby.gallery.gallery import open_gallery
from tests.serve.conftest import client_of

HUGE = 2**70


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/v1/decisions", {"first": HUGE, "second": 1, "same": True}),
        ("POST", "/v1/identities/merge", {"into": 1, "others": [HUGE]}),
        ("POST", "/v1/identities/1/split", {"tracklets": [HUGE]}),
        ("POST", "/v1/identities/1/split", {"tracklets": [-HUGE]}),
        ("POST", "/v1/holds", {"identity": HUGE, "reason": "case 12"}),
        ("POST", "/v1/holds", {"tracklet": HUGE, "reason": "case 12"}),
        ("GET", f"/v1/audit?after={HUGE}", None),
        ("GET", f"/v1/tracklets/{HUGE}", None),
    ],
)
def test_numbers_that_no_gallery_has_are_refused(client: TestClient, method: str, path: str, content: Any) -> None:
    answer = client.request(method, path, json=content)
    assert answer.status_code == 422, answer.text
    assert len(answer.json()["error"].splitlines()) == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"[" * 200_000),
        ("application/json", b"\xff"),
        ("multipart/form-data; boundary=x", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; na\r\n\r\n1\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nbad(header: 1\r\n\r\n1\r\n--x--\r\n"),
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=" + "x" * 500, b"--x\r\n"),
    ],
)
def test_a_search_that_cannot_be_read_is_refused(client: TestClient, kind: str, body: bytes) -> None:
    answer = client.post("/v1/search", content=body, headers={"Content-Type": kind})
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("origin", ["http://[", "null", "", "//", "http://localhost:8000.evil.example"])
def test_an_origin_that_is_none_is_of_another_site(client: TestClient, origin: str) -> None:
    answer = client.get("/v1/gallery", headers={"Origin": origin})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.2:8000", "localhost", "[::1]:8000", "LOCALHOST:8000"])
def test_every_name_of_this_computer_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["localhost.evil.example", "127.0.0.1.evil.example:8000", "128.0.0.1", "[::2]", ":"])
def test_no_other_name_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 421


def test_pictures_are_not_shown_for_a_list_or_a_change_that_the_log_gives_no_reason_for(gallery: Path) -> None:
    with open_gallery(gallery) as opened:
        opened.ask_for_reasons(asked=True)
    with client_of(gallery) as client:
        assert client.get("/v1/identities").status_code == 422
        assert client.patch("/v1/identities/1", json={"name": "Anna"}).status_code == 200
        assert client.get("/v1/tracklets/1/crops/0").status_code == 422
        assert client.get("/v1/identities", headers={"X-Reason": "case 12"}).status_code == 200
        assert client.get("/v1/tracklets/1/crops/0").status_code == 200


def test_a_number_that_no_gallery_has_is_told_in_one_line(gallery: Path) -> None:
    with open_gallery(gallery) as opened, pytest.raises(GalleryError, match="64 bits"):
        opened.get([HUGE])
