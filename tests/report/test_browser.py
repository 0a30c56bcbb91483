"""The pages in a real browser, without a display: light, dark, wide and narrow. Skipped without one, except in CI."""

import html
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from passerby.data.split import Benchmark, Split
from passerby.evaluation.analysis import analyse
from passerby.evaluation.occlusion_summary import OcclusionMetrics, ReportedOcclusion, VisibilityMetrics
from passerby.evaluation.protocol import RerankSettings
from passerby.evaluation.spread import Spread
from passerby.report.demo.film import Film
from passerby.report.demo.page import FEATURE, Shown, write_demo_page
from passerby.report.occlusion.samples import OccludedPicture
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
    return {"evaluation": found.page, "comparison": compared.page, "demo": demo_page(folder, splits)}


def demo_page(folder: Path, splits: tuple[Split, Split]) -> Path:
    """The page of a demo, with made-up figures and pictures."""
    run = folder / "a run in a folder whose name is long" / "run"
    run.mkdir(parents=True)
    stages = [{"stage": stage, "epoch": n, "steps": 20, "loss": 9.5 / n} for stage in ("one", "two") for n in (1, 2, 3)]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(stage)}\n" for stage in stages))
    metrics = [
        OcclusionMetrics(kind, level, level, FEATURE, Spread(0.6 - level, 0.0), Spread(0.7 - level, 0.0), 1, None, None)
        for kind, levels in (("clean", (0.0,)), ("rectangle", (0.3, 0.5)), ("people", (0.3, 0.5)))
        for level in levels
    ]
    found, grey = evaluated(*splits, 1.0), Image.new("RGB", (64, 128), "grey")
    shown = Shown(
        seed=7,
        world={"identities": 28, "cameras": 3, "images_per_camera": 4},
        benchmark=Benchmark("drawn", splits[1], *splits),
        run=run,
        film=Film(run / "demo.mp4", "VP9", True, 6.0, 5, (grey.resize((480, 270)),) * 4),
        evaluation=found,
        analysis=analyse(found),
        details="drawn.html",
        start=found.result,
        occlusion=ReportedOcclusion("drawn", metrics, [VisibilityMetrics(0.95, 1.0, 9, FEATURE, 0.5, None)], run),
        occluded=[[OccludedPicture(None, 0.0, grey), *[OccludedPicture("people", 0.3, grey)] * 6]] * 3,
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "passerby.report.demo.page.contact_sheet", lambda **_: np.full((1052, 1036, 3), 90, dtype=np.uint8)
        )
        return write_demo_page(run / "report" / "demo.html", shown)


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
    assert found[2] == found[3] != "0"
