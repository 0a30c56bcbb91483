"""The demo: from nothing to a page, small; interrupted ones go on, and nothing of an earlier one is replaced."""

import json
import re
import resource
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from passerby.cli import app
from passerby.config import Recipe
from passerby.errors import DataError, PasserbyError, RecipeError
from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.runs.run_directory import RunDirectory
from passerby.synth import write_market
from passerby.synth.output.output_folder import DESCRIPTION
from passerby.training.interruption import InterruptedRunError
from passerby.workflows import demo
from passerby.workflows.demo_folder import PAGE, PICTURE, DemoFolder

SMALL_WORLD = {"identities": 12, "cameras": 2, "images_per_camera": 2, "size": [32, 16], "crowd": 0.0}


class Sources(HTMLParser):
    """Where a page's pictures and videos come from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.images: list[str] = []
        self.videos: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        for name, key, places in (
            ("img", "src", self.images),
            ("video", "src", self.videos),
            ("a", "href", self.links),
        ):
            if tag == name:
                places.append(found[key] or "")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A demo of a handful of people and steps; what it draws, trains and searches is told."""
    monkeypatch.setattr(demo, "WORLD", SMALL_WORLD)
    monkeypatch.setattr(demo, "FILM", {"identities": 2, "cameras": 1, "seconds": 0.4, "width": 160})
    epochs = ("stage1.epochs=2", "stage2.epochs=2", "stage2.warmup_epochs=1", "stage2.identities_per_batch=4")
    monkeypatch.setattr(demo, "SHORTER", (*epochs, "trainer.accelerator=cpu"))
    done: list[str] = []

    def telling(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def told(*given: Any, **options: Any) -> Any:
            done.append(name + " on" * bool(options.get("resume")))
            return real(*given, **options)

        return told

    for name in ("write_market", "write_videos", "train", "occlusion_and_report"):
        monkeypatch.setattr(demo, name, telling(name, getattr(demo, name)))
    return done


def test_from_nothing_to_a_page(tmp_path: Path, small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, find = tmp_path / "demo", demo.evaluate_in_full

    def interrupted(*given: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "evaluate_in_full", interrupted)
    with pytest.raises(PasserbyError, match="interrupted: give the same command again, and it goes on"):
        demo.run_demo(folder, seed=5)
    assert small == ["write_market", "write_videos", "train", "occlusion_and_report"]
    weights = (folder / "run" / "model.safetensors").read_bytes()
    small.clear()
    monkeypatch.setattr(demo, "evaluate_in_full", find)
    result = CliRunner().invoke(app, ["demo", "--out", str(folder), "--seed", "5", "--json"])
    assert result.exit_code == 0, result.output
    assert small == ["train on", "occlusion_and_report"]
    assert (folder / "run" / "model.safetensors").read_bytes() == weights
    told = json.loads(result.stdout)
    assert Path(told["page"]) == folder / "run" / PAGE
    assert told["occlusion"]["metrics"][0]["condition"] == "clean"
    _check_page(Path(told["page"]), told)
    with Image.open(folder / "run" / PICTURE) as picture:
        assert picture.width > picture.height > 300
    assert not list(folder.glob(".*.partial"))


def _check_page(page: Path, told: dict[str, Any]) -> None:
    text = page.read_text("utf-8")
    chapters = re.findall(r"<h2>(\d)\. ", text)
    assert chapters == [str(number) for number in range(1, 8)]
    found = Sources(text)
    assert all(image.startswith("data:image/jpeg;base64,") for image in found.images)
    assert found.videos == ["demo.mp4"]
    assert all((page.parent / link).is_file() for link in found.links)
    (evaluation,) = told["evaluations"]
    for figure in ("mAP", "rank1", "mINP"):
        assert f"<b>{100 * evaluation[figure]:.1f}<small> %</small></b>" in text
    occluded = {
        (each["condition"], each["level"]): each["mAP"]["mean"]
        for each in told["occlusion"]["metrics"]
        if each["feature"] == "class token + projected"
    }
    assert occluded["clean", 0.0] == pytest.approx(evaluation["mAP"])
    for condition, words in (("rectangle", "a grey rectangle"), ("people", "a strip of somebody else")):
        for level in (0.3, 0.5, 0.7):
            assert (
                f"{words}, share of the query that is occluded {level:g}: {100 * occluded[condition, level]:.1f} %"
                in text
            )
    table = pq.read_table(Path(told["data"]) / "people.parquet")
    queries = table.column("split").to_pylist().count("query")
    assert f"{queries} pictures of people the network was not trained on" in text


def test_a_world_that_lost_a_picture_is_drawn_anew(tmp_path: Path, small: list[str]) -> None:
    folder, drawn = demo._draw_world(tmp_path / "data", 5)
    assert drawn
    assert demo._draw_world(folder, 5) == (folder, False)
    (folder / "mine.txt").touch()
    assert demo._draw_world(folder, 5) == (folder, False)
    (folder / "mine.txt").unlink()
    next((folder / "query").iterdir()).unlink()
    assert demo._draw_world(folder, 5) == (folder, True)
    assert small == ["write_market", "write_market"]


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return resolve_recipe(TrainingRequest("clip-reid-vit-tiny", ("data.name=market-layout", f"data.root={tmp_path}")))


def begun(folder: Path, recipe: Recipe, *, page: bool = False) -> None:
    RunDirectory(folder).create(recipe)
    if page:
        (folder / PAGE).parent.mkdir()
        (folder / PAGE).touch()


def test_the_run_that_goes_on_is_of_the_same_recipe_without_page(tmp_path: Path, recipe: Recipe) -> None:
    place = DemoFolder.opened(tmp_path / "demo")
    first, second, third, fourth = (place.folder / name for name in ("run", "run-2", "run-3", "run-4"))
    assert place.run(recipe, may_go_on=True) == (first, False)
    (first / "checkpoints").mkdir(parents=True)  # interrupted before it was a run
    assert place.run(recipe, may_go_on=True) == (first, False)
    begun(first, recipe, page=True)
    assert place.run(recipe, may_go_on=True) == (second, False)
    begun(second, recipe.model_copy(update={"seed": 99}))
    begun(third, recipe)
    assert place.run(recipe, may_go_on=True) == (third, True)
    assert place.run(recipe, may_go_on=False) == (fourth, False)
    (third / "recipe.yaml").write_text("method: no such\n")
    assert place.run(recipe, may_go_on=True) == (fourth, False)


def test_another_seed_leaves_the_first_world_alone(tmp_path: Path) -> None:
    place = DemoFolder.opened(tmp_path)
    assert place.drawn("data", 7) == tmp_path / "data"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / DESCRIPTION).write_text(json.dumps({"seed": 7}))
    assert place.drawn("data", 7) == tmp_path / "data"
    assert place.drawn("data", 8) == tmp_path / "data-seed-8"
    assert place.drawn("film", 8) == tmp_path / "film"
    (tmp_path / "data" / DESCRIPTION).write_text("[]")
    assert place.drawn("data", 7) == tmp_path / "data-seed-7"


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RecipeError, match="holds something that is no demo"):
        demo.run_demo(tmp_path, seed=7)


def test_training_that_is_interrupted_goes_on_with_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: Any, **options: Any) -> None:
        raise InterruptedRunError(tmp_path / "run")

    monkeypatch.setattr(demo, "_draw_world", lambda folder, seed: (folder, True))
    monkeypatch.setattr(demo, "_film", lambda folder, seed: folder)
    monkeypatch.setattr(demo, "train", interrupted)
    with pytest.raises(PasserbyError, match=r"^interrupted: give the same command again, and it goes on$"):
        demo.run_demo(tmp_path, seed=7)


def test_a_disk_without_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "write_market", write_market)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))  # fails as a full disk does
    try:
        with pytest.raises(DataError, match=f"{tmp_path / 'data'}.*: .* has room, then give the same command again"):
            demo.run_demo(tmp_path, seed=7)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
