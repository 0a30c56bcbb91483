"""Text that would command a terminal or a spreadsheet."""

import pytest

from passerby.cli.printing.echo import echo
from passerby.printable import guarded_cell, printable, printable_line
from passerby.progress import Progress, log_line

HARMFUL = "a\x1b[2J\u202egpj.exe\x07\r\x9b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("straße/人物_c1.jpg", "straße/人物_c1.jpg"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        (HARMFUL, r"a\x1b[2J\u202egpj.exe\x07\r\x9b"),
        ("\u2066x\u2069\u200f\u2028", r"\u2066x\u2069\u200f\u2028"),
        ("not UTF-8: \udcff", r"not UTF-8: \udcff"),
    ],
)
def test_what_would_command_a_terminal_is_shown_as_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_progress_and_remarks_are_printable(capsys: pytest.CaptureFixture[str]) -> None:
    log_line(HARMFUL, show=True)
    with Progress(HARMFUL, 1) as progress:
        progress.advance(1)
    shown = capsys.readouterr().err
    assert shown.count(r"a\x1b[2J\u202egpj.exe\x07\r\x9b") == 2
    assert not set(shown) & set("\x1b\u202e\x07\r\x9b")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1+1"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(text: str) -> None:
    assert guarded_cell(text) == f"'{text}"
    assert guarded_cell(f"x{text}") == f"x{text}"


def test_a_line_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\nremark: all is well\tb.jpg"
    assert printable_line(name) == r"a\nremark: all is well\tb.jpg"
    log_line(name, show=True)
    echo(name)
    shown = capsys.readouterr()
    assert (shown.err, shown.out) == (printable_line(name) + "\n",) * 2
