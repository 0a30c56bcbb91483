"""The demo: from nothing to a page, small and without torch; interrupted ones go on, and nothing else is replaced."""

import itertools
import json
import re
import resource
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from passerby.errors import DataError, PasserbyError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.records import ModelKey
from passerby.inference.loading import load
from passerby.workflows.demo import road
from passerby.workflows.demo.folder import DemoFolder
from passerby.workflows.demo.measures import UNCLEAR, true_people
from passerby.workflows.demo.wanted import draw_wanted
from passerby.workflows.indexing.embed_gallery import embed_pictures
from tests.test_extras import run_without_torch

SMALL = {"identities": 6, "cameras": 3, "seconds": 4.0, "width": 320}

SCRIPT = f"""
from passerby.workflows.demo import road

road.WORLD = {SMALL!r}
true_people = road.true_people
def kept(table, truths):  # for a test, since the table goes
    import json
    people = true_people(table, truths)
    (table.parents[1] / "people.json").write_text(json.dumps(people))
    return people
road.true_people = kept
import os
os.cpu_count, os.sched_getaffinity = lambda: 1, lambda _: [0]  # processes take longer to start than to work
sys.argv[0] = "passerby"
from passerby.cli import main
main()
"""


TINY = {"identities": 1, "cameras": 3, "seconds": 0.2, "width": 160}


class Sources(HTMLParser):
    """Where a page's pictures come from, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.images: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, key, places in (("img", "src", self.images), ("a", "href", self.links)):
            if tag == name:
                places.append(dict(attrs)[key] or "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo, made where torch cannot be imported."""
    folder = tmp_path_factory.mktemp("demo") / "demo run"
    done = run_without_torch(SCRIPT, "demo", "--out", str(folder), "--seed", "7", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["page"] == str(folder / "demo.html")
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(road, "WORLD", SMALL)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})


def test_the_page_shows_every_step_and_needs_nothing_else(made: Path) -> None:
    text = (made / "demo.html").read_text("utf-8")
    steps = re.findall(r'<section class="step">\s*<h2>(.*?)</h2>', text)
    assert len(steps) == 7
    found = Sources(text)
    assert found.images
    assert all(image.startswith("data:image/jpeg;base64,") for image in found.images)
    assert "<script" not in text
    assert all((made / link).is_file() for link in found.links)
    assert f"passerby serve &#39;{made}/gallery&#39;" in text
    figures = json.loads((made / "metrics.json").read_text("utf-8"))
    for way in ("by_picture", "by_sentence"):
        assert f"<td>{100 * figures['search'][way]['mAP']:.0f} %</td>" in text
    assert f"<b>{100 * figures['joins']['precision']:.0f} %</b>" in text


def test_the_gallery_holds_named_people_of_three_cameras(made: Path) -> None:
    with open_gallery(made / "gallery") as gallery:
        assert set(gallery.cameras()) <= set(road.CAMERAS)
        assert gallery.cameras()
        people = gallery.identities()
        named = [each for each in people if each.name is not None]
        assert {each.name for each in named} == set(road.NAMES[: len(people)])
        assert not any(each.confirmed for each in people)
        assert all(each.taken_from is not None for each in gallery.get(gallery.numbers()))
        assert {entry.reason for entry in gallery.log() if entry.action == "search"} == {road.REASON}


def test_joins_are_counted_as_pairs(made: Path) -> None:
    """Precision and recall of the page by brute force over all pairs of tracklets whose person is known."""
    people = json.loads((made / "people.json").read_text())
    with open_gallery(made / "gallery") as gallery:
        known = [
            (people[each.key.partition("@")[0]], each.identity)
            for each in gallery.get(gallery.numbers())
            if people[each.key.partition("@")[0]] != UNCLEAR
        ]
    pairs = list(itertools.combinations(known, 2))
    same = [one[0] == other[0] for one, other in pairs]
    joined = [one[1] == other[1] for one, other in pairs]
    both = sum(a and b for a, b in zip(same, joined, strict=True))
    figures = json.loads((made / "metrics.json").read_text("utf-8"))["joins"]
    assert (figures["pairs_right"], figures["pairs_predicted"], figures["pairs_true"]) == (both, sum(joined), sum(same))


