"""The catalogue of model files, and how they are got."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerby.errors import CheckpointError
from passerby.models.bundled import resolve_path
from passerby.models.zoo import fetching, published
from passerby.models.zoo.card import LicenceSection
from passerby.models.zoo.card_files import card_path, read_card
from passerby.models.zoo.fetching import MIRROR, OFFLINE, fetch_model
from passerby.models.zoo.published import PublishedModel, known_card, published_model, published_names
from tests.models.zoo.small_onnx import write_small_onnx
from tests.models.zoo.test_downloading import QUICK, Server, address, server

__all__ = ["server"]

ENTRY = """
title: small
files:
  - name: small.onnx
    url: {url}
    sha256: {digest}
  - name: notes.txt
    url: {url}
    sha384: {digest384}
obtain: ask
training: nothing
card:
  kind: embedder
  input: {{size: [16, 8], channels: rgb}}
  output: {{form: features}}
  licence: {{data: for research, commercial: {commercial}}}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.delenv(OFFLINE, raising=False)
    yield tmp_path / "cache"
    published._texts.cache_clear()
    published.published_names.cache_clear()
    published.published_model.cache_clear()


def publish(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Make an entry `small` the only one of the catalogue."""
    monkeypatch.setattr(published, "_read_texts", lambda: iter([("small", text)]))
    for each in (published._texts, published.published_names, published.published_model):
        each.cache_clear()


def entry(content: bytes, url: str, *, commercial: bool = True) -> str:
    return ENTRY.format(
        url=url,
        digest=hashlib.sha256(content).hexdigest(),
        digest384=hashlib.sha384(content).hexdigest(),
        commercial=str(commercial).lower(),
    )


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return write_small_onnx(tmp_path / "made.onnx").read_bytes()


def test_every_entry_is_whole_and_says_how_to_get_its_files() -> None:
    names = published_names()
    assert {"yolox-nano", "yolox-tiny", "yolox-s", "person-detection-retail-0013", "osnet-ain-x1-0"} <= set(names)
    hashes = []
    for name in names:
        model = published_model(name)
        assert model.name == name
        assert model.training
        complete = bool(model.files) and all(file.url and file.digest for file in model.files)
        assert complete or model.obtain, f"{name}: neither address and hash, nor how to get it"
        assert model.card is None or model.card.name == name
        assert model.terms != LicenceSection(), f"{name}: says nothing about its licence"
        hashes += [file.digest for file in model.files if file.digest]
    assert len(set(hashes)) == len(hashes)


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(CheckpointError, match="'yolox-nan' is not in the zoo: did you mean yolox-nano"):
        published_model("yolox-nan")


def test_a_model_is_fetched_once_with_its_card_and_then_loads_by_name(
    server: Server, content: bytes, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    server.behaviour.content = content
    publish(monkeypatch, entry(content, address(server)))
    with pytest.raises(CheckpointError, match="is not on this machine: get it with `passerby zoo get small`"):
        resolve_path("small")
    file = fetch_model("small", patience=QUICK, quiet=True)
    assert file == cache / "zoo" / "small" / "small.onnx" == resolve_path("small")
    assert read_card(card_path(file)).sha256 == hashlib.sha256(content).hexdigest()
    asked = len(server.behaviour.asked)
    assert fetch_model("small", patience=QUICK, quiet=True) == file
    assert len(server.behaviour.asked) == asked == 2
    file.write_bytes(b"damaged")
    assert fetch_model("small", patience=QUICK, quiet=True).read_bytes() == content


def test_terms_against_commerce_need_consent(server: Server, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.behaviour.content = content
    publish(monkeypatch, entry(content, address(server), commercial=False))
    with pytest.raises(CheckpointError, match=r"forbid commercial use \(for research\).*--accept-terms"):
        fetch_model("small", quiet=True)
    assert server.behaviour.asked == []
    assert fetch_model("small", accept_terms=True, quiet=True).is_file()
    assert fetch_model("small", quiet=True).is_file()


def test_nothing_is_asked_of_a_server_offline(
    server: Server, content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    publish(monkeypatch, entry(content, address(server)))
    monkeypatch.setenv(OFFLINE, "1")
    with pytest.raises(CheckpointError, match=r"not in the cache, and PASSERBY_OFFLINE is set: put the file at "):
        fetch_model("small", quiet=True)
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    with pytest.raises(CheckpointError, match="is missing in the mirror"):
        fetch_model("small", quiet=True)
    for name in ("small.onnx", "notes.txt"):
        (tmp_path / "mirror" / "small").mkdir(parents=True, exist_ok=True)
        (tmp_path / "mirror" / "small" / name).write_bytes(content)
    assert fetch_model("small", quiet=True).read_bytes() == content
    (tmp_path / "mirror" / "small" / "notes.txt").write_bytes(b"other")
    (fetch_model("small", quiet=True).parent / "notes.txt").unlink()
    with pytest.raises(CheckpointError, match="is not the published file"):
        fetch_model("small", quiet=True)
    assert server.behaviour.asked == []


def test_a_mirror_is_asked_instead(server: Server, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.behaviour.content = content
    publish(monkeypatch, entry(content, "https://nowhere.invalid/a"))
    monkeypatch.setenv(MIRROR, address(server, "mirror/"))
    fetch_model("small", patience=QUICK, quiet=True)
    assert server.behaviour.asked == ["/mirror/small/small.onnx", "/mirror/small/notes.txt"]


def test_a_file_without_a_known_hash_is_fetched_with_the_users(
    server: Server, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.behaviour.content = content
    text = entry(content, address(server)).replace(f"    sha384: {hashlib.sha384(content).hexdigest()}\n", "")
    publish(monkeypatch, text)
    with pytest.raises(CheckpointError, match=r"no hash of notes\.txt is known: ask"):
        fetch_model("small", patience=QUICK, quiet=True)
    right = hashlib.sha384(content).hexdigest()
    for hashes, complaint in (
        ({"other.bin": right}, r"has no file 'other\.bin'"),
        ({"notes.txt": "12"}, "'12' is no SHA-256"),
        ({"small.onnx": "0" * 64}, "is known, and is another"),
        ({"notes.txt": "0" * 96}, "is not the published file"),
    ):
        with pytest.raises(CheckpointError, match=complaint):
            fetch_model("small", hashes=hashes, patience=QUICK, quiet=True)
    assert fetch_model("small", hashes={"notes.txt": right.upper()}, patience=QUICK, quiet=True).is_file()


def test_a_file_that_was_put_into_the_cache_is_verified_or_said_not_to_be(
    content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = hashlib.sha384(content).hexdigest()
    publish(monkeypatch, entry(content, "http://127.0.0.1:9/a").replace(f"    sha384: {digest}\n", ""))
    folder = published_model("small").folder
    folder.mkdir(parents=True)
    for name in ("small.onnx", "notes.txt"):
        (folder / name).write_bytes(content)
    fetch_model("small", quiet=True)
    told = " ".join(capsys.readouterr().err.split())
    assert told.count("is taken unverified") == 1
    assert "notes.txt: was put there by hand" in told
    fetch_model("small", hashes={"notes.txt": digest}, quiet=True)
    assert "unverified" not in capsys.readouterr().err


def test_a_model_without_files_says_how_to_get_it() -> None:
    for name in ("osnet-x1-0", "clip-vit-b-16"):
        with pytest.raises(CheckpointError, match=f"{name}: cannot be fetched: "):
            fetch_model(name)
    with pytest.raises(CheckpointError, match=r"no hash of .*\.xml is known: .*model\.yml"):
        fetch_model("person-detection-retail-0013")
    with pytest.raises(CheckpointError, match=r"no address of .* is known"):
        fetch_model("youtu-reid")


def test_a_known_file_needs_no_card_beside_it(content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert known_card(tmp_path / "made.onnx") is None
    publish(monkeypatch, entry(content, "http://127.0.0.1:9/a"))
    card = known_card(tmp_path / "made.onnx")
    assert card is not None
    assert card.sha256 == hashlib.sha256(content).hexdigest()
    assert isinstance(published_model("small"), PublishedModel)
    assert not fetching.is_fetched(published_model("small"))
