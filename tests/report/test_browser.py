"""The pages in a real browser, without a display: light, dark, wide and narrow. Skipped without one, except in CI."""

import html
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from passerby.evaluation.protocol import RerankSettings
from passerby.metrics import RankingResult
from passerby.report.demo.page import Commands, DemoContent, Joins, Row, Tile, write_demo_page
from passerby.synth.places.crops import encode
from passerby.workflows.compare import compare
from tests.needed_programs import cannot_run
from tests.report.evaluated import drawn_splits, evaluated, reported

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT = 240


def started(browser: str, *arguments: str) -> bytes:
    """The standard output of the browser."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        command += [f"--user-data-dir={profile}", "--hide-scrollbars", "--force-device-scale-factor=1", *arguments]
        environment = {**os.environ, "HOME": profile}
        try:
            return subprocess.run(command, capture_output=True, timeout=LIMIT, check=False, env=environment).stdout
        except subprocess.TimeoutExpired:
            cannot_run("the browser of this machine does not answer")


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> str:
    """A browser that can show and draw a page here."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        cannot_run("no chromium on this machine")
    folder = tmp_path_factory.mktemp("probe")
    (folder / "page.html").write_text("<p>ready</p>")
    address = (folder / "page.html").as_uri()
    started(found, f"--screenshot={folder / 'page.png'}", "--window-size=200,200", address)
    if not (folder / "page.png").is_file() or b"ready" not in started(found, "--dump-dom", address):
        cannot_run("the browser of this machine does not start")
    return found


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    splits = drawn_splits(folder / "drawn")
    found = reported(evaluated(*splits, 1.0), folder / "first", rerank=RerankSettings(), open_set_draws=1)
    reported(evaluated(*splits, 2.0), folder / "a second run with a rather long name")
    (compared,) = compare([folder / "first", folder / "a second run with a rather long name"], folder / "out")
    return {
        "evaluation": found.page,
        "comparison": compared.page,
        "demo": demo_page(folder, evaluated(*splits, 1.0).result),
    }


def demo_page(folder: Path, found: RankingResult) -> Path:
    """The page of a demo, with made-up figures and pictures."""
    place = folder / "a run in a folder whose name is long"
    place.mkdir()
    grey = Image.new("RGB", (480, 270), "grey")
    jpeg = encode(np.asarray(grey.resize((64, 128))), 90)
    tiles = [Tile(number, jpeg, "a camera with a long name", right, "94 %") for number, right in ((1, True), (2, None))]
    row = Row("Found best: person 1", "a sentence about somebody in clothes of many colours", [*tiles * 5], grey)
    content = DemoContent(
        seed=7,
        people=22,
        seconds=40.0,
        cameras=dict.fromkeys(("gate", "yard", "hall"), (grey, grey)),
        commands=Commands(*[f"passerby search {place}/gallery {place}/pictures/person-01.jpg"] * 7),
        tracking={"HOTA": 0.24, "IDF1": 0.27, "purity": 0.98},
        tracklets=140,
        unclear=45,
        joins=Joins(22, 50, 0.91, 0.41, 0.34),
        found=[row] * 3,
        by_picture=[row] * 3,
        by_sentence=[row] * 3,
        picture_metrics=found,
        sentence_metrics=found,
        pictures=f"{place}/pictures",
    )
    return write_demo_page(place / "demo.html", content)


def pictured(browser: str, page: Path, file: Path, *options: str) -> np.ndarray:
    started(browser, f"--screenshot={file}", "--window-size=1200,1400", *options, page.as_uri())
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.mark.parametrize("kind", ["evaluation", "comparison"])
def test_pages_follow_light_and_dark(browser: str, pages: dict[str, Path], kind: str, tmp_path: Path) -> None:
    light = pictured(browser, pages[kind], tmp_path / "light.png", "--blink-settings=preferredColorScheme=1")
    dark = pictured(browser, pages[kind], tmp_path / "dark.png", "--blink-settings=preferredColorScheme=0")
    for picture in (light, dark):
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200, "a drawing, not a blank page"
    assert light[:4, :4].mean() > 200
    assert dark[:4, :4].mean() < 60


@pytest.mark.parametrize("kind", ["evaluation", "comparison", "demo"])
@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_screen(
    browser: str, pages: dict[str, Path], kind: str, width: int, tmp_path: Path
) -> None:
    """The page in a frame as wide as the screen; a script around it measures what the browser laid out."""
    inside = html.escape(pages[kind].read_text("utf-8"), quote=True)
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe id="page" srcdoc="{inside}" style="width:{width}px;height:900px;border:0"></iframe><p id="found"></p>'
        "<script>addEventListener('load', () => { const root = document.getElementById('page').contentDocument;"
        "const charts = [...root.querySelectorAll('svg.chart')];"
        "const seen = charts.filter(chart => chart.getBoundingClientRect().width > 100);"
        "document.getElementById('found').textContent = `width=${root.documentElement.scrollWidth} "
        "charts=${seen.length} of ${charts.length}`; })</script>",
        encoding="utf-8",
    )
    answer = started(browser, "--dump-dom", "--virtual-time-budget=10000", frame.as_uri()).decode()
    found = re.search(r"width=(\d+) charts=(\d+) of (\d+)", answer)
    assert found is not None, answer[-500:]
    assert int(found[1]) <= width
    assert found[2] == found[3]
    assert (found[3] == "0") == (kind == "demo")  # which has pictures only
