"""Manners of the command line: JSON everywhere, no colours unasked, names completed, near ones proposed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import passerby
from passerby.cli import app, main
from passerby.errors import CheckpointError, RecipeError
from passerby.metrics import PairedComparison
from passerby.metrics.ranking.bootstrap import Interval
from passerby.recipe_files import parse_recipe, recipe_file
from passerby.report.comparison_page import disagrees
from passerby.workflows.recipe_keys import recipe_keys

PRINTS_NO_RESULT = {"serve"}  # runs until it is stopped


def commands(command: Any = None, *names: str) -> dict[str, Any]:
    command = typer.main.get_command(app) if command is None else command
    if not hasattr(command, "commands"):
        return {" ".join(names): command}
    found: dict[str, Any] = {}
    for name, each in command.commands.items():
        found |= commands(each, *names, name)
    return found


def test_every_command_that_prints_a_result_can_print_it_as_json() -> None:
    without = {name for name, each in commands().items() if not any("--json" in option.opts for option in each.params)}
    assert without == PRINTS_NO_RESULT


@pytest.mark.parametrize(("no_color", "styled"), [("", True), ("1", False)])
def test_help_is_styled_unless_no_color_asks_for_plain_text(
    no_color: str, styled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from passerby.cli.printing.help import two_columns

    monkeypatch.setenv("NO_COLOR", no_color)
    assert ("\x1b[" in "".join(two_columns([("--out", "Where.")], 80, 20))) == styled


def complete(words: str, tmp_path: Path) -> list[str]:
    """What bash would propose for the last word."""
    environment = {
        **os.environ,
        "_PASSERBY_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
        "PASSERBY_CACHE": str(tmp_path),
    }
    script = "import sys; sys.argv[0] = 'passerby'; from passerby.cli import main; main()"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr == ""
    return done.stdout.split()


def test_names_of_recipes_and_keys_of_overrides_are_completed(tmp_path: Path) -> None:
    epochs = parse_recipe(recipe_file("ccafl-tiny"), "ccafl-tiny")["stages2and3"]["epochs"]
    assert complete("passerby doc", tmp_path) == ["doctor"]
    assert complete("passerby train ccafl-t", tmp_path) == ["ccafl-tiny"]
    assert complete("passerby train ccafl-tiny stages2and3.ep", tmp_path) == [f"stages2and3.epochs={epochs}"]
    assert complete("passerby train nosuch training.ep", tmp_path) == []


def test_keys_are_kept_between_two_completions_and_found_out_anew_where_they_are_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    keys = recipe_keys("finetune-tiny")
    assert {key: default for key, default, _ in keys}["training.momentum"] == "0.9"
    (kept,) = tmp_path.glob("completion/finetune-*.json")
    kept.write_text(json.dumps([["only", "1", "this"]]))
    assert recipe_keys("finetune-tiny") == [("only", "1", "this")]
    kept.write_text("[1, 2")
    assert recipe_keys("finetune-tiny") == keys


@pytest.mark.parametrize(
    ("name", "meant"), [("clip-reid-vt", "clip-reid-vit"), ("duke", "ccafl-rn50-duke"), ("zzzz", None)]
)
def test_an_unknown_recipe_proposes_near_names_and_the_list(name: str, meant: str | None) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_file(name)
    assert str(caught.value).endswith("`passerby train --list` shows the recipes")
    assert len(str(caught.value)) < 200
    assert ("did you mean" in str(caught.value)) == (meant is not None)
    assert meant is None or meant in str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("osnet_x1_0", "did you mean osnet-x1-0"),
        ("tiny_clip", "did you mean tiny-clip?"),
        ("nosuch", "no such run, file or model: give tiny-clip, tiny-reid, imagenet, a name of `passerby zoo list`"),
        ("resnet50", "`passerby zoo show resnet50` tells how to get them"),
        ("runs/nosuch", "no such file or folder: give a run's folder"),
        ("weights.pth", "no such file or folder: give a run's folder"),
    ],
)
def test_what_cannot_be_loaded_says_what_can(source: str, words: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        passerby.load(source)
    assert str(caught.value).startswith(f"{source}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("low", "high", "p_value", "expected"),
    [(0.01, 0.05, 0.128, True), (0.01, 0.05, 0.01, False), (-0.01, 0.05, 0.3, False), (-0.01, 0.05, 0.04, True)],
)
def test_an_interval_and_a_test_that_say_different_things_are_noticed(
    low: float, high: float, p_value: float, expected: bool
) -> None:
    assert disagrees(PairedComparison(Interval(0.03, low, high), p_value, 50)) == expected


def test_usage_errors_exit_with_2_and_refusals_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, code in ((["train"], 2), (["train", "nosuch"], 1), (["--version"], 0)):
        monkeypatch.setattr("sys.argv", ["passerby", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        assert (stop.value.code or 0) == code
        assert "Traceback" not in capsys.readouterr().err
