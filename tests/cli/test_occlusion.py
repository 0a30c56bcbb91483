"""`passerby eval --occlusion`: options and what is printed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from passerby.cli import app
from passerby.training.runner import train
from tests.methods.saga.saga_world import saga_recipe
from tests.methods.small_world import write_small_world


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saga")
    world = write_small_world(folder / "world")
    train(saga_recipe(world, "stage1.epochs=0", "stage2.epochs=0", "stage3b.epochs=0"), folder / "run")
    return folder / "run"


def test_a_table_for_people_and_figures_for_machines(run: Path) -> None:
    command = ["eval", str(run), "--occlusion", "bottom", "--occlusion-levels", "0.3,0.6", "--occlusion-runs", "1"]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert "bottom: mAP by hidden share" in shown.stdout
    assert "60 %" in shown.stdout
    machine = CliRunner().invoke(app, [*command, "--json"])
    (content,) = json.loads(machine.stdout)
    assert {figure["level"] for figure in content["figures"]} == {0.0, 0.3, 0.6}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--occlusion", "holes"), "not 'holes'"),
        (("--occlusion", "bottom", "--occlusion-levels", "a"), "not 'a'"),
        (("--occlusion", "bottom", "--occlusion-levels", "1.2"), "between 0 and 1"),
        (("--occlusion", "bottom", "--occlusion-fill", "red"), "not 'red'"),
        (("--occlusion", "bottom", "--figure", "x.png"), "do not go with --occlusion"),
        (("--occlusion-runs", "2"), "name what hides by --occlusion"),
        (("--visible", "table.csv"), "name what hides by --occlusion"),
    ],
)
def test_wrong_options_are_usage_errors(run: Path, option: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["eval", str(run), *option])
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())
