"""`passerby train` as a user types it: what it prints, refuses and survives."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from passerby.cli import main
from passerby.recipe_files import recipe_names
from passerby.runs.request import TrainingRequest, resolve_recipe
from tests.cli.test_commands import run
from tests.methods.small_world import overrides, write_small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


Answer = tuple[object, str, str]
Ask = Callable[..., Answer]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ask:
    """The command in this process, which saves the seconds that importing takes: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def answer(*arguments: str) -> Answer:
        monkeypatch.setattr("sys.argv", ["passerby", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return answer


def complaint(answer: Answer) -> str:
    """The one line of a command that was refused."""
    code, _, errors = answer
    assert code == 1
    assert len(errors.splitlines()) == 1
    return errors.removeprefix("passerby: ")


def test_numbers_where_the_recipe_has_text_are_taken_and_everything_can_be_listed(world: Path, ask: Ask) -> None:
    given = overrides(world, "trainer.precision=32", "seed=7")
    code, printed, errors = ask("train", "clip-reid-vit-tiny", *given, "--keys", "--json")
    assert code == 0, errors
    rows = {row["key"]: row for row in json.loads(printed)}
    assert rows["trainer.precision"]["value"] == "32"
    assert rows["seed"]["value"] == 7
    assert rows["data.root"]["value"] == str(world)
    assert all(row["meaning"] for row in rows.values())
    _, listed, _ = ask("train", "--list", "--json")
    assert "clip-reid-vit" in [each["recipe"] for each in json.loads(listed)]


@pytest.mark.parametrize("name", recipe_names())
def test_every_key_that_is_printed_can_be_typed(name: str, ask: Ask) -> None:
    code, printed, errors = ask("train", name, "--keys")
    assert code == 0, errors
    listed = [line for line in printed.splitlines() if re.match(r"  [\w.]+=", line)]
    assignments = tuple(re.split(r"  +", line.strip())[0] for line in listed)
    assert len(assignments) > 20
    assert resolve_recipe(TrainingRequest(name, assignments)) == resolve_recipe(TrainingRequest(name))


def test_values_are_printed_as_yaml(ask: Ask) -> None:
    code, printed, errors = ask("train", "clip-reid-vit", "data.skip_unreadable=true", "--keys")
    assert code == 0, errors
    for assignment in ("model.image_size=[256, 128]", "data.skip_unreadable=true", "init=null"):
        assert f"\n  {assignment}" in printed


def test_data_named_on_the_command_line_is_not_sought_where_the_recipes_data_lies(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "own.yaml").write_text("method: clip-reid\ndata: {name: market1501, root: /data}\n")
    for given, root in (([], None), (["--root", "/there"], "/there"), (["data.root=/here"], "/here")):
        code, printed, errors = ask("train", "own.yaml", "--data", "msmt17", *given, "--keys", "--json")
        assert code == 0, errors
        rows = {row["key"]: row["value"] for row in json.loads(printed)}
        assert (rows["data.name"], rows["data.root"]) == ("msmt17", root)


def test_resuming_with_a_recipe_is_a_wrong_command(ask: Ask) -> None:
    code, _, errors = ask("train", "own.yaml", "--resume", "here")
    assert code == 2
    assert "leave 'own.yaml' out" in errors


def test_resuming_into_another_folder_is_a_wrong_command(ask: Ask) -> None:
    code, _, errors = ask("train", "--resume", "here", "--out", "there")
    assert code == 2
    assert "takes no --out" in errors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "mine.yaml: a recipe is a mapping of keys to values"),
        (b"\x80abc", "mine.yaml: is not YAML in UTF-8"),
        (b"method: [a]\n", "mine.yaml: method: must be one of"),
        (b"method: clip-ried\n", "mine.yaml: method: unknown name 'clip-ried'; did you mean 'clip-reid'?"),
        (b"seed: 1\n", "mine.yaml: method: must be one of"),
        (b"method: clip-reid\nstage2: {lr: fast}\n", "mine.yaml: stage2.lr: must be a number"),
        (b"method: clip-reid\ndata: {name: 7}\n", "mine.yaml: data.name: must be text"),
        (b"1: 2\nmethod: clip-reid\n", "mine.yaml: a recipe is a mapping"),
    ],
)
def test_files_that_are_no_recipes_are_named_in_one_line(
    content: bytes, message: str, tmp_path: Path, ask: Ask
) -> None:
    (tmp_path / "mine.yaml").write_bytes(content)
    assert message in complaint(ask("train", "mine.yaml"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["trainer.nodes=2"], "trainer.nodes=2: several machines have to be started by torchrun"),
        (["--out", "file/run"], "is a file: choose another place with --out"),
        (["seed=9223372036854775807", "--seeds", "2"], "seed: must be below 9223372036854775808"),
    ],
)
def test_what_cannot_work_is_said_before_the_work(
    more: list[str], message: str, world: Path, tmp_path: Path, ask: Ask
) -> None:
    (tmp_path / "file").write_text("")
    assert message in complaint(ask("train", "clip-reid-vit-tiny", *overrides(world), *more))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_can_be_moved_and_resumed_from_elsewhere(world: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "data").symlink_to(world)
    given = (*overrides(world, "data.root=data", "stage1.epochs=0", "stage2.epochs=1"), "trainer.precision=32")
    trained = run("train", "clip-reid-vit-tiny", *given, "--out", "run", cwd=home)
    assert trained.returncode == 0, trained.stderr
    assert YAML(typ="safe").load((home / "run" / "recipe.yaml").read_text())["data"]["root"] == str(home / "data")
    (home / "run").rename(tmp_path / "moved")
    again = run("train", "--resume", "moved", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)[0]["folder"] == "moved"


def test_a_reader_that_leaves_is_not_complained_to() -> None:
    command = [sys.executable, "-m", "passerby", "train", "clip-reid-vit", "--keys"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 1
    assert errors == b""
