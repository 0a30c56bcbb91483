"""`passerby synth`, as a user types it."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from passerby.cli import app
from passerby.cli.synth import RECIPE, RECIPE_BATCH
from passerby.errors import DataError
from passerby.methods import find_method
from passerby.methods.clip_reid.recipe import ClipReidRecipe
from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.training.training_data import open_training_data
from passerby.workflows.synth import WorldRequest

runner = CliRunner()


def test_a_world_and_a_page_of_samples(tmp_path: Path) -> None:
    world = tmp_path / "world"
    arguments = ["synth", "--identities", "2", "--cameras", "2", "--images", "2", "--height", "64", "--processes", "1"]
    result = runner.invoke(app, [*arguments, "--contact-sheet", "-o", str(world)])
    assert result.exit_code == 0, result.output
    assert (world / "people.parquet").is_file()
    assert (tmp_path / "world.png").is_file()
    assert str(world) in result.output


def test_a_picture_beside_the_folder_is_kept_and_nothing_drawn(tmp_path: Path) -> None:
    (tmp_path / "world.png").write_bytes(b"somebody's")
    result = runner.invoke(app, ["synth", "--contact-sheet", "--replace", "-o", str(tmp_path / "world")])
    assert isinstance(result.exception, DataError)
    assert (tmp_path / "world.png").read_bytes() == b"somebody's"
    assert not (tmp_path / "world").exists()


@pytest.mark.parametrize(
    ("folder", "page"), [("world", "world.png"), (".", "cwd.png"), ("..", "top.png"), ("a/..", "cwd.png")]
)
def test_the_page_lies_beside_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, page: str
) -> None:
    (tmp_path / "top" / "cwd" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "top" / "cwd")
    assert WorldRequest(out=Path(folder)).page.name == page
    assert WorldRequest(out=Path(folder)).page.resolve().parent == Path(folder).resolve().parent


@pytest.mark.parametrize(("people", "batch"), [(2, None), (4, 2), (14, 7), (32, 16), (34, 16)])
def test_what_is_proposed_next_can_be_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: int, batch: int | None
) -> None:
    monkeypatch.chdir(tmp_path)
    crops = ["--identities", str(people), "--cameras", "2", "--images", "2", "--height", "32", "--crowd", "0"]
    result = runner.invoke(app, ["synth", *crops, "--processes", "1", "-o", "my world"])
    assert result.exit_code == 0, result.output
    proposed = re.search("Next: `passerby train (.*)`", result.output)
    assert (proposed is None) == (batch is None)
    if proposed is not None:
        name, *overrides = shlex.split(proposed[1])
        assert name == RECIPE
        recipe = resolve_recipe(TrainingRequest(name, (*overrides, f"data.cache_folder={tmp_path}")))
        assert isinstance(recipe, ClipReidRecipe)
        assert recipe.stage2.identities_per_batch == batch
        assert open_training_data(recipe, find_method(recipe.method)).training.split.identity_count == people // 2


def test_the_recipe_proposed_has_the_batch_that_synth_thinks() -> None:
    recipe = resolve_recipe(TrainingRequest(RECIPE))
    assert isinstance(recipe, ClipReidRecipe)
    assert recipe.stage2.identities_per_batch == RECIPE_BATCH


def test_another_world_is_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    """Of every kind, and only where nobody else's files would go with it."""
    few = ["synth", "--identities", "2", "-o", str(tmp_path / "world")]
    crops = [*few, "--cameras", "2", "--images", "2", "--height", "64", "--processes", "1"]
    assert runner.invoke(app, crops).exit_code == 0
    kept = (tmp_path / "world" / "people.parquet").read_bytes()
    tracked = [*few, "--cameras", "1", "--tracklets", "1", "--noise", "0", "--height", "64"]
    filmed = [*few, "--cameras", "1", "--videos", "0.4"]
    for other in ([*crops, "--seed", "8"], tracked, filmed):
        refused = runner.invoke(app, other)
        assert "holds another synthetic world" in str(refused.exception)
        assert (tmp_path / "world" / "people.parquet").read_bytes() == kept
    for other, made in ((tracked, "tracklets.parquet"), (filmed, "cameras.json"), (crops, "people.parquet")):
        assert runner.invoke(app, [*other, "--replace"]).exit_code == 0
        assert (tmp_path / "world" / made).is_file()
    (tmp_path / "world" / "query" / "mine.jpg").write_bytes(b"mine")
    assert "mine.jpg" in str(runner.invoke(app, [*crops, "--replace"]).exception)
    assert (tmp_path / "world" / "query" / "mine.jpg").read_bytes() == b"mine"


