"""MkDocs hook: what the code itself says best is written from it when the documentation is built.

That are the commands, the keys of recipes, the list of recipes, and the schema of tables.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import typer.main

from passerby.cli import app
from passerby.data.formats.schema import OTHER_NAMES, SCHEMA
from passerby.methods import METHODS, find_method
from passerby.recipe_files import recipe_file, recipe_names
from passerby.recipe_section import describe_keys


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put what is generated where a page has the marker for it."""
    for marker, written in WRITTEN.items():
        if marker in markdown:
            markdown = markdown.replace(marker, "\n".join(written()))
    return markdown


def _commands() -> Iterable[str]:
    return _sections(typer.main.get_command(app), "passerby")


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


def _recipe_keys() -> Iterable[str]:
    for name in METHODS:
        yield from (f"## `{name}`", "", "| key | default | meaning |", "|---|---|---|")
        for key, default, meaning in describe_keys(find_method(name).recipe):
            yield f"| `{key}` | `{_plain(default)}` | {_plain(meaning)} |"
        yield ""


def _recipes() -> Iterable[str]:
    yield from ("| recipe | what it is |", "|---|---|")
    for name in recipe_names():
        yield f"| `{name}` | {_plain(_first_line(name))} |"


def _first_line(recipe: str) -> str:
    """What a recipe says of itself first."""
    return recipe_file(recipe).read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ")


def _schema() -> Iterable[str]:
    yield from ("| column | meaning |", "|---|---|")
    for name, meaning in SCHEMA.items():
        yield f"| `{name}` | {re.sub(r'(?<![a-z])-(?=[0-9])', '−', meaning)} |"


def _other_names() -> Iterable[str]:
    yield from ("| ours | refused |", "|---|---|")
    for name, others in OTHER_NAMES.items():
        yield f"| `{name}` | {', '.join(f'`{other}`' for other in others)} |"


WRITTEN: dict[str, Callable[[], Iterable[str]]] = {
    "<!-- commands -->": _commands,
    "<!-- recipe keys -->": _recipe_keys,
    "<!-- recipes -->": _recipes,
    "<!-- schema -->": _schema,
    "<!-- other names -->": _other_names,
}
