"""Lines and table cells on stdout, with what names and tables hold shown as text."""

import typer

from passerby.printable import printable_line


def echo(text: str = "", *, err: bool = False) -> None:
    """Print a line; control characters and new lines in it are shown as escapes."""
    typer.echo(printable_line(text), err=err)


def cell(text: object) -> str:
    """A cell of a table: no markup, no control characters."""
    from rich.markup import escape

    return escape(printable_line(str(text)))
