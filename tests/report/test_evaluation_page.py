"""What the page of an evaluation holds, and what lies beside it."""

import json
import re
from dataclasses import replace

import numpy as np
import pyarrow.csv
import pytest

from passerby.errors import EvaluationError
from passerby.evaluation.analysis import Analysis, analyse
from passerby.evaluation.protocol import RerankSettings
from passerby.evaluation.query_table import read_query_table, write_query_table
from passerby.metrics import rank_distances, rerank
from passerby.report.html.cards import share_text
from passerby.report.html.heat_map import heat_map
from tests.report.evaluated import drawn_splits, evaluated, reported
from tests.report.ranking.test_page import Page


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    return drawn_splits(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def evaluation(splits):
    return evaluated(*splits, noise=1.2)


def test_the_page_stands_alone_and_shows_every_part(evaluation, tmp_path):
    settings = RerankSettings(k1=6, k2=3, lambda_value=0.3)
    found = reported(evaluation, tmp_path, rerank=settings, open_set_draws=2)
    html = found.page.read_text("utf-8")
    page = Page(html)
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert "<script" not in html
    assert not re.search(r"url\(|@import|https?://", html)
    for words in (
        "CMC: a match among the first k",
        "Precision and recall",
        "Scores of pairs",
        "Verification: same person or not (ROC)",
        "Rank-1 from camera to camera",
        "Re-ranked (k1 6, k2 3, λ 0.3)",
        "Open set: known people found",
        "Intervals: 95 %",
        "Random",
        "left out of the ranking",
    ):
        assert words in page.text, words
    assert f"{100 * evaluation.result.mAP:.1f}" in page.text
    assert 'title="camera hall · gallery/' in html
    assert "Model:" not in page.text  # these features come from no file
    assert page.classes.count("junk") > 0
    interval = found.metrics["intervals"]["mAP"]
    assert f"{100 * interval['low']:.1f} – {100 * interval['high']:.1f}" in page.text


def test_figures_tables_and_numbers_lie_beside_the_page(evaluation, tmp_path):
    found = reported(evaluation, tmp_path, rerank=RerankSettings())
    stored = json.loads((tmp_path / "metrics.json").read_text("utf-8"))["drawn"]
    assert stored == json.loads(json.dumps(found.metrics))
    assert stored["intervals"]["mAP"]["value"] == pytest.approx(evaluation.result.mAP)
    analysis = Analysis.from_dict(json.loads((tmp_path / stored["analysis"]).read_text("utf-8")))
    assert analysis.cameras is not None
    assert analysis.cameras["names"] == ["door", "hall", "yard"]
    assert sum(analysis.genuine or []) == pytest.approx(1)
    table = read_query_table(tmp_path / stored["queries_table"])
    np.testing.assert_array_equal(table.average_precision, evaluation.result.average_precision)
    np.testing.assert_array_equal(np.concatenate(table.match_ranks), evaluation.result.match_ranks)
    write_query_table(tmp_path / "all.csv", evaluation.query, evaluation.result)
    csv = pyarrow.csv.read_csv(tmp_path / "all.csv")
    assert csv["path"].to_pylist() == evaluation.query.paths.to_pylist()
    assert csv["average_precision"].to_pylist() == pytest.approx(evaluation.result.average_precision.tolist())
    assert json.loads(csv["match_ranks"][0].as_py()) == table.match_ranks[0].tolist()
    assert csv["matches"].to_pylist() == [len(ranks) for ranks in table.match_ranks]
    assert csv["last_match"].to_pylist() == [ranks[-1] if len(ranks) else 0 for ranks in table.match_ranks]
    labels = evaluation.query.identities, evaluation.gallery.identities
    distances = rerank(evaluation.query_features, evaluation.gallery_features)
    expected = rank_distances(distances, *labels, evaluation.query.cameras, evaluation.gallery.cameras)
    assert stored["reranked"]["mAP"] == pytest.approx(expected.mAP)
    assert stored["reranked"]["settings"] == "k1 20, k2 6, λ 0.3"


def test_without_cameras_and_with_one_person_the_page_has_what_there_is(splits, tmp_path):
    query, gallery = splits
    blind = evaluated(replace(query, cameras=None), replace(gallery, cameras=None), 1.0, cameras=False)
    page = Page(reported(blind, tmp_path).page.read_text("utf-8"))
    assert "Rank-1 from camera to camera" not in page.text
    one = [split.take(split.identities == 3) for split in splits]
    found = analyse(evaluated(*one, 1.0))
    assert found.roc is None
    assert found.eer is None
    reported(evaluated(*one, 1.0), tmp_path)


def test_queries_without_a_match_stay_in_the_table(splits, tmp_path):
    query, gallery = splits
    some = evaluated(query, gallery.take(gallery.identities != 2), 1.0)
    write_query_table(tmp_path / "queries.parquet", some.query, some.result)
    table = read_query_table(tmp_path / "queries.parquet")
    lost = some.query.identities == 2
    assert np.isnan(table.average_precision[lost]).all()
    assert (table.first_match[lost] == 0).all()
    assert [ranks.size for ranks in np.array(table.match_ranks, dtype=object)[lost]] == [0, 0, 0]


def test_one_draw_of_an_open_set_has_no_interval(evaluation, tmp_path):
    found = reported(evaluation, tmp_path, open_set_draws=1)
    assert all(set(rate) == {"value"} for rate in found.metrics["open_set"].values())
    assert "one draw; several would give an interval" in Page(found.page.read_text("utf-8")).text


def test_too_few_queries_for_an_open_set_are_said(splits):
    few = [split.take(split.identities < 2) for split in splits]
    with pytest.raises(EvaluationError, match="6 queries are too few for open-set metrics"):
        analyse(evaluated(*few, 1.0), open_set_draws=1)


@pytest.mark.parametrize("setting", [{"k1": 0}, {"k2": 0}, {"lambda_value": 1.5}])
def test_parameters_of_reranking_that_make_no_sense_are_refused(setting):
    with pytest.raises(EvaluationError, match="must be"):
        RerankSettings(**setting)


def test_tables_of_other_kinds_are_refused(evaluation, tmp_path):
    with pytest.raises(EvaluationError, match=r"queries.txt: a table of queries is .csv or .parquet"):
        write_query_table(tmp_path / "queries.txt", evaluation.query, evaluation.result)
    (tmp_path / "broken.parquet").write_bytes(b"nothing")
    with pytest.raises(EvaluationError, match=r"broken.parquet: no table of queries"):
        read_query_table(tmp_path / "broken.parquet")


def test_the_occlusion_curves_of_the_run_are_shown(evaluation, tmp_path):
    assert "Occlusion" not in Page(reported(evaluation, tmp_path).page.read_text("utf-8")).text
    (tmp_path / "occlusion" / "drawn").mkdir(parents=True)
    (tmp_path / "occlusion" / "drawn" / "curves.png").write_bytes(b"a picture")
    page = Page(reported(evaluation, tmp_path).page.read_text("utf-8"))
    assert "Measured by the occlusion experiment" in page.text
    assert "data:image/png;base64,YSBwaWN0dXJl" in page.addresses


def test_a_heat_map_says_what_is_behind_each_cell():
    drawn = heat_map(["a<b", "c"], np.array([[np.nan, 0.5], [1.0, np.nan]]), np.array([[0, 7], [1200, 0]]), "title")
    assert "from camera a&lt;b to camera c: 50.0 % (7 queries)" in drawn
    assert "from camera c to camera a&lt;b: 100.0 % (1,200 queries)" in drawn
    assert drawn.count("nothing to find") == 2
    Page(drawn)
    Page(heat_map(["a"], np.array([[np.nan]]), np.array([[0]]), "one camera"))


def test_a_heat_map_cuts_long_names_and_shows_them_whole_under_the_pointer():
    drawn = heat_map(["entrance <east>"], np.array([[0.5]]), np.array([[3]]), "title")
    assert drawn.count(">entran…<title>entrance &lt;east&gt;</title></text>") == 2


@pytest.mark.parametrize(("rate", "text"), [("0.1", "10 %"), ("0.001", "0.1 %"), ("1e-05", "0.001 %")])
def test_rates_are_read_in_percent(rate, text):
    assert share_text(rate) == text


def test_a_csv_for_spreadsheets_has_no_formulas(splits, tmp_path):
    query = replace(splits[0], identity_names=tuple(f"=person({n})" for n in range(len(splits[0].identity_names))))
    write_query_table(tmp_path / "all.csv", query, evaluated(*splits, noise=1.2).result)
    assert pyarrow.csv.read_csv(tmp_path / "all.csv")["identity"][0].as_py() == "'=person(0)"


@pytest.mark.parametrize("cameras", [1, 2, 3, 12])
def test_the_words_above_a_heat_map_are_not_cut(cameras):
    drawn = heat_map([str(n) for n in range(cameras)], np.eye(cameras), np.eye(cameras, dtype=np.int64), "title")
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', drawn)[1])
    start = float(re.search(r'x="(\d+)" y="14">searched in camera', drawn)[1])
    assert width - start >= 20 * 6, "about six pixels for each letter"
