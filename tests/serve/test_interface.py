"""What the service answers is what the gallery says."""

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import passerby
from passerby.errors import CheckpointError
from passerby.gallery.gallery import open_gallery
from passerby.serve.app import create_app
from passerby.serve.state.service import Service
from passerby.workflows.indexing import photographs
from tests.serve.conftest import ADDRESS
from tests.serve.drawn import clothes, jpeg
from tests.video.collection.drawn import picture

BOXES = [(150, 20, 200, 120), (20, 50, 60, 150), (90, 5, 110, 60)]


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_person_is_found_by_a_crop_as_from_python(client: TestClient, gallery: Path, tmp_path: Path) -> None:
    (tmp_path / "somebody.jpg").write_bytes(jpeg(clothes(3, 77)))
    expected = passerby.search(gallery, passerby.Query(pictures=[tmp_path / "somebody.jpg"]), count=5)
    found = client.post(
        "/v1/search", files={"crop": ("somebody.jpg", jpeg(clothes(3, 77)))}, data={"count": "5", "reason": "lost"}
    )
    assert found.status_code == 200, found.text
    (query,) = found.json()["queries"]
    assert (query["kind"], query["input"], query["box"]) == ("crop", "somebody.jpg", None)
    assert [hit["tracklet"] for hit in query["hits"]] == [hit.tracklet.number for hit in expected]
    assert [hit["score"] for hit in query["hits"]] == pytest.approx([hit.score for hit in expected], abs=1e-6)
    assert [hit["tracklet"] for hit in query["hits"][:2]] in ([7, 8], [8, 7])
    with open_gallery(gallery) as opened:
        assert [(each.action, each.reason) for each in opened.log()][-1] == ("search", "lost")
        shown = client.get(query["hits"][0]["picture"])
        assert shown.headers["content-type"] == "image/jpeg"
        assert shown.content in [crop.jpeg for crop in opened.crops(query["hits"][0]["tracklet"])]


def test_everybody_in_a_photograph_is_looked_for(client: TestClient) -> None:
    found = client.post("/v1/search", files={"picture": ("street.png", png(picture(BOXES)))}).json()
    assert [query["box"] for query in found["queries"]] == [[float(edge) for edge in box] for box in sorted(BOXES)]
    assert [query["person"] for query in found["queries"]] == [1, 2, 3]
    assert all(len(query["hits"]) == 12 for query in found["queries"])


def test_what_cannot_be_used_comes_back_with_its_reason(client: TestClient) -> None:
    files = [
        ("crop", ("good.jpg", jpeg(clothes(1)))),
        ("crop", ("page.html", b"<html>")),
        ("picture", ("empty.png", png(picture([])))),
    ]
    answer = client.post("/v1/search", files=files)
    assert answer.status_code == 200
    assert [query["input"] for query in answer.json()["queries"]] == ["good.jpg"]
    refused = {each["input"]: each["reason"] for each in answer.json()["refused"]}
    assert "page.html cannot be read" in refused["page.html"]
    assert "nobody was found" in refused["empty.png"]
    alone = client.post("/v1/search", files=[("crop", ("page.html", b"<html>"))])
    assert alone.status_code == 422
    assert "page.html cannot be read" in alone.json()["error"]


def test_a_tracklet_is_searched_for_with_filters(client: TestClient) -> None:
    found = client.post("/v1/search", json={"tracklet": 1, "cameras": ["cam1"], "count": 3}).json()
    hits = found["queries"][0]["hits"]
    assert hits[0]["tracklet"] == 2
    assert {hit["camera"] for hit in hits} == {"cam1"}
    since = client.post("/v1/search", json={"tracklet": 1, "since": "2026-05-01T08:08:00Z"}).json()
    assert {hit["camera"] for hit in since["queries"][0]["hits"]} == {"cam1"}


def test_identities_are_named_merged_split_and_taken_back(client: TestClient, gallery: Path) -> None:
    listed = client.get("/v1/identities").json()
    assert listed["total"] == 6
    first, second = (each["identity"] for each in listed["identities"][:2])
    named = client.patch(f"/v1/identities/{first}", json={"name": "Anna"}).json()
    assert (named["name"], named["confirmed"]) == ("Anna", True)
    merged = client.post("/v1/identities/merge", json={"into": first, "others": [second]}).json()
    assert len(merged["tracklets"]) == 4
    assert client.get(f"/v1/identities/{second}").status_code == 404
    split = client.post(f"/v1/identities/{first}/split", json={"tracklets": merged["tracklets"][2:]}).json()
    assert split["new"]["tracklets"] == merged["tracklets"][2:]
    kinds = [client.post("/v1/undo").json()["kind"] for _ in range(3)]
    assert kinds == ["split", "merge", "name"]
    whole = client.get(f"/v1/identities/{first}").json()
    assert whole["name"] is None
    assert [each["camera"] for each in whole["seen"]] == ["cam0", "cam1"]
    with open_gallery(gallery) as opened:
        assert opened.identity(first).tracklets == tuple(whole["tracklets"])