def test_tracklets_and_videos_from_the_same_command(tmp_path: Path) -> None:
    few = ["synth", "--identities", "2", "--cameras", "1"]
    tracked = runner.invoke(
        app, [*few, "--tracklets", "1", "--noise", "0", "--height", "64", "-o", str(tmp_path / "t")]
    )
    assert tracked.exit_code == 0, tracked.output
    assert (tmp_path / "t" / "tracklets.parquet").is_file()
    filmed = runner.invoke(app, [*few, "--videos", "0.4", "-o", str(tmp_path / "v")])
    assert filmed.exit_code == 0, filmed.output
    assert len(list((tmp_path / "v").rglob("*.mp4"))) == 1


def test_videos_and_tracklets_together_are_refused(tmp_path: Path) -> None:
    result = runner.invoke(app, ["synth", "--videos", "1", "--tracklets", "1", "-o", str(tmp_path / "x")])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("--identities 1", "--identities must be from 2 to 9999, not 1"),
        ("--identities 0", "--identities must be from 2 to 9999, not 0"),
        ("--identities 0 --tracklets 2", "--identities must be from 2 to 100000, not 0"),
        ("--identities 0 --videos 2", "--identities must be from 1 to 9999, not 0"),
        ("--cameras 1", "--cameras must be from 2 to 9, not 1"),
        ("--images 1", "--images must be from 2 to 99, not 1"),
        ("--height 20", "--height must be from 32 to 1024, not 20"),
        ("--height 20 --tracklets 2", "--height must be from 32 to 1024, not 20"),
        ("--crowd nan", "--crowd must be from 0 to 6, not nan"),
        ("--processes 0", "--processes must be from 1 to 256, not 0"),
        ("--identities 3 --train 0.1", "--train must leave people .* 0.1 of 3 is 0 for training, not from 1 to 2"),
        ("--train 1", "--train must leave people .* 1 of 80 is 80 for training"),
        ("--train nan", "--train must be from 0 to 1, not nan"),
        ("--train inf", "--train must be from 0 to 1, not inf"),
        ("--videos 0", "--videos must be from 0.2 to 3600, not 0"),
        ("--videos nan", "--videos must be from 0.2 to 3600, not nan"),
        ("--videos inf", "--videos must be from 0.2 to 3600, not inf"),
        ("--tracklets 0", "--tracklets must be from 1 to 9999, not 0"),
        ("--tracklets -1", "--tracklets must be from 1 to 9999, not -1"),
        ("--tracklets 2 --noise -1", "--noise must be from 0 to 100, not -1"),
        ("--tracklets 2 --noise nan", "--noise must be from 0 to 100, not nan"),
    ],
)
def test_values_out_of_range_are_named_as_they_were_given(tmp_path: Path, arguments: str, named: str) -> None:
    result = runner.invoke(app, ["synth", *arguments.split(), "-o", str(tmp_path / "x")])
    assert isinstance(result.exception, DataError)
    assert re.match(named, str(result.exception))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        "--tracklets 2 --images 9",
        "--tracklets 2 --masks",
        "--tracklets 2 --crowd 1",
        "--tracklets 2 --train 0.5",
        "--tracklets 2 --processes 1",
        "--tracklets 2 --overlapping",
        "--videos 2 --images 9",
        "--videos 2 --masks",
        "--videos 2 --height 128",
        "--overlapping",
        "--noise 1",
        "--noise -1",
        "--videos 0 --tracklets 0",
    ],
)
def test_options_without_effect_are_refused(tmp_path: Path, arguments: str) -> None:
    """Also where they say what holds anyway."""
    asked = ["synth", *arguments.split(), "-o", str(tmp_path / "x")]
    result = runner.invoke(app, asked, standalone_mode=False)
    assert isinstance(result.exception, typer.BadParameter)
    assert result.exception.param_hint in arguments.split()
    assert runner.invoke(app, asked).exit_code == 2
    assert not (tmp_path / "x").exists()


def test_what_an_option_goes_with_is_said(tmp_path: Path) -> None:
    for arguments, said in (
        (["--tracklets", "2", "--masks"], "--masks: goes with crops, not with --tracklets"),
        (["--overlapping"], "--overlapping: goes with --videos, not with crops"),
        (["--noise", "2"], "--noise: goes with --videos or --tracklets, not with crops"),
    ):
        result = runner.invoke(app, ["synth", *arguments, "-o", str(tmp_path / "x")], standalone_mode=False)
        assert isinstance(result.exception, typer.BadParameter)
        assert said in result.exception.format_message()
