"""Runs side by side."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from passerby.cli import compare as command
from passerby.errors import DataError, EvaluationError, PasserbyError
from passerby.metrics import compare_paired
from passerby.workflows.compare import compare
from tests.report.evaluated import drawn_splits, evaluated, reported
from tests.report.ranking.test_page import Page


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    return drawn_splits(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def runs(splits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, noise in (("good", 0.8), ("bad", 2.5), ("same", 0.8)):
        reported(evaluated(*splits, noise), folder / name)
    return folder


def test_differences_are_tested_by_person(runs, splits, tmp_path):
    (found,) = compare([runs / "good", runs / "bad", runs / "same"], tmp_path)
    good, bad, same = found.runs
    assert good.against_first == {}
    first, second = (evaluated(*splits, noise).result for noise in (0.8, 2.5))
    names = np.array(splits[0].identity_names)[splits[0].identities]
    people = np.unique(names, return_inverse=True)[1]
    expected = compare_paired(first.average_precision, second.average_precision, people)
    assert bad.against_first["mAP"] == expected
    assert expected.difference.high < 0
    assert expected.p_value < 0.05
    assert bad.against_first["rank1"].difference.value == pytest.approx(second.rank1 - first.rank1)
    assert same.against_first["mAP"].difference.value == 0
    assert same.against_first["mAP"].p_value == 1


def test_the_page_and_the_json_hold_every_run(runs, tmp_path):
    (found,) = compare([runs / "bad", runs / "good"], tmp_path)
    html = found.page.read_text("utf-8")
    page = Page(html)
    for words in (
        "Difference from bad",
        "Metrics",
        "Queries that good finds better",
        "Scores of pairs: good",
        "p < 0.0",
    ):
        assert words in page.text, words
    assert "bad, rank-1:" in html
    assert "good, rank-5:" in html
    assert "series-1" in page.classes
    assert "better" in page.classes
    content = json.loads((tmp_path / "comparison.json").read_text("utf-8"))
    assert content == [found.to_dict()]
    assert [run["name"] for run in content[0]["runs"]] == ["bad", "good"]
    assert content[0]["runs"][1]["against_first"]["mAP"]["difference"]["low"] > 0


def test_one_data_set_of_two_names_is_compared_once_and_by_the_name_asked_for(runs, tmp_path):
    for name in ("good", "bad"):
        shutil.copytree(runs / name, tmp_path / name)
        file = tmp_path / name / "metrics.json"
        (entry,) = json.loads(file.read_text("utf-8")).values()
        alias = {**entry, "data": "alias", "mAP": 0.125}
        other = {**entry, "data": "other", "data_fingerprint": "of other data"}
        entries = {"drawn": entry, "alias": alias, "other": other}
        order = reversed(entries) if name == "bad" else entries
        file.write_text(json.dumps({key: entries[key] for key in order}), encoding="utf-8")
    folders = [tmp_path / "good", tmp_path / "bad"]

    def compared(data=None):
        found = compare(folders, tmp_path / "out", data)
        return [(each.data, [run.metrics["data"] for run in each.runs]) for each in found]

    assert compared() == [("drawn", ["drawn", "drawn"]), ("other", ["other", "other"])]
    assert compared("alias") == [("alias", ["alias", "alias"])]
    file = folders[1] / "metrics.json"
    kept = {key: entry for key, entry in json.loads(file.read_text("utf-8")).items() if key == "drawn"}
    file.write_text(json.dumps(kept), encoding="utf-8")
    assert compared("alias") == [("alias", ["alias", "drawn"])]


def test_runs_of_one_name_are_called_by_their_path(runs, tmp_path):
    shutil.copytree(runs / "good", tmp_path / "other" / "good")
    (found,) = compare([runs / "good", tmp_path / "other" / "good"], tmp_path / "out")
    assert [run.name for run in found.runs] == [str(runs / "good"), str(tmp_path / "other" / "good")]


def other_queries(splits, folder: Path) -> None:
    query, gallery = splits
    reported(evaluated(query.take(np.arange(len(query) - 1)), gallery, 1.0), folder)


def other_rule(splits, folder: Path) -> None:
    query, gallery = splits
    blind = evaluated(replace(query, cameras=None), replace(gallery, cameras=None), 1.0, cameras=False)
    reported(blind, folder)


def other_data(splits, folder: Path) -> None:
    reported(evaluated(*splits, 1.0), folder)
    file = folder / "metrics.json"
    file.write_text(file.read_text("utf-8").replace("mark of the drawn people", "another mark"))


def lost_table(splits, folder: Path) -> None:
    found = reported(evaluated(*splits, 1.0), folder)
    (folder / found.metrics["queries_table"]).unlink()


def lost_analysis(splits, folder: Path) -> None:
    found = reported(evaluated(*splits, 1.0), folder)
    (folder / found.metrics["analysis"]).write_text("no json")


def nothing(splits, folder: Path) -> None:
    folder.mkdir()


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (other_queries, EvaluationError, "ranked other queries"),
        (other_rule, EvaluationError, "camera_rule is False, but True"),
        (other_data, DataError, "not evaluated on the same data"),
        (lost_table, EvaluationError, "no table of queries can be read"),
        (lost_analysis, EvaluationError, "run `passerby eval"),
        (nothing, DataError, "holds no metrics.json"),
    ],
)
def test_runs_that_cannot_be_paired_are_refused(spoil, error, message, runs, splits, tmp_path):
    spoil(splits, tmp_path / "spoilt")
    with pytest.raises(error, match=message) as caught:
        compare([runs / "good", tmp_path / "spoilt"], tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_one_run_and_unknown_data_are_refused(runs, tmp_path):
    with pytest.raises(PasserbyError, match="at least two runs"):
        compare([runs / "good"], tmp_path)
    with pytest.raises(PasserbyError, match="bad: is named twice"):
        compare([runs / "good", runs / "bad", runs / "good" / ".." / "bad"], tmp_path)
    with pytest.raises(PasserbyError, match="was not evaluated on 'market', but on drawn"):
        compare([runs / "good", runs / "bad"], tmp_path, "market")


def test_the_seventh_run_is_told_from_the_first(runs, tmp_path):
    names = [f"run{number}" for number in range(7)]
    for name in names:
        shutil.copytree(runs / "good", tmp_path / name)
    (found,) = compare([tmp_path / name for name in names], tmp_path / "out")
    html = found.page.read_text("utf-8")
    styles = re.findall(r'polyline class="line ([^"]+)"', html)
    assert len(set(styles)) == 7
    assert styles.count("series-0 again") == 3  # CMC, precision and recall, ROC
    assert html.count('<li class="series-0 again"><i></i>run6</li>') == 3


def test_one_person_says_nothing_about_others(splits, tmp_path, capsys):
    alone = [split.take(split.identities == 3) for split in splits]
    for name, noise in (("first", 0.5), ("second", 3.0)):
        found = reported(evaluated(*alone, noise), tmp_path / name)
        assert found.metrics["intervals"] == {}
    command.compare([tmp_path / "first", tmp_path / "second"], out=tmp_path / "out", data=None, as_json=True)
    (compared,) = json.loads(capsys.readouterr().out)
    assert [run["against_first"] for run in compared["runs"]] == [{}, {}]
    page = Page((tmp_path / "out" / "drawn.html").read_text("utf-8"))
    assert "Difference from" not in page.text


def test_the_command_prints_a_table_or_json(runs, tmp_path, capsys):
    command.compare([runs / "good", runs / "bad"], out=tmp_path, data=None, as_json=True)
    assert json.loads(capsys.readouterr().out)[0]["data"] == "drawn"
    command.compare([runs / "good", runs / "bad"], out=tmp_path, data="drawn", as_json=False)
    said = capsys.readouterr().out
    assert "good" in said
    assert str(tmp_path) in said.replace("\n", "")


def test_a_long_name_is_printed_whole_on_a_narrow_terminal(runs, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    name = "clip-reid-vit[4]-with-a-long-name-of-its-own"
    shutil.copytree(runs / "bad", tmp_path / name)
    command.compare([runs / "good", tmp_path / name], out=tmp_path / "out", data=None, as_json=False)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert "".join(line.split("│")[1].strip() for line in lines) == f"good{name}"
