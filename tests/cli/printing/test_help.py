"""`--help` of every command, as a terminal of 80 columns shows it."""

import re
import shlex
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from passerby.cli import app
from passerby.cli.printing.help import examples_of

WIDTH = 80
LEAST_HELP = 46
"""Columns that a help text has at least."""


def commands(command: Any, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The command, its sub-commands and theirs, by what is typed."""
    found = {words: command}
    for name, each in getattr(command, "commands", {}).items():
        found |= commands(each, (*words, name))
    return found


ALL = commands(typer.main.get_command(app))


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def help_of(words: tuple[str, ...]) -> str:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_it_fits_80_columns_and_every_option_is_named_in_full(words: tuple[str, ...]) -> None:
    shown = help_of(words)
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert not re.search(r"--[\w-]*…|<bool>|<str>|<path>|<int|<float>|\[bold\]", shown)
    for each in ALL[words].params:
        for name in (*each.opts, *each.secondary_opts) if each.param_type_name == "option" else ():
            assert re.search(rf"{name}\b|\[no-\]{name.removeprefix('--no-')}\b|--\[no-\]{name[2:]}\b", shown), name


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_texts_are_not_squeezed(words: tuple[str, ...]) -> None:
    section, starts = "", []
    for line in help_of(words).splitlines():
        if line.endswith(":") and not line.startswith(" "):
            section = line
        elif section not in ("", "Example:", "Examples:") and line.startswith("  "):
            name = re.match(r"  \S.*?  +(?=\S)", line)
            starts.append(name.end() if name else len(line) - len(line.lstrip()))
    assert all(WIDTH - start >= LEAST_HELP for start in starts if start > 2)


@pytest.mark.parametrize("words", [words for words in ALL if words], ids=" ".join)
def test_every_command_has_an_example_that_it_takes(words: tuple[str, ...]) -> None:
    examples = examples_of(ALL[words])
    assert examples
    for example in examples:
        program, *typed = shlex.split(example)
        assert program == "passerby"
        command = ALL[()]
        while hasattr(command, "commands") and typed and typed[0] in command.commands:
            command = command.commands[typed.pop(0)]
        command.make_context(command.name, typed)  # parses, and raises what a user would be told


def test_an_example_can_be_copied_from_its_lines() -> None:
    shown = help_of(("eval",))
    (block,) = re.findall(r"^Examples:\n(.*?)\n\n", shown, re.M | re.S)
    copied = [" ".join(line.split()) for line in block.replace("\\\n", " ").splitlines()]
    assert copied == examples_of(ALL["eval",])


def test_every_option_says_what_it_does() -> None:
    silent = [
        (words, each.name) for words, command in ALL.items() for each in command.params if not (each.help or "").strip()
    ]
    assert silent == []


def test_completion_is_on() -> None:
    assert "--install-completion" in help_of(())


def test_the_list_of_recipes_fits_and_says_whole_sentences() -> None:
    result = CliRunner().invoke(app, ["train", "--list"])
    assert max(map(len, result.output.splitlines())) <= WIDTH
    groups = result.output.strip().split("\n\n")
    assert [group.partition(":")[0] for group in groups] == sorted(group.partition(":")[0] for group in groups)
    entries = re.findall(r"^  (\S+) +(.*(?:\n {5,}.*)*)", result.output, re.M)
    assert "clip-reid-vit" in [name for name, _ in entries]
    for name, sentence in entries:
        assert sentence.endswith("."), (name, sentence)