def test_an_identity_is_erased_after_a_preview_with_a_receipt(client: TestClient, gallery: Path) -> None:
    client.patch("/v1/identities/1", json={"name": "Anna Example"})
    preview = client.get("/v1/identities/1/erasure").json()
    assert (preview["tracklets"], preview["crops"], preview["names"]) == (2, 8, ["Anna Example"])
    held = client.post("/v1/holds", json={"identity": 1, "reason": "case 12"}).json()
    assert client.get("/v1/identities/1/erasure").json()["held"] == [1, 2]
    assert client.delete("/v1/identities/1").status_code == 422
    assert client.delete(f"/v1/holds/{held['number']}").status_code == 204
    receipt = client.delete("/v1/identities/1", headers={"X-Reason": "asked%20for%20it"}).json()
    assert (receipt["tracklets"], receipt["crops"], receipt["reason"]) == (2, 8, "asked for it")
    assert receipt["files_searched"] > 0
    assert client.get("/v1/tracklets/1").status_code == 404
    assert b"Anna Example" not in b"".join(file.read_bytes() for file in gallery.iterdir())


def test_the_interface_describes_itself(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert "/v1/search" in described["paths"]
    page = client.get("/docs")
    assert page.status_code == 200
    for path in described["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert client.get("/docs/style.css").headers["content-type"].startswith("text/css")
    assert client.get("/healthz").json()["ok"]
    while not (ready := client.get("/readyz")).json()["ok"]:  # the model is being loaded
        assert ready.status_code == 503
        time.sleep(0.02)
    assert 'passerby_requests_total{method="GET",route="/healthz",status="200"} 1' in client.get("/metrics").text


def test_a_wrong_join_is_decided_and_taken_back(client: TestClient, gallery: Path) -> None:
    with open_gallery(gallery) as opened:
        opened.decide(1, 3, same=True)
        opened.identify(threshold=0.9999)  # people 0 and 1 by what was said; nobody else
        opened.decide(1, 3, same=None)
    doubt = next(each for each in client.get("/v1/decisions?limit=100").json() if each["joined"])
    sides = [[each["tracklet"] for each in side["tracklets"]] for side in doubt["sides"]]
    assert (sides, doubt["first"], doubt["second"]) == ([[1], [3]], 1, 3)
    decided = client.post("/v1/decisions", json={"first": 1, "second": 3, "same": False}).json()
    assert decided["identities"][0] != decided["identities"][1]
    assert client.get("/v1/decisions/made").json() == [{"first": 1, "second": 3, "same": False}]
    with open_gallery(gallery, actor="somebody else") as opened:
        opened.name(opened.get([5])[0].identity, "Anna")
    named = client.get("/v1/changes?limit=1").json()[0]["change"]
    undone = client.post("/v1/undo", json={"change": decided["change"]}).json()
    assert (undone["kind"], undone["change"]) == ("decide", decided["change"])
    again = client.post("/v1/undo", json={"change": decided["change"]})
    assert (again.status_code, again.json()["error"]) == (409, f"change {decided['change']} is taken back already")
    assert client.post("/v1/undo").json()["change"] == named
    assert client.get("/v1/decisions/made").json() == []
    assert all(each["undone"] for each in client.get("/v1/changes?limit=2").json())


def test_questions_that_make_no_sense_are_refused_in_one_line(client: TestClient) -> None:
    for content, told in (
        ({}, "say who is looked for"),
        ({"tracklet": 1, "since": "2026-05-01T08:00:00"}, "since: a time needs a time zone"),
        ({"tracklet": 1, "count": 0}, "count: "),
        ({"tracklet": 1, "colour": "red"}, "colour: "),
        ({"tracklet": 1, "cameras": ["moon"]}, "no tracklet of camera moon"),
        ({"tracklet": 999}, "there is no tracklet 999"),
        ({"text": "a man in a red coat"}, "no text tower"),
    ):
        answer = client.post("/v1/search", json=content)
        assert (answer.status_code, told in answer.json()["error"]) == (422, True), answer.text
        assert "\n" not in answer.json()["error"]
    assert client.post("/v1/search", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert client.post("/v1/search", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert "error" in client.get("/nowhere").json()


def test_the_model_that_was_named_is_the_one_that_everything_goes_by(
    drawn: tuple[Path, Path], gallery: Path, keys: dict[str, str]
) -> None:
    passerby.embed_gallery(gallery, "tiny-clip")
    headers = {"Authorization": f"Bearer {keys['reviewer']}"}
    listed, doubts = {}, {}
    for model in (None, drawn[1]):
        with TestClient(create_app(Service(gallery, model=model)), base_url=ADDRESS, headers=headers) as client:
            listed[model] = [each["searched"] for each in client.get("/v1/models").json()]
            doubts[model] = [each["score"] for each in client.get("/v1/decisions").json()]
    assert listed == {None: [False, True], drawn[1]: [True, False]}
    assert all(doubts.values())
    with open_gallery(gallery) as opened:
        for model, key in zip((drawn[1], None), opened.models(), strict=True):
            assert doubts[model] == pytest.approx([each.score for each in opened.doubts(50, model=key)])


def test_without_a_detector_a_picture_of_one_person_can_still_be_searched(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_: object) -> None:
        raise CheckpointError("https://models.example/yolox_nano.onnx: the server cannot be reached")

    monkeypatch.setattr(photographs, "open_detector", missing)
    content = jpeg(picture(BOXES[:1]))
    answer = client.post("/v1/search", files={"picture": ("a.jpg", content)})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("a.jpg: a whole photograph cannot be searched here, for the detector")
    assert "models.example" not in answer.text
    assert answer.json()["refused"][0]["cause"] == "no_detector"
    assert "models.example" in capsys.readouterr().err
    assert client.post("/v1/search", files={"crop": ("a.jpg", content)}).status_code == 200
