"""What the command line prints."""

from pathlib import Path

import pytest

from passerby.cli.output import print_evaluation
from passerby.report.evaluation_report import ReportedEvaluation


def test_a_name_with_brackets_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {
        "data": "x [b]",
        "mAP": 0.5,
        "queries": 3,
        "valid_queries": 2,
        "gallery": 5,
        "camera_rule": True,
        "junk": 0,
        "unreadable": 0,
        "camera_embedding": "none",
        "camera_embedding_of": None,
    }
    print_evaluation([ReportedEvaluation(figures, Path("page.html"))], as_json=False)
    table, _ = capsys.readouterr().out.split("Rank lists")[0].rsplit("x [b]:", 1)
    assert "x [b]" in table
