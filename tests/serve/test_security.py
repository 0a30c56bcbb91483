"""Attacks. Each fails if the guard against it is taken away."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient
from typer.testing import CliRunner

from passerby.cli import app as commands
from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.serve import running
from passerby.serve.app import create_app
from passerby.serve.running import serve
from passerby.serve.state.service import Service
from tests.serve.conftest import ADDRESS, client_of
from tests.serve.drawn import clothes, jpeg

PAGE = {"X-Passerby": "1"}
READING = {"viewer", "reviewer", "admin"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def guarded(gallery: Path, keys: dict[str, str]) -> Iterator[TestClient]:
    """A service of a gallery with keys; whoever asks has none."""
    with client_of(gallery) as opened:
        yield opened


@pytest.fixture
def signed_in(guarded: TestClient, keys: dict[str, str]) -> TestClient:
    assert guarded.post("/v1/session", json={"key": keys["admin"], "reason": "duty"}).status_code == 200
    return guarded


# Keys and roles


def test_no_file_of_the_gallery_holds_a_key(gallery: Path, keys: dict[str, str]) -> None:
    everything = b"".join(file.read_bytes() for file in gallery.iterdir())
    assert b"reviewer" in everything
    for key in keys.values():
        assert key.encode() not in everything
        assert key.removeprefix("passerby-").encode() not in everything


def test_nobody_comes_in_without_a_key(gallery: Path, keys: dict[str, str], guarded: TestClient) -> None:
    described = guarded.get("/openapi.json").json()["paths"]
    everything = [(method, path) for path in described for method in described[path]]
    asked = [each for each in everything if each[1] not in {"/healthz", "/readyz", "/v1/session"}]
    assert len(asked) >= 25
    for method, path in asked:
        answer = guarded.request(method, path.format(tracklet=1, place=0, identity=1, job=1, hold=1))
        assert answer.status_code == 401, (method, path, answer.text)
    assert guarded.get("/v1/gallery", headers=bearer("passerby-wrong")).status_code == 401
    assert guarded.get("/v1/gallery", headers={"Authorization": "Basic YTpi"}).status_code == 401
    assert guarded.get("/v1/gallery", headers={"X-API-Key": keys["viewer"]}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "content", "roles"),
    [
        ("GET", "/v1/gallery", None, READING),
        ("POST", "/v1/search", {"tracklet": 1}, READING),
        ("GET", "/v1/tracklets/1", None, READING),
        ("GET", "/v1/tracklets/1/crops/0", None, READING),
        ("GET", "/v1/identities", None, READING),
        ("GET", "/v1/jobs", None, READING),
        ("GET", "/metrics", None, READING),
        ("GET", "/v1/decisions", None, {"reviewer", "admin"}),
        ("POST", "/v1/decisions", {"first": 1, "second": 2, "same": True}, {"reviewer", "admin"}),
        ("PATCH", "/v1/identities/1", {"name": "Anna"}, {"reviewer", "admin"}),
        ("POST", "/v1/identities/merge", {"into": 1, "others": [2]}, {"reviewer", "admin"}),
        ("POST", "/v1/identities/1/split", {"tracklets": [1]}, {"reviewer", "admin"}),
        ("POST", "/v1/undo", None, {"reviewer", "admin"}),
        ("POST", "/v1/holds", {"identity": 1, "reason": "case"}, {"reviewer", "admin"}),
        ("DELETE", "/v1/holds/9", None, {"admin"}),
        ("GET", "/v1/identities/1/erasure", None, {"admin"}),
        ("DELETE", "/v1/identities/99", None, {"admin"}),
        ("POST", "/v1/videos?name=a.mp4", None, {"admin"}),
        ("DELETE", "/v1/jobs/9", None, {"admin"}),
        ("GET", "/v1/audit", None, {"admin"}),
    ],
)
def test_a_key_opens_what_its_role_may_do_and_nothing_else(
    guarded: TestClient, keys: dict[str, str], method: str, path: str, content: object, roles: set[str]
) -> None:
    for role, key in keys.items():
        answer = guarded.request(method, path, json=content, headers=bearer(key))
        assert (answer.status_code != 403) == (role in roles), (role, answer.text)
        assert answer.status_code != 401


def test_a_key_that_is_removed_opens_nothing_any_more_and_signs_out(
    gallery: Path, signed_in: TestClient, keys: dict[str, str]
) -> None:
    assert signed_in.get("/v1/audit").status_code == 200
    with open_gallery(gallery) as opened:
        opened.remove_key("admin")
    assert signed_in.get("/v1/audit").status_code == 401
    assert signed_in.get("/v1/audit", headers=bearer(keys["admin"])).status_code == 401
    with open_gallery(gallery) as opened:
        opened.add_key("admin", "admin")  # another key of the same name
    assert signed_in.get("/v1/audit").status_code == 401


def test_wrong_keys_cannot_be_tried_for_long(gallery: Path, keys: dict[str, str]) -> None:
    with client_of(gallery, failures_per_minute=3) as opened:
        tried = [opened.get("/v1/gallery", headers=bearer(f"passerby-{number}")).status_code for number in range(4)]
        assert tried == [401, 401, 401, 429]
        signing_in = opened.post("/v1/session", json={"key": keys["admin"]})
        assert signing_in.status_code == 429
        assert int(signing_in.headers["retry-after"]) >= 1


def test_sign_ins_and_wrong_keys_are_in_the_log(gallery: Path, keys: dict[str, str], guarded: TestClient) -> None:
    assert guarded.post("/v1/session", json={"key": keys["viewer"]}).status_code == 200
    assert guarded.post("/v1/session", json={"key": "passerby-wrong"}).status_code == 401
    assert guarded.get("/v1/gallery", headers=bearer("passerby-wrong-too")).status_code == 401
    with open_gallery(gallery) as opened:
        told = [(each.actor, each.action, each.detail["address"]) for each in opened.log()[-3:]]
    wrong = ("unknown", "wrong key", "127.0.0.1")
    assert told == [("viewer", "sign in", "127.0.0.1"), wrong, wrong]


def test_the_cookie_is_for_https_only_where_that_is_set(gallery: Path, keys: dict[str, str]) -> None:
    for secure in (False, True):
        with client_of(gallery, secure_cookie=secure) as client:
            cookie = client.post("/v1/session", json={"key": keys["viewer"]}).headers["set-cookie"]
        assert ("secure" in cookie.lower().split("; ")) == secure


def test_who_asks_whether_the_service_is_ready_loads_nothing(gallery: Path) -> None:
    client = client_of(gallery)  # not started: nothing has been loaded
    assert client.get("/readyz").status_code == 503
    assert not client.app.state.service.searcher.loaded
    client.app.state.service.close()


def test_another_address_than_this_computer_s_needs_a_key(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def listens(*_: object) -> None:
        raise AssertionError("it listens")

    monkeypatch.setattr(running, "_listen", listens)
    with pytest.raises(GalleryError, match="can be reached from other computers, and the gallery has no key"):
        serve(gallery, host="0.0.0.0", port=0)
    with client_of(gallery, local=False) as opened:  # and if the last key is removed later
        assert opened.get("/v1/gallery").status_code == 401


# Cookies, and sites that make browsers ask


def test_scripts_cannot_read_the_cookie_and_other_sites_cannot_use_it(gallery: Path, keys: dict[str, str]) -> None:
    with client_of(gallery) as opened:
        cookie = opened.post("/v1/session", json={"key": keys["viewer"]}).headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/" in cookie
        assert "max-age=43200" in cookie
        assert "; secure" not in cookie
        assert keys["viewer"].lower() not in cookie
        secure = opened.post("https://localhost/v1/session", json={"key": keys["viewer"]}).headers["set-cookie"]
        assert "; secure" in secure.lower()


def test_a_cookie_alone_changes_nothing(signed_in: TestClient) -> None:
    assert signed_in.patch("/v1/identities/1", json={"name": "Mallory"}).status_code == 403
    assert signed_in.patch("/v1/identities/1", json={"name": "Anna"}, headers=PAGE).status_code == 200
    assert signed_in.delete("/v1/session").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_gets_nothing_with_the_cookie_or_at_this_computer(
    gallery: Path, keys: dict[str, str], headers: dict[str, str]
) -> None:
    with client_of(gallery) as opened:
        assert opened.post("/v1/session", json={"key": keys["admin"]}, headers=headers).status_code == 403
        opened.post("/v1/session", json={"key": keys["admin"]})
        for method, path in (("GET", "/v1/audit"), ("GET", "/v1/tracklets/1/crops/0"), ("POST", "/v1/undo")):
            assert opened.request(method, path, headers={**PAGE, **headers}).status_code == 403, path
        assert opened.get("/v1/audit", headers={"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}).status_code == 200
    with open_gallery(gallery) as opened_gallery:
        for name in keys:
            opened_gallery.remove_key(name)
    with client_of(gallery) as opened:
        assert opened.get("/v1/audit", headers=headers).status_code == 403
        assert opened.delete("/v1/identities/1", headers=headers).status_code == 403
        assert opened.get("/v1/audit").status_code == 200


def test_a_site_that_takes_over_a_name_is_not_answered(client: TestClient) -> None:
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.nip.io", ""):
        assert client.get("/v1/gallery", headers={"Host": host}).status_code == 421, host
    for host in ("localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"):
        assert client.get("/v1/gallery", headers={"Host": host}).status_code == 200, host


def test_signing_out_ends_the_session_and_a_restart_too(gallery: Path, keys: dict[str, str]) -> None:
    with client_of(gallery) as opened:
        opened.post("/v1/session", json={"key": keys["viewer"]})
        cookies = dict(opened.cookies)
        assert opened.get("/v1/session").json()["role"] == "viewer"
        assert opened.delete("/v1/session", headers=PAGE).status_code == 204
        opened.cookies.update(cookies)
        assert opened.get("/v1/gallery").status_code == 401
    with client_of(gallery) as opened:
        opened.cookies.update(cookies)
        assert opened.get("/v1/session").json() == {
            "signed_in": False, "actor": None, "role": None, "open": False, "reason": "", "asks_for_reasons": False,
        }  # fmt: skip


def test_a_session_ends_by_itself(gallery: Path, keys: dict[str, str]) -> None:
    for hours, status in ((1e-9, 401), (1.0, 200)):
        with client_of(gallery, hours_signed_in=hours) as opened:
            said = opened.post("/v1/session", json={"key": keys["viewer"]}).headers["set-cookie"]
            opened.cookies.clear()
            kept = {"Cookie": said.partition(";")[0]}  # by somebody who does not let go of it in time
            assert opened.get("/v1/gallery", headers=kept).status_code == status


def test_every_answer_forbids_scripts_of_others_frames_and_guessing(client: TestClient) -> None:
    for path in ("/v1/gallery", "/docs", "/docs/style.css", "/v1/tracklets/1/crops/0", "/nowhere", "/openapi.json"):
        headers = client.get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
    assert client.get("/v1/tracklets/1/crops/0").headers["cache-control"] == "no-store"
    refused = client.get("/v1/gallery", headers={"Host": "evil.example"})
    assert refused.headers["x-content-type-options"] == "nosniff"


# What a request may cost


def test_a_body_that_is_too_large_is_refused_announced_or_not(gallery: Path) -> None:
    with client_of(gallery, picture_bytes=100_000) as opened:
        announced = opened.post("/v1/search", files={"crop": ("big.jpg", bytes(200_000))})
        assert (announced.status_code, "at most 100,000 bytes" in announced.json()["error"]) == (413, True)
        form = b'--x\r\nContent-Disposition: form-data; name="crop"; filename="a.jpg"\r\n\r\n'
        parts = iter([form, *[bytes(50_000)] * 4, b"\r\n--x--\r\n"])
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        assert opened.post("/v1/search", content=parts, headers=kind).status_code == 413
        json = opened.post("/v1/identities/merge", content=iter([b"[" * 600_000] * 2))
        assert json.status_code == 413
    with client_of(gallery, video_bytes=1000) as opened:
        parts = iter([b"\0\0\0\x18ftypisom", *[bytes(500)] * 3])
        assert opened.post("/v1/videos?name=a.mp4", content=parts).status_code == 413
        assert not (gallery / "uploads").exists()


def test_too_many_pictures_and_fields_are_refused(gallery: Path) -> None:
    with client_of(gallery, pictures=3) as opened:
        many = [("crop", (f"{number}.jpg", jpeg(clothes(1)))) for number in range(4)]
        assert opened.post("/v1/search", files=many).status_code == 400
        fields = {f"field{number}": "1" for number in range(200)}
        assert opened.post("/v1/search", data=fields, files=many[:1]).status_code == 400


def test_who_asks_too_often_is_told_to_wait(gallery: Path, keys: dict[str, str]) -> None:
    with client_of(gallery, requests_per_second=1, burst=3) as opened:
        asked = [opened.get("/v1/gallery", headers=bearer(keys["viewer"])) for _ in range(5)]
        assert [each.status_code for each in asked] == [200, 200, 200, 429, 429]
        assert int(asked[-1].headers["retry-after"]) >= 1
        assert opened.get("/v1/gallery", headers=bearer(keys["admin"])).status_code == 200
        assert opened.get("/v1/tracklets/1/crops/0", headers=bearer(keys["viewer"])).status_code == 200
        assert [opened.get("/v1/gallery").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
        assert opened.get("/v1/session").status_code == 429


def test_an_address_that_is_too_long_is_refused(client: TestClient) -> None:
    assert client.get("/" + "a" * 3000).status_code == 414


# Pictures


def png_of(width: int, height: int, rows: bytes) -> bytes:
    """A PNG file that says it has so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def file_of(kind: str, size: tuple[int, int] = (40, 80)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (90, 40, 200)).save(written, kind)
    return written.getvalue()


