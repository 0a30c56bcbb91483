"""The command line: one file per command, each parses, calls one function and prints.

Nothing here imports torch before a command runs, so that `passerby --help` answers at once.
"""

import os
import signal
import sys

import typer

from passerby.cli.associations import register as register_associations
from passerby.cli.compare import register as register_compare
from passerby.cli.data import register as register_data
from passerby.cli.demo import register as register_demo
from passerby.cli.denoise import register as register_denoise
from passerby.cli.embed import register as register_embed
from passerby.cli.evaluate import register as register_evaluate
from passerby.cli.explain import register as register_explain
from passerby.cli.synth import register as register_synth
from passerby.cli.train import register as register_train
from passerby.cli.zoo import register as register_zoo
from passerby.distributed.roles import is_launched_helper
from passerby.errors import PasserbyError

_INTERRUPTED = 130

app = typer.Typer(
    name="passerby",
    help="Person re-identification: train, evaluate and use models that find the same person again.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for register in (
    register_demo,
    register_data,
    register_train,
    register_evaluate,
    register_compare,
    register_explain,
    register_associations,
    register_embed,
    register_synth,
    register_denoise,
    register_zoo,
):
    register(app)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        from passerby.version import __version__

        typer.echo(__version__)
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
        app()
    except PasserbyError as error:
        return _complain(str(error))
    except SystemExit as stop:  # typer makes Ctrl-C an exit with the shell's code for it, in silence
        return _complain("interrupted") if stop.code == _INTERRUPTED else stop.code
    except BrokenPipeError:
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{place}{error.strerror or error}: see that it is there, may be used, and has room")
    return 0


def _complain(message: str) -> int:
    sys.stderr.write(f"passerby: {' '.join(message.split())}\n")
    return 1
