"""Identities against the truth, as `passerby denoise score` reads them from tables."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from passerby.errors import DataError
from passerby.metrics import correlation_quality
from passerby.report.denoising import write_denoising_page
from passerby.tracklets import denoise_table, score, score_table
from tests.tracklets.problems import drawn
from tests.tracklets.test_pipeline import embedding, table_of

TRUE = ["x", "x", "x", "y", "y", None]
VIDEOS = ["a", "b", None, "a", "a", "b"]


@pytest.mark.parametrize(
    "identities",
    [
        pa.array([7, None, 7, 7, 9, 9]),
        pa.array([7, -1, 7, 7, 9, 9]),
        pa.array([7.0, float("nan"), 7.0, 7.0, 9.0, 9.0]),
        pa.array([2**62, None, 2**62, 2**62, 3, 3]),
        pa.array(["7", None, "7", "7", "9", "9"]),
        pa.array(["bob", "", "bob", "bob", "eve", "eve"]),
        pa.array(["bob", "-1", "bob", "bob", "eve", "eve"]).dictionary_encode(),
    ],
)
def test_names_and_numbers_are_scored_alike_and_no_identity_is_a_dropped_sample(identities, tmp_path):
    file = tmp_path / "ids.parquet"
    paths = [f"{row}.jpg" for row in range(6)]
    columns = {"path": paths, "video": VIDEOS, "identity": identities, "true_identity": TRUE}
    pq.write_table(pa.table(columns), file)
    found = score_table(file)
    assert found == correlation_quality([0, -1, 0, 0, 1, 1], [0, 0, 0, 1, 1, -1], [0, 1, 2, 0, 0, 1])
    assert found.coverage == pytest.approx(5 / 6)
    assert (found.kept.pairs_predicted, found.kept.pairs_right) == (4, 1)


def test_what_cannot_be_scored_is_said_in_one_line(tmp_path):
    tables = {
        "lists": {"path": ["a"], "identity": [[1]], "true_identity": ["x"]},
        "true": {"path": ["a"], "identity": ["1"]},
        "found": {"path": ["a"], "true_identity": ["x"]},
    }
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    (tmp_path / "text.parquet").write_text("no Parquet")
    (tmp_path / "table.csv").write_text("path,identity,true_identity\na,1,1\n")
    for name, message in (
        ("lists.parquet", "by text or numbers, not by list"),
        ("true.parquet", "must be Parquet with the columns"),
        ("found.parquet", "must be Parquet with the columns"),
        ("text.parquet", "cannot be read: it is not Parquet"),
        ("nosuch.parquet", "is not a table on disk"),
        ("table.csv", "must be Parquet with the columns"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            score_table(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_the_page_shows_the_quality_it_is_given(tmp_path):
    problem = drawn(1, people=8, videos=4, per_video=4, length=(4, 8), width=16, noise=0.05, switched=0.1)
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "t.parquet")
    done = denoise_table(tmp_path / "t.parquet", tmp_path / "o.parquet")
    quality = score(done)
    assert quality is not None
    assert quality.identities == score_table(tmp_path / "o.parquet")
    page = write_denoising_page(tmp_path / "o.html", done, quality, title="<noisy>").read_text("utf-8")
    assert f"{100 * quality.identities.kept.precision:.1f}" in page
    assert "&lt;noisy&gt;" in page
    page = write_denoising_page(tmp_path / "o.html", done, None).read_text("utf-8")
    assert "Against the true identities" not in page
    assert np.isfinite(quality.samples.precision)
