"""`passerby synth`, as a user types it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from passerby.cli import app

runner = CliRunner()


def test_a_world_and_a_page_of_samples(tmp_path: Path) -> None:
    world = tmp_path / "world"
    arguments = ["synth", "--identities", "2", "--cameras", "2", "--images", "2", "--height", "64", "--processes", "1"]
    result = runner.invoke(app, [*arguments, "--contact-sheet", "-o", str(world)])
    assert result.exit_code == 0, result.output
    assert (world / "people.parquet").is_file()
    assert (tmp_path / "world.png").is_file()
    assert str(world) in result.output


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


@pytest.mark.parametrize("arguments", [["--identities", "1"], ["--noise", "-1"]])
def test_values_out_of_range_are_refused(tmp_path: Path, arguments: list[str]) -> None:
    result = runner.invoke(app, ["synth", *arguments, "-o", str(tmp_path / "x")])
    assert result.exit_code != 0
    assert not (tmp_path / "x").exists()
