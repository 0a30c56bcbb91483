"""The page of a gallery shows its people, says what it leaves out, and is found by erasing."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import passerby
from passerby.cli import app
from passerby.errors import DataError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.records import Crop
from tests.gallery.people import crowd, made_up


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 24, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Seven people with 60 tracklets, and three tracklets that were added later, of nobody."""
    tracklets = [replace(each, crops=[Crop(0, jpeg(number))]) for number, each in enumerate(made_up(63))]
    with open_gallery(tmp_path / "gallery", create=True) as opened:
        opened.add(tracklets[:60])
        opened.identify(threshold=0.5)
        opened.add(tracklets[60:])
        opened.name(1, "<b>Anna</b> \N{RIGHT-TO-LEFT OVERRIDE}", notes="<script>alert(1)</script>")
    return tmp_path / "gallery"


def test_the_page_shows_people_and_says_what_it_leaves_out(gallery: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = passerby.gallery_report(gallery, page, top=2, reason="a test")
    with open_gallery(gallery) as opened:
        known = sorted(opened.identities(), key=lambda each: -len(each.tracklets))
        assert (opened.log()[-1].action, opened.log()[-1].reason) == ("report", "a test")
    text = page.read_text("utf-8")
    assert (done.shown, done.people, done.unknown) == (2, len(known), 3)
    assert text.count('class="card person"') == 2
    left = sum(len(each.tracklets) for each in known[2:])
    assert f"{len(known) - 2} more people with {left} tracklets are not on this page" in text
    shown = min(12, len(known[0].tracklets)) + min(12, len(known[1].tracklets)) + 3
    assert len(re.findall(r"<img src=\"data:image/jpeg", text)) == shown
    assert "http" not in text
    passerby.gallery_report(gallery, tmp_path / "again.html", top=2)
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_what_people_wrote_is_text_on_the_page(gallery: Path, tmp_path: Path) -> None:
    passerby.gallery_report(gallery, tmp_path / "page.html", title="<i>yard</i>")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "&lt;b&gt;Anna&lt;/b&gt;" in text
    assert "&lt;script&gt;" in text
    assert "&lt;i&gt;yard" in text
    assert not re.search("<script|<i>yard|<b>Anna|\N{RIGHT-TO-LEFT OVERRIDE}", text)
    assert text.count("<em>confirmed</em>") == 1


def test_a_page_goes_with_anybody_on_it_and_not_with_others(gallery: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    passerby.gallery_report(gallery, page, top=1)
    with open_gallery(gallery) as opened:
        known = sorted(opened.identities(), key=lambda each: (-len(each.tracklets), each.number))
        assert opened.erase([known[1].tracklets[0]]).files_removed == 0
        assert page.exists()
        assert opened.erase([known[0].tracklets[5]]).files_removed == 1
        assert not page.exists()


def test_galleries_without_people_pictures_or_times_have_pages(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as opened:
        passerby.gallery_report(tmp_path / "gallery", tmp_path / "empty.html")
        opened.add(crowd(10))
        passerby.gallery_report(tmp_path / "gallery", tmp_path / "nobody.html")
        opened.identify(threshold=0.9)
    assert "No identities are known" in (tmp_path / "nobody.html").read_text("utf-8")
    passerby.gallery_report(tmp_path / "gallery", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "Times are since each video began" in text
    assert text.count("no picture") == 10


def test_the_command_writes_the_page_and_refuses_bad_places(gallery: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["gallery", "report", str(gallery), "-o", str(tmp_path / "page.html"), "--json"])
    assert json.loads(done.stdout)["page"] == str(tmp_path / "page.html")
    with pytest.raises(DataError, match=r"must end in \.html"):
        passerby.gallery_report(gallery, tmp_path / "page.txt")
    with pytest.raises(DataError, match="lies in the folder of a gallery"):
        passerby.gallery_report(gallery, gallery / "page.html")


def test_a_page_shows_whether_probabilities_come_true_where_they_are_known(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "small", create=True) as opened:
        opened.add(made_up(9))
    passerby.gallery_report(tmp_path / "small", tmp_path / "unknown.html")
    assert "Probabilities" not in (tmp_path / "unknown.html").read_text("utf-8")
    with open_gallery(tmp_path / "known", create=True) as opened:
        opened.add(crowd(400))
    passerby.gallery_report(tmp_path / "known", tmp_path / "known.html")
    text = (tmp_path / "known.html").read_text("utf-8")
    assert "How often pairs were one person, by the probability foretold" in text
    assert "pairs it was learned from" in text
    assert "people who were confirmed</li>" not in text
