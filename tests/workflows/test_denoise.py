import numpy as np
import pyarrow.parquet as pq
import pytest

from passerby.errors import DataError, RecipeError
from passerby.tracklets import DenoisingOptions
from passerby.workflows.denoise import calibrate_and_draw, denoise, denoising_options
from tests.tracklets.problems import drawn
from tests.tracklets.test_pipeline import embedding, table_of


@pytest.fixture
def table(tmp_path):
    problem = drawn(1, people=30, videos=20, per_video=8, length=(5, 12), width=32, noise=0.07, switched=0.1)
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_identities_their_quality_and_a_page(table):
    reported = denoise(table, table.with_name("ids.parquet"))
    assert reported.page == table.with_name("ids-report.html")
    assert reported.page.is_file()
    assert reported.quality is not None
    assert reported.quality.identities.kept.precision > 0.9
    assert (reported.warning, reported.cut) == (None, None)
    assert reported.summary()["levels"][0]["images"] == pq.read_metadata(table).num_rows
    assert sorted(entry.name for entry in table.parent.iterdir()) == ["ids-report.html", "ids.parquet", "in.parquet"]


def test_a_page_and_a_figure_that_cannot_be_written_are_refused_before_the_work(table):
    table.with_name("ids-report.html").mkdir()
    with pytest.raises(DataError, match=r"ids-report\.html: is a folder"):
        denoise(table, table.with_name("ids.parquet"))
    assert not table.with_name("ids.parquet").exists()
    assert denoise(table, table.with_name("ids.parquet"), report=False).page is None
    with pytest.raises(DataError, match="must end in"):
        calibrate_and_draw(table, figure=table.with_name("f.xyz"))


def test_proposes_and_draws(table):
    proposed = calibrate_and_draw(table, figure=table.parent / "new" / "evidence.svg")
    assert np.isfinite(proposed.sigma_discrimination)
    assert "<svg" in (table.parent / "new" / "evidence.svg").read_text("utf-8")


def test_settings_count_more_than_fields():
    options = denoising_options(["half_width=7", "linkage=average", "levels=[1, 2]"], linkage="mutual", center=True)
    assert options == DenoisingOptions(half_width=7, linkage="average", levels=(1, 2), center=True)
    for setting, message in (
        ("half_with=7", "half_with: unknown setting; did you mean 'half_width'"),
        ("half_width=0", "half_width: must be at least 1"),
        ("half_width=true", "half_width: must not be true or false"),
        ("sigma_consistency=.nan", "sigma_consistency: must be"),
        ("neighbours", "'neighbours' is no setting: write key=value"),
    ):
        with pytest.raises(RecipeError, match=message):
            denoising_options([setting])