def test_a_finished_demo_tells_of_the_gallery_as_it_is_then(
    made: Path, small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made, folder)
    with open_gallery(folder / "gallery") as gallery:
        named = next(each for each in gallery.identities() if each.name == road.NAMES[0])
        gallery.name(named.number, "Somebody <else>")
        (first, *_) = gallery.numbers()
        gallery.erase([first])
        embed_pictures(gallery, load(road.MODEL), ModelKey("another", "another", 128))
        left = len(gallery)
    monkeypatch.setattr(road, "write_videos", None)  # there is nothing to draw
    outcome = road.run_demo(folder, seed=7, show=False)
    text = outcome.folder.page.read_text("utf-8")
    assert "Somebody &lt;else&gt;" in text
    assert f"among {left} tracklets" in text
    with open_gallery(folder / "gallery") as gallery:
        assert len(gallery) == left
        assert road.NAMES[0] not in {each.name for each in gallery.identities()}
        assert gallery.erase(gallery.numbers()).files_removed == 1
    shows_people = [each for each in folder.rglob("*") if each.suffix in (".jpg", ".html")]
    assert {each.parent for each in shows_people} == {outcome.folder.pictures}, "those to search with"
    assert not outcome.folder.tracklets.exists()


def test_an_interrupted_demo_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(road, "WORLD", TINY)

    def interrupted(*given: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(road, "track", interrupted)
        with pytest.raises(PasserbyError, match=r"^interrupted: give the same command again, and it goes on$"):
            road.run_demo(tmp_path / "demo", seed=7, show=False)
    monkeypatch.setattr(road, "write_videos", None)
    monkeypatch.setattr(road, "track", interrupted)
    with pytest.raises(PasserbyError, match="interrupted"):  # as far as before, without drawing again
        road.run_demo(tmp_path / "demo", seed=7, show=False)


def test_a_folder_of_something_else_and_the_demo_of_another_seed_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DataError, match="holds something that is no demo"):
        road.run_demo(tmp_path, seed=7)
    DemoFolder.opened(tmp_path / "demo", 7)
    with pytest.raises(DataError, match="holds a demo of seed 7: name another folder with --out"):
        road.run_demo(tmp_path / "demo", seed=8)


def test_a_disk_without_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(road, "WORLD", TINY)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))  # fails as a full disk does
    try:
        with pytest.raises(DataError, match="room"):
            road.run_demo(tmp_path / "demo", seed=7, show=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_tracklet_is_of_the_person_of_most_of_its_boxes(tmp_path: Path) -> None:
    boxes = [("a", 1, 0), ("a", 2, 0), ("a", 3, 100), ("b", 1, 100), ("c", 2, 300), ("c", 3, 300)]
    columns = {
        "video": ["v"] * len(boxes), "track": [name for name, _, _ in boxes], "frame": [frame for _, frame, _ in boxes],
        "x": [float(x) for *_, x in boxes], "y": [0.0] * len(boxes), "width": [20.0] * len(boxes),
        "height": [40.0] * len(boxes),
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "tracklets.parquet")
    rows = [f"{frame},{person},{100 * (person - 1)},0,20,40,1,1,1\n" for frame in (1, 2, 3) for person in (1, 2)]
    (tmp_path / "v.txt").write_text("".join(rows))
    found = true_people(tmp_path / "tracklets.parquet", {"v": tmp_path / "v.txt"})
    assert found == {"a": 1, "b": 2, "c": UNCLEAR}


def test_wanted_people_are_described_as_their_pictures_show_them(tmp_path: Path) -> None:
    wanted = draw_wanted(tmp_path / "pictures", seed=7, people=3, camera=4)
    assert [each.person for each in wanted] == [1, 2, 3]
    assert len({each.sentence for each in wanted}) == 3
    pictures = [np.frombuffer(each.picture.read_bytes(), np.uint8) for each in wanted]
    again = draw_wanted(tmp_path / "pictures", seed=7, people=3, camera=4)
    assert all(
        (np.frombuffer(each.picture.read_bytes(), np.uint8) == old).all()
        for each, old in zip(again, pictures, strict=True)
    )
