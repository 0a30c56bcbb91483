"""`passerby occlusion`: options and what is printed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from passerby.cli import app
from passerby.training.runner import train
from passerby.workflows.evaluation_request import EvaluationRequest
from passerby.workflows.evaluation_settings import CameraEmbedding
from tests.methods.saga.saga_world import saga_recipe
from tests.methods.small_world import write_small_world


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saga")
    world = write_small_world(folder / "world")
    train(saga_recipe(world, "stage1.epochs=0", "stage2.epochs=0", "stage3b.epochs=0"), folder / "run")
    return folder / "run"


def test_a_table_for_people_and_numbers_for_machines(run: Path) -> None:
    command = ["occlusion", str(run), "--condition", "bottom", "--levels", "0.3,0.6", "--runs", "1"]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert "bottom: mAP by occluded share" in shown.stdout
    assert "60 %" in shown.stdout
    machine = CliRunner().invoke(app, [*command, "--json"])
    (content,) = json.loads(machine.stdout)
    assert {row["level"] for row in content["metrics"]} == {0.0, 0.3, 0.6}


def test_a_model_and_data_are_opened_as_for_eval(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[EvaluationRequest] = []
    monkeypatch.setattr(
        "passerby.workflows.occlusion.occlusion_and_report", lambda request, *_: asked.append(request) or []
    )
    options = ["--camera-embedding", "market1501:2", "--allow-torchscript", "--set", "check_counts=false"]
    for more in ([], [*options, "--no-skip-unreadable"], ["--skip-unreadable"]):
        result = CliRunner().invoke(app, ["occlusion", "model.pth", *more])
        assert result.exit_code == 0, result.output
    plain, changed, skipping = asked
    assert plain == EvaluationRequest("model.pth")
    assert changed == EvaluationRequest(
        "model.pth",
        camera_embedding=CameraEmbedding("market1501", 2.0),
        allow_torchscript=True,
        check_counts=False,
        skip_unreadable=False,
    )
    assert skipping.skip_unreadable is True


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--condition", "holes"), "condition: must be one of rectangle, bottom, patches, people, not 'holes'"),
        (("--levels", "1.2"), "levels: must lie between 0 and 1, not 1.2"),
        (("--fill", "red"), "fill: must be one of grey, noise, mean, not 'red'"),
    ],
)
def test_wrong_values_are_refused_before_the_work(run: Path, option: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["occlusion", str(run), *option])
    assert str(result.exception) == message


def test_levels_that_are_no_numbers_are_a_usage_error(run: Path) -> None:
    result = CliRunner().invoke(app, ["occlusion", str(run), "--levels", "a"])
    assert result.exit_code == 2
    assert "--levels must be shares such as 0.1,0.3, not 'a'" in " ".join(result.output.split())
