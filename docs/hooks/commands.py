"""MkDocs hook: the page on commands is written from the commands themselves when the documentation is built."""

from typing import Any

import typer.main

from passerby.cli import app

MARKER = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put a section for every command where a page has the marker."""
    return markdown.replace(MARKER, "\n".join(_sections(typer.main.get_command(app), "passerby")))


def _sections(command: Any, name: str) -> list[str]:
    """A command's section, or those of a group's commands."""
    if hasattr(command, "commands"):
        return [line for word, each in command.commands.items() for line in _sections(each, f"{name} {word}")]
    examples = ["```sh", *(command.epilog or "").splitlines(), "```", ""] if command.epilog else []
    return [f"## `{name}`", "", _plain(command.help or ""), "", *examples, *_table(command), ""]


def _table(command: Any) -> list[str]:
    rows = ["| argument or option | meaning |", "|---|---|"]
    for parameter in command.params:
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        names = [*parameter.opts, *parameter.secondary_opts] if parameter.param_type_name == "option" else []
        shown = ", ".join(f"`{each}`" for each in names) or f"`{(parameter.metavar or parameter.name).upper()}`"
        rows.append(f"| {shown} | {_plain(parameter.help or '')}{_default(parameter)} |")
    return rows


def _default(parameter: Any) -> str:
    default = parameter.default
    shown = default is not None and not callable(default) and default not in (False, "", (), [])
    return f" Default: `{default}`." if shown and isinstance(default, str | int | float) else ""


def _plain(text: str) -> str:
    """Help as text of a table or paragraph."""
    return text.replace("|", r"\|")
