"""The demo's folder: nothing of an earlier demo is replaced. Drawing and training are replaced by notes."""

import json
import resource
from pathlib import Path
from typing import Any

import pytest

from passerby.errors import DataError, RecipeError
from passerby.report import demo
from passerby.report.training import SeedOutcome
from passerby.synth import write_market
from passerby.synth.output_folder import DESCRIPTION


@pytest.fixture(autouse=True)
def trained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What was asked to be trained: the overrides, and where."""
    asked = []

    def write_market(folder: Path, **options: Any) -> Path:
        folder.mkdir(exist_ok=True)
        (folder / DESCRIPTION).write_text(json.dumps({"seed": options["seed"]}))
        return folder

    def run_seeds(request: Any, seeds: int) -> list[SeedOutcome]:
        assert not request.folder.exists()
        request.folder.mkdir()
        asked.append({**dict(each.split("=", 1) for each in request.overrides), "out": request.folder.name})
        return [SeedOutcome(7, request.folder, [])]

    monkeypatch.setattr(demo, "write_market", write_market)
    monkeypatch.setattr(demo, "run_seeds", run_seeds)
    return asked


def test_every_demo_has_its_run(tmp_path: Path, trained: list[dict[str, str]]) -> None:
    folder = tmp_path / "demo"
    for _ in range(3):
        demo.run_demo(folder, seed=7)
    (folder / "run").rename(tmp_path / "elsewhere")
    demo.run_demo(folder, seed=7)
    demo.run_demo(folder, seed=7)
    (folder / "runway").touch()
    demo.run_demo(folder, seed=7)
    assert [each["out"] for each in trained] == ["run", "run-2", "run-3", "run", "run-4", "run-5"]
    assert {each["data.root"] for each in trained} == {str(folder / "data")}


def test_another_seed_leaves_the_first_world_alone(tmp_path: Path, trained: list[dict[str, str]]) -> None:
    for seed in (7, 8, 7, 8):
        assert demo.run_demo(tmp_path, seed=seed).data.is_dir()
    assert [Path(each["data.root"]).name for each in trained] == ["data", "data-seed-8", "data", "data-seed-8"]
    assert json.loads((tmp_path / "data" / DESCRIPTION).read_text()) == {"seed": 7}
    assert [each["seed"] for each in trained] == ["7", "8", "7", "8"]


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RecipeError, match="holds something that is no demo"):
        demo.run_demo(tmp_path, seed=7)


def test_a_disk_without_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "write_market", write_market)  # the real one
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))  # fails as a full disk does
    try:
        with pytest.raises(DataError, match=f"{tmp_path / 'data'}.*: .* has room, then give the same command again"):
            demo.run_demo(tmp_path, seed=7)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