BROKEN = {
    "empty.jpg": b"",
    "one-byte.jpg": b"\xff",
    "text.jpg": b"this is no picture",
    "page.html": b"<!doctype html><script>alert(1)</script>",
    "page-as.jpg": b"<html><body onload=alert(1)>",
    "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "drawing-as.png": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "entities.svg": b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
    "script.ps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
    "paper.pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "archive.zip": b"PK\x03\x04" + bytes(60),
    "program.jpg": b"\x7fELF" + bytes(60),
    "half.jpg": jpeg(clothes(1))[:900],
    "head-only.png": file_of("PNG")[:40],
    "half.png": png_of(4000, 2000, bytes(4001 * 10)),
    "bomb.png": png_of(30_000, 30_000, bytes(30_001 * 100)),
    "bomb-wide.png": png_of(2_000_000_000, 2, bytes(10)),
    "nothing.png": png_of(0, 0, b""),
    "bomb.gif": b"GIF89a\xff\xff\xff\xff\xf0\0\0" + bytes(9) + b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0\x3b",
    "huge.jpg": file_of("JPEG", (8000, 7000)),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("field", ["crop", "picture"])
def test_what_is_no_usable_picture_comes_back_with_its_reason(client: TestClient, name: str, field: str) -> None:
    answer = client.post("/v1/search", files={field: (name, BROKEN[name])})
    assert answer.status_code == 422, answer.text
    (refused,) = answer.json()["refused"]
    assert refused["input"] == name
    assert name in refused["reason"]
    assert "/tmp" not in answer.text
    assert "\n" not in refused["reason"]


def test_pixels_are_counted_before_any_is_decoded(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from passerby.serve.security import pictures

    def decoded(*_: object) -> None:
        raise AssertionError("it was decoded")

    with client_of(gallery, picture_pixels=1000) as opened, monkeypatch.context() as patch:
        patch.setattr(pictures, "read_image", decoded)
        answer = opened.post("/v1/search", files={"crop": ("large.png", file_of("PNG"))})
        assert "80×40 pixels: send one of at most 1,000" in answer.json()["refused"][0]["reason"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\secret.png", "/etc/passwd", "a\x1b[31m.png", "x" * 300])
def test_a_picture_s_name_is_only_shown(client: TestClient, gallery: Path, name: str) -> None:
    answer = client.post("/v1/search", files={"crop": (name, b"no picture")})
    shown = answer.json()["refused"][0]["input"]
    assert "/" not in shown
    assert "\\.." not in shown
    assert "\x1b" not in shown
    assert len(shown) <= 80


@pytest.mark.parametrize(
    "path",
    [
        "/v1/tracklets/..%2f..%2fetc%2fpasswd",
        "/v1/tracklets/1/crops/..%2f..%2fgallery.sqlite",
        "/v1/tracklets/1/crops/-1",
        "/docs/..%2f..%2fapp.py",
        "/docs/../app.py",
        "/..%2f..%2fetc/passwd",
        "/v1/tracklets/99999999999999999999",
        "/v1/tracklets/1%20OR%201=1",
    ],
)
def test_no_path_leads_out_of_the_gallery(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 422), answer.text
    assert "error" in answer.json()


# The log


def test_every_search_and_view_is_in_the_log_with_who_and_why(
    gallery: Path, guarded: TestClient, keys: dict[str, str]
) -> None:
    headers = {**bearer(keys["viewer"]), "X-Reason": "M%C3%BCller%20case"}
    guarded.post("/v1/search", json={"tracklet": 1, "count": 2}, headers=headers)
    guarded.get("/v1/tracklets/3", headers=headers)
    guarded.get("/v1/identities", headers=headers)
    guarded.get("/v1/identities/2", headers=headers)
    guarded.get("/v1/tracklets/1/crops/0", headers=headers)  # the search told of it
    guarded.get("/v1/tracklets/12/crops/0", headers={**bearer(keys["admin"]), "X-Reason": "x"})
    with open_gallery(gallery) as opened:
        entries = [each for each in opened.log() if each.action in ("search", "view")]
        assert [(each.actor, each.action, each.reason) for each in entries] == [
            ("viewer", "search", "Müller case"),
            ("viewer", "view", "Müller case"),
            ("viewer", "view", "Müller case"),
            ("viewer", "view", "Müller case"),
            ("admin", "view", "x"),
        ]
        assert [dict(each.detail) for each in entries[1:]] == [
            {"tracklet": 3},
            {"identities": 6},
            {"identity": 2},
            {"tracklet": 12},
        ]
        assert opened.verify() == []


def test_where_a_gallery_asks_why_nothing_is_shown_without_a_reason(gallery: Path) -> None:
    with open_gallery(gallery) as opened:
        opened.ask_for_reasons(asked=True)
    with client_of(gallery) as asking:
        for method, path in (
            ("GET", "/v1/tracklets/1"),
            ("GET", "/v1/tracklets/9/crops/0"),
            ("GET", "/v1/identities"),
            ("GET", "/v1/identities/1"),
            ("GET", "/v1/decisions"),
            ("GET", "/v1/identities/1/erasure"),
            ("DELETE", "/v1/identities/1"),
        ):
            refused = asking.request(method, path)
            assert (refused.status_code, "give a reason" in refused.text) == (422, True), path
            assert asking.request(method, path, headers={"X-Reason": "case 12"}).status_code == 200, path
        assert "give a reason" in asking.post("/v1/search", json={"tracklet": 3}).json()["error"]
        assert asking.post("/v1/search", json={"tracklet": 3, "reason": "case 12"}).status_code == 200


def test_a_page_may_say_why_when_it_signs_in(gallery: Path, signed_in: TestClient) -> None:
    signed_in.get("/v1/tracklets/1")
    with open_gallery(gallery) as opened:
        assert (opened.log()[-1].actor, opened.log()[-1].reason) == ("admin", "duty")


def test_the_application_answers_nobody_from_outside_without_a_key(gallery: Path) -> None:
    with TestClient(create_app(Service(gallery), local=False), base_url="http://camera.example") as outside:
        assert outside.get("/v1/gallery").status_code == 401
        assert outside.get("/healthz").status_code == 200


def test_a_fault_of_the_service_tells_nothing_of_its_inside(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret inside")

    with monkeypatch.context() as patch:
        patch.setattr(Gallery, "counts", broken)
        answer = client.get("/v1/gallery")
    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "RuntimeError: secret inside" in capfd.readouterr().err


# The command


def test_keys_are_made_listed_and_removed_by_the_command(gallery: Path) -> None:
    def answer(*words: str) -> str:
        result = CliRunner().invoke(commands, ["gallery", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    key = answer("key", "add", str(gallery), "anna", "--role", "reviewer").strip()
    assert "anna" in answer("key", "list", str(gallery))
    assert key not in answer("key", "list", str(gallery), "--json")
    with open_gallery(gallery) as opened:
        found = opened.find_key(key)
        assert found is not None
        assert (found.name, found.role) == ("anna", "reviewer")
        with pytest.raises(GalleryError, match="there is a key 'anna' already"):
            opened.add_key("anna", "viewer")
        with pytest.raises(GalleryError, match="a key's name is a line of 1 to 64 characters"):
            opened.add_key("anna\x1b[2J", "viewer")
        with pytest.raises(GalleryError, match="there is no role 'root'"):
            opened.add_key("bob", "root")  # type: ignore[arg-type]
    answer("key", "remove", str(gallery), "anna")
    answer("reasons", str(gallery), "--required")
    with open_gallery(gallery) as opened:
        assert opened.find_key(key) is None
        assert opened.asks_for_reasons()
        assert [each.action for each in opened.log()][-3:] == ["add key", "remove key", "ask for reasons"]
