"""What the command line prints."""

import json
from pathlib import Path

import pytest

from passerby.cli.printing.output import emit, print_evaluation
from passerby.workflows.evaluation_report import ReportedEvaluation

FIGURES: dict[str, object] = {
    "data": "people",
    "page": "report/people.html",
    "mAP": 0.5,
    "rank1": 0.25,
    "mINP": 0.125,
    "queries": 1200,
    "valid_queries": 1100,
    "gallery": 5000,
    "junk": 0,
    "unreadable": 0,
    "camera_rule": True,
    "cameras_known": True,
    "camera_embedding": "none",
    "camera_embedding_of": None,
}


def test_a_name_with_brackets_is_printed_as_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    print_evaluation([ReportedEvaluation({**FIGURES, "data": "x [b]"}, tmp_path)], as_json=False)
    table, _ = capsys.readouterr().out.split("Rank lists")[0].rsplit("x [b]:", 1)
    assert "x [b]" in table


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "1,100 of 1,200 queries have a match among 5,000 gallery images; images of the query's own person and"),
        ({}, "are left out; the model has no camera embedding."),
        ({"pooling": "mean"}, "5,000 gallery tracklets (mean of their images);"),
        ({"junk": 7}, "5,000 gallery images (7 of them junk, left out);"),
        ({"unreadable": 3}, "5,000 gallery images, 3 unreadable images left out;"),
        ({"camera_rule": False, "cameras_known": False}, "; cameras unknown: no same-camera rule;"),
        ({"camera_rule": False}, "; no same-camera rule on this data;"),
        ({"tied_queries": 3}, "far: they are ranked in gallery order."),
        ({"tied_queries": 3, "ties": "expected"}, "figures are the expected values over all orders of such images."),
        ({"tied_queries": 3}, "For 3 of 1,100 queries an image of the person and one of another are equally far:"),
        ({"camera_embedding": "mean"}, "; camera embedding: the mean of the trained cameras,"),
        (
            {"camera_embedding": "trained", "camera_embedding_of": "x"},
            "; camera embedding: of the trained cameras of x.",
        ),
        (
            {"camera_embedding": "partly", "camera_embedding_of": "x"},
            "of the trained cameras of x, the mean for others.",
        ),
    ],
)
def test_the_conditions_are_printed(
    changes: dict[str, object], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    print_evaluation([ReportedEvaluation({**FIGURES, **changes}, tmp_path)], as_json=False)
    assert said in " ".join(capsys.readouterr().out.split())


def test_the_open_set_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figures = {**FIGURES, "open_set": {"0.02": {"value": 0.625, "low": 0.5, "high": 0.75}}}
    print_evaluation([ReportedEvaluation(figures, tmp_path)], as_json=False)
    said = "at 2 % false alarms for unknown people, 62.5 % (50.0–75.0) of known people are found."
    assert said in " ".join(capsys.readouterr().out.split())
    figures = {**FIGURES, "open_set": {"0.1": {"value": 1.0}}}
    print_evaluation([ReportedEvaluation(figures, tmp_path)], as_json=False)
    said = "at 10 % false alarms for unknown people, 100.0 % of known people are found."
    assert said in " ".join(capsys.readouterr().out.split())


def test_names_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    print_evaluation([ReportedEvaluation({**FIGURES, "data": "a\x1b[2J\u202eb"}, tmp_path)], as_json=False)
    shown = capsys.readouterr().out
    assert shown.count(r"a\x1b[2J\u202eb") == 2
    assert not set(shown) & set("\x1b\u202e")


def test_json_has_null_where_nothing_is_defined(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit({"a": float("nan"), "b": [float("inf"), 1.5], "c": Path("x")}, True)
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": "x"}
    assert not emit({}, False)
    assert capsys.readouterr().out == ""
