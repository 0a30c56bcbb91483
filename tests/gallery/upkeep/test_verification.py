"""Torn and tampered galleries are found out, each fault in one line."""

import io
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import Crop, NewTracklet
from tests.gallery.people import made_up


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 12, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def photographed(count: int) -> list[NewTracklet]:
    return [replace(each, crops=[Crop(0, jpeg(number))]) for number, each in enumerate(made_up(count))]


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with open_gallery(tmp_path / "gallery", create=True, actor="tester") as opened:
        opened.add(photographed(30))
        opened.erase([30])
        yield opened


def test_a_sound_gallery_has_no_findings(gallery: Gallery) -> None:
    assert gallery.verify() == []


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("UPDATE features SET vector = zeroblob(32) WHERE tracklet = 3", "feature", "tracklet 3: .* not of length 1"),
        (f"UPDATE features SET vector = x'007c{'00' * 30}' WHERE tracklet = 3", "feature", "is not finite"),
        ("UPDATE features SET vector = zeroblob(30) WHERE tracklet = 3", "feature", "of another length"),
        ("UPDATE features SET halves = zeroblob(64) WHERE tracklet = 3", "feature", "not of length 1"),
        ("UPDATE crops SET jpeg = substr(jpeg, 1, 500) WHERE tracklet = 4", "picture", "4: its picture of frame 0"),
        ("UPDATE crops SET jpeg = 'text' WHERE tracklet = 4", "picture", "no whole JPEG"),
        ("UPDATE tracklets SET begins = 9e99 WHERE id = 5", "tracklet", "tracklet 5: its key, times"),
        ("UPDATE audit SET actor = 'nobody'", "log", "entry 1 of the log"),
        ("DELETE FROM audit", "log", "1 receipts of erasures, but the log tells of 0"),
        ("DELETE FROM tracklets WHERE id = 6", "database", "belongs to nothing"),
        ("INSERT INTO settings VALUES ('unclean', '1')", "erasure", "interrupted before the files were clean"),
    ],
)
def test_each_change_from_outside_is_found(
    gallery: Gallery, tmp_path: Path, statement: str, kind: str, message: str
) -> None:
    with sqlite3.connect(tmp_path / "gallery" / "gallery.sqlite") as connection:
        connection.execute(statement)
    found = gallery.verify()
    assert {each.kind for each in found} == {kind}
    assert len(found) in {1, 2}
    assert re.search(message, found[0].message)


def test_files_beside_the_gallery_are_named(gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "gallery" / "copy\n.jpg").write_bytes(jpeg(0))
    (found,) = gallery.verify()
    assert found.kind == "file"
    assert r"copy\n.jpg: is no part of the gallery" in found.message


def test_pages_that_were_overwritten_are_found(tmp_path: Path) -> None:
    with open_gallery(tmp_path, create=True) as gallery:
        gallery.add(photographed(200))
    file = tmp_path / "gallery.sqlite"
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8_192] = b"\xff" * 8_192
    file.write_bytes(content)
    with open_gallery(tmp_path) as gallery:
        found = gallery.verify()
    assert any(each.kind == "database" for each in found)
    assert all("\n" not in each.message for each in found)


def test_many_faults_are_counted(gallery: Gallery, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "gallery" / "gallery.sqlite") as connection:
        connection.execute("UPDATE features SET vector = zeroblob(32)")
    found = gallery.verify()
    assert len(found) == 21
    assert found[-1].message == "and 9 more like these"
