"""Several seeds, and whose data is evaluated on."""

import json
import shutil
from pathlib import Path

import pytest

from passerby.errors import RecipeError
from passerby.runs.request import TrainingRequest
from passerby.workflows.evaluation_request import EvaluationRequest, open_request
from passerby.workflows.train import run_seeds
from tests.methods.small_world import overrides, write_small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module")
def seeds(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three finished seeds from 5 on."""
    folder = tmp_path_factory.mktemp("seeds") / "runs"
    given = overrides(world, "seed=5", "stage1.epochs=0", "stage2.epochs=1")
    told: list[tuple[int | None, int]] = []
    request = TrainingRequest("clip-reid-vit-tiny", given, out=folder)
    run_seeds(request, 3, lambda outcome: told.append((outcome.seed, len(list(folder.glob("seed-*"))))))
    assert told == [(5, 1), (6, 2), (7, 3)]  # each before the next one begins
    return folder


@pytest.fixture
def runs(seeds: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seeds, tmp_path / "runs"))


def test_another_seed_is_not_mixed_in(runs: Path) -> None:
    before = (runs / "seeds.json").read_text()
    with pytest.raises(RecipeError, match=r"seed=7: the runs in .* count up from seed 5: leave it out"):
        run_seeds(TrainingRequest(None, ("seed=7",), resume=runs), 3)
    assert (runs / "seeds.json").read_text() == before
    assert sorted(path.name for path in runs.iterdir()) == ["seed-5", "seed-6", "seed-7", "seeds.json"]


def test_fewer_seeds_lose_no_figures(runs: Path) -> None:
    before = json.loads((runs / "seeds.json").read_text())
    assert [outcome.seed for outcome in run_seeds(TrainingRequest(None, resume=runs), 2)] == [5, 6]
    after = json.loads((runs / "seeds.json").read_text())
    assert [row["seed"] for row in after["seeds"]] == [5, 6, 7]
    assert after["mean and deviation"] == before["mean and deviation"]
    shutil.rmtree(runs / "seed-7")
    run_seeds(TrainingRequest(None, resume=runs), 2)
    assert [row["seed"] for row in json.loads((runs / "seeds.json").read_text())["seeds"]] == [5, 6]


def test_a_damaged_table_is_found_before_training(runs: Path) -> None:
    (runs / "seeds.json").write_text("{")
    shutil.rmtree(runs / "seed-7")
    with pytest.raises(RecipeError, match=r"seeds.json: is damaged: remove it"):
        run_seeds(TrainingRequest(None, resume=runs), 3)
    assert not (runs / "seed-7").exists()


def test_other_data_of_the_same_name_is_pointed_out(
    runs: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, other = str(runs / "seed-5"), write_small_world(tmp_path / "other", seed=1, identities=10)
    open_request(EvaluationRequest(run, root=world))
    assert capsys.readouterr().err == ""
    open_request(EvaluationRequest(run, root=other))
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(
        f"market-layout: this is not the data of the run in {run}: in its train part, 32 images then"
    )
    (runs / "seed-5" / "data.json").write_text("{")
    open_request(EvaluationRequest(run, root=world))
    assert "data.json: is missing or damaged" in capsys.readouterr().err
