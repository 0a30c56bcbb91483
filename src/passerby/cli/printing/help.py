"""The layout of `--help`: two columns that fit 80 characters, options in groups, examples that can be copied."""

import inspect
import os
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from shutil import get_terminal_size
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from passerby.printable import printable_line

WIDEST = 100
"""Lines are no longer than this, however wide the terminal is."""

START, TRAINING, USE, DATA = "Start here", "Train and evaluate", "Use a model", "Data"
"""Headings of the list of commands."""

_NAMES = 26
"""Longer names stand on a line of their own, their help below."""

_TOGETHER = "\N{NO-BREAK SPACE}"

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # of the click inside typer, which has no public name

_KINDS = {"int": "N", "float": "X", "str": "TEXT", "path": "PATH", "Path": "PATH"}


class Command(TyperCommand):
    """A command whose help is laid out here; `epilog` holds its examples, one a line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # of the click inside typer, without a public name
        """Parse; an empty word, which a variable of the shell without a value gives, would name the current folder."""
        for before, word in pairwise(["", *args]):
            if not word:
                after = f"after {before} " if before else ""
                raise typer.BadParameter(
                    f"an empty value stands {after}on the command line: fill it in or leave it out"
                )
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        del formatter
        _print_help(self, ctx)


class Group(TyperGroup):
    """A group of commands whose help is laid out here, and whose usage errors show as text what was typed."""

    def make_context(self, *given: Any, **named: Any) -> Any:
        """Parse what stands before the name of a command."""
        with _printable_usage_errors():
            return super().make_context(*given, **named)

    def invoke(self, ctx: Any) -> Any:
        """Parse the rest, and run the command."""
        with _printable_usage_errors():
            return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        del formatter
        _print_help(self, ctx, [self.commands[name] for name in self.list_commands(ctx)])


@contextmanager
def _printable_usage_errors() -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        vars(error)["message"] = printable_line(_plain_words(error))
        raise


def _plain_words(error: Exception) -> str:
    """The message of a usage error, in words of ours where it is pydantic's, which typer checks values with."""
    cause = error.__cause__
    if type(cause).__name__ != "ValidationError":
        return str(vars(error).get("message") or "")
    from passerby.recipe_section import complaint_about
    from passerby.recipe_yaml import shown

    fault = cast(Any, cause).errors()[0]
    return f"{complaint_about(fault)}, not {shown(fault['input'])}"


def command(
    app: typer.Typer, name: str, function: Callable[..., None], about: str, *examples: str, panel: str | None = None
) -> None:
    """Add a command.

    Args:
        app: to add it to.
        name: what is typed.
        function: parses, calls one workflow, prints.
        about: the help; its first paragraph is what the list of commands shows.
        examples: complete commands, shown and tested.
        panel: of the list of commands in which it stands.
    """
    shown = "\n".join(inspect.cleandoc(example) for example in examples)
    app.command(name, cls=Command, help=about, epilog=shown, rich_help_panel=panel)(function)


def group(about: str, *examples: str, cls: type[Group] = Group) -> typer.Typer:
    """A command that only has sub-commands; without one it prints its help."""
    return typer.Typer(cls=cls, no_args_is_help=True, help=about, epilog="\n".join(examples), rich_markup_mode=None)


def examples_of(shown: Any) -> list[str]:
    """The examples of a command, each on one line."""
    return [line for line in (shown.epilog or "").splitlines() if line]


def _print_help(shown: Any, ctx: Any, commands: Iterable[Any] = ()) -> None:
    width = terminal_width()
    arguments = [each for each in shown.get_params(ctx) if each.param_type_name == "argument"]
    usage = [ctx.command_path, "[OPTIONS]", *map(_argument, arguments), *(["COMMAND ..."] if commands else [])]
    typer.echo(f"{_heading('Usage')} {' '.join(usage)}\n")
    for paragraph in inspect.cleandoc(shown.help or "").split("\n\n"):
        typer.echo(textwrap.fill(" ".join(paragraph.split()), width, break_on_hyphens=False) + "\n")
    if found := examples_of(shown):
        typer.echo(_heading("Examples" if len(found) > 1 else "Example"))
        for example in found:
            typer.echo(_copyable(example, width))
        typer.echo()
    panels = _panels(shown, ctx, arguments, commands)
    names = column_width(name for rows in panels.values() for name, _ in rows)
    for heading, rows in panels.items():
        typer.echo(_heading(heading))
        for line in two_columns(rows, width, names):
            typer.echo(line)
        typer.echo()


