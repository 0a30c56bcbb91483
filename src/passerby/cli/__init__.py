"""The command line: one file per command, each parses, calls one function and prints.

A file of this folder that has a function `register` is a command: it is found by looking, and its `ORDER` says where
`passerby --help` lists it. Nothing here imports torch before a command runs, so that the help answers at once.
"""

import os
import pkgutil
import signal
import sys
from importlib import import_module

import typer

from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import Group
from passerby.distributed.roles import is_launched_helper
from passerby.errors import PasserbyError
from passerby.extras import naming_extras
from passerby.printable import printable

_INTERRUPTED = 130

app = typer.Typer(
    name="passerby",
    cls=Group,
    help="Person re-identification: train, evaluate and use models that find the same person again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_files = [import_module(f"{__name__}.{file.name}") for file in pkgutil.iter_modules(__path__)]
_commands = [file for file in _files if hasattr(file, "register")]
for _file in sorted(_commands, key=lambda file: file.ORDER):
    _file.register(app)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the versions of passerby and what it uses, and stop."),
) -> None:
    if version:
        from passerby.workflows.doctor.packages import versions

        for name, installed in versions().items():
            echo(f"{name} {installed}")
        raise typer.Exit


def main() -> None:
    """Entry point: 0 when all went well, 1 with one line on stderr when not, 2 when the command was written wrongly."""
    if is_launched_helper():  # the process it helps answers Ctrl-C for both
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = _run()
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has gone, so there is nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        code = 1
    sys.exit(code)


def _run() -> int | str | None:
    try:
        with naming_extras():
            app()
    except PasserbyError as error:
        code = _complain(str(error))
        for note in getattr(error, "__notes__", ()):  # such as a file to fill in
            sys.stderr.write(f"{printable(note)}\n")
        return code
    except SystemExit as stop:  # typer makes Ctrl-C an exit with the shell's code for it, in silence
        return _complain("interrupted") if stop.code == _INTERRUPTED else stop.code
    except BrokenPipeError:
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{place}{error.strerror or error}: check the path, your rights to it, and the space left")
    return 0


def _complain(message: str) -> int:
    sys.stderr.write(f"passerby: {printable(' '.join(message.split()))}\n")
    return 1