def _panels(shown: Any, ctx: Any, arguments: list[Any], commands: Iterable[Any]) -> dict[str, list[tuple[str, str]]]:
    """Rows of name and help by heading."""
    found: dict[str, list[tuple[str, str]]] = {}
    if arguments:
        found["Arguments"] = [(_named(each), each.help or "") for each in arguments]
    for each in shown.get_params(ctx):
        if each.param_type_name == "option" and not each.hidden:
            found.setdefault(each.rich_help_panel or "Options", []).append((_option(each, ctx), _about(each, ctx)))
    for each in commands:
        panel = each.rich_help_panel if isinstance(each.rich_help_panel, str) else "Commands"
        if not each.hidden:
            summary = inspect.cleandoc(each.help or "").partition("\n\n")[0]
            found.setdefault(panel, []).append((each.name, " ".join(summary.split())))
    return {heading: found[heading] for heading in sorted(found, key=lambda heading: heading == "Options")}


def column_width(names: Iterable[str], widest: int = _NAMES) -> int:
    """The width of the longest name, of those that are not wider than `widest`; what surrounds it included."""
    return max((len(name) for name in names if len(name) <= widest), default=0) + 4


def two_columns(rows: Iterable[tuple[str, str]], width: int, left: int) -> Iterator[str]:
    """Lines of names on the left and texts on the right; below the name where that is longer than its column."""
    for name, text in rows:
        wrapped = textwrap.wrap(text, width - left, break_on_hyphens=False) or [""]
        lines = [line.replace(_TOGETHER, " ") for line in wrapped]
        shown = _styled(name, fg=typer.colors.CYAN)
        if len(name) + 4 > left:
            yield f"  {shown}"
        else:
            yield f"  {shown}{' ' * (left - 2 - len(name))}{lines.pop(0)}".rstrip()
        yield from (" " * left + line for line in lines)


def terminal_width() -> int:
    """How long lines may be."""
    return min(get_terminal_size().columns, WIDEST)


def _copyable(example: str, width: int) -> str:
    """A command in lines that the shell takes as one; an option stays with its value."""
    lines, line = [], " "
    for part in re.split(r" (?=-)", example):
        if len(line) + len(part) + 3 > width:
            lines.append(line)
            line = "   "
        line += f" {part}"
    return " \\\n".join([*lines, line])


def _heading(text: str) -> str:
    return _styled(f"{text}:")


def _styled(text: str, **style: Any) -> str:
    """Bold, and perhaps coloured, unless NO_COLOR asks for plain text; where no terminal is, `echo` makes it plain."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, bold=True, **style)


def _named(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _argument(argument: Any) -> str:
    name = _named(argument) + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _option(option: Any, ctx: Any) -> str:
    """The short name, the long one and what it takes: `-o, --out DIR`."""
    short = [name for name in option.opts if not name.startswith("--")]
    long = [name for name in option.opts if name.startswith("--")]
    if option.secondary_opts:
        long = [long[0].replace("--", "--[no-]", 1)]
    takes = "" if option.is_flag or option.name == "help" else f" {_metavar(option, ctx)}"
    return ", ".join([*short, *long]) + takes


def _metavar(option: Any, ctx: Any) -> str:
    if option.metavar:
        return str(option.metavar)
    kind = str(option.display_type(ctx)).strip("<>")
    return _KINDS.get(kind, kind)


def _about(option: Any, ctx: Any) -> str:
    """The help, and the default where there is one to tell."""
    text = option.help or ""
    default = option.get_default(ctx, call=False)
    if option.is_flag or not option.show_default or default in (None, "", [], ()):
        return text
    return f"{text} [default:{_TOGETHER}{default}]"
