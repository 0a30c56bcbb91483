"""`passerby denoise`, on tables that the test makes, with pictures."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from passerby.cli import denoise as command
from passerby.errors import DataError, RecipeError
from tests.tracklets.problems import drawn
from tests.tracklets.test_pipeline import embedding, table_of


@pytest.fixture
def app():
    app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
    command.register(app)
    app.command("another")(lambda: None)  # with a single command typer would leave its name out
    return app


@pytest.fixture
def table(tmp_path):
    problem = drawn(1, people=30, videos=20, per_video=8, length=(5, 12), width=32, noise=0.07, switched=0.1)
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "tracklets.parquet")
    (tmp_path / "crops").mkdir()
    for row in range(0, len(problem.features), 2):  # every second picture is missing
        color = (40 * (problem.truth[row] % 6) + 20, 90, 160)
        Image.new("RGB", (16, 32), tuple(int(c) for c in color)).save(tmp_path / "crops" / f"{row:05d}.jpg")
    return tmp_path / "tracklets.parquet"


def run(app, *arguments, code=0):
    result = CliRunner().invoke(app, ["denoise", *map(str, arguments)], env={"COLUMNS": "200"}, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_table_becomes_identities_and_a_page(app, table, tmp_path):
    output = run(app, table, "-o", tmp_path / "ids.parquet")
    assert "level 3" in output
    assert "pair precision" in output
    found = pq.read_table(tmp_path / "ids.parquet")
    assert found.num_rows == pq.read_metadata(table).num_rows
    page = (tmp_path / "ids-report.html").read_text("utf-8")
    for text in (
        "After each level",
        "Against the true identities",
        "Re-allocated",
        "cannot be read",
        "data:image/jpeg",
    ):
        assert text in page
    assert "http" not in page
    again = run(app, "run", table, "-o", tmp_path / "ids.parquet", "--json", "--no-report", "--levels", "12")
    figures = json.loads(again)
    assert figures["page"] is None
    assert [level["name"] for level in figures["levels"]] == ["input", "level 1", "level 2"]
    assert 0 < figures["quality"]["kept"]["precision"] <= 1


def test_a_page_without_truth_noise_or_anything_dropped(app, tmp_path):
    alike = pa.table(
        {
            "path": ["a.jpg", "b.jpg"],
            "video": ["v", "v"],
            "track": ["1", "2"],
            "embedding": embedding(np.eye(2, dtype=np.float32)),
        }
    )
    pq.write_table(alike, tmp_path / "t.parquet")
    run(app, tmp_path / "t.parquet", "-o", tmp_path / "ids.parquet", "--set", "measure_noise=false")
    page = (tmp_path / "ids-report.html").read_text("utf-8")
    assert "Against the true identities" not in page
    assert "There are none." in page


def alike(tmp_path, tracklets, joined):
    """Tracklets of one video, the first of which look the same and the others like nobody else."""
    features = np.eye(tracklets, dtype=np.float32)
    features[:joined] = features[0]
    names = [str(number) for number in range(tracklets)]
    columns = {"path": [f"{name}.jpg" for name in names], "video": ["v"] * tracklets, "track": names}
    pq.write_table(pa.table({**columns, "embedding": embedding(features)}), tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


@pytest.mark.parametrize(("tracklets", "joined"), [(44, 44), (5, 3), (44, 23)])
@pytest.mark.parametrize("levels", ["123", "12"])
def test_one_identity_for_most_tracklets_is_warned_of(app, tmp_path, tracklets, joined, levels):
    table, out = alike(tmp_path, tracklets, joined), tmp_path / "ids.parquet"
    result = CliRunner().invoke(app, ["denoise", str(table), "-o", str(out), "--levels", levels])
    assert result.exit_code == 0
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Warning: ")]
    assert f"one identity holds {joined} of {tracklets} tracklets" in line
    assert "passerby denoise calibrate" in line
    assert "--sigma-discrimination" in line
    assert f"holds {joined} of {tracklets}" in (tmp_path / "ids-report.html").read_text("utf-8")
    figures = json.loads(run(app, table, "-o", out, "--levels", levels, "--json", "--no-report"))
    assert figures["warning"] == line.removeprefix("Warning: ")


@pytest.mark.parametrize(("tracklets", "joined"), [(44, 22), (4, 2), (3, 1), (1, 1)])
def test_half_of_the_tracklets_and_a_single_one_are_not_warned_of(app, tmp_path, tracklets, joined):
    table, out = alike(tmp_path, tracklets, joined), tmp_path / "ids.parquet"
    result = CliRunner().invoke(app, ["denoise", str(table), "-o", str(out)])
    assert result.exit_code == 0
    assert "Warning" not in result.stderr
    assert "Warning" not in (tmp_path / "ids-report.html").read_text("utf-8")
    assert json.loads(run(app, table, "-o", out, "--json", "--no-report"))["warning"] is None


def test_calibrates(app, table, tmp_path):
    output = run(app, "calibrate", table, "--figure", tmp_path / "figures" / "evidence.png")
    assert output.startswith("--sigma-consistency 0.")
    assert Image.open(tmp_path / "figures" / "evidence.png").width > 1000
    figures = json.loads(run(app, "calibrate", table, "--json"))
    assert 0 < figures["sigma_discrimination"] < 1


def test_figures_with_twins_and_with_names_that_say_nothing(app, tmp_path):
    problem = drawn(1, people=30, videos=20, per_video=8, length=(5, 12), width=32, noise=0.07, switched=0)
    table, figure = tmp_path / "t.parquet", tmp_path / "evidence.svg"
    twins = problem.features.copy()
    twins[problem.truth % 2 == 0] = np.ones(32)  # half of all people look the same, wherever they are
    pq.write_table(table_of(problem, embedding=embedding(twins)), table)
    with pytest.raises(DataError, match=r"evidence\.xyz: its name must end in \.png or \.pdf or \.svg"):
        run(app, "calibrate", tmp_path / "none.parquet", "--figure", figure.with_suffix(".xyz"))
    run(app, "calibrate", table, "--figure", figure)
    assert figure.read_text("utf-8").count("<svg") == 1


def test_figures_that_nothing_defines_are_null(app, tmp_path):
    names = {name: ["1", "2"] for name in ("path", "video", "track")}
    dropped = pa.table({**names, "identity": ["-1", "-1"], "true_identity": ["a", "b"], "outcome": ["kept", "kept"]})
    pq.write_table(dropped, tmp_path / "ids.parquet")

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    output = run(app, "score", tmp_path / "ids.parquet", "--json")
    assert json.loads(output, parse_constant=refuse)["kept"]["purity"] is None


def test_thresholds_of_features_in_a_narrow_cone_can_be_given_as_they_are_printed(app, tmp_path):
    """As those of a network that has hardly been trained; the paper's thresholds join everybody there."""
    problem = drawn(3, people=30, videos=20, per_video=8, length=(5, 12), width=32, noise=0.07, switched=0.1)
    cone = problem.features / 300
    cone[:, 0] += 1
    pq.write_table(table_of(problem, embedding=embedding(cone.astype(np.float32))), tmp_path / "t.parquet")
    out = ("-o", tmp_path / "ids.parquet", "--no-report")
    first, *said = run(app, "calibrate", tmp_path / "t.parquet").splitlines()
    assert any("Try --center" in line for line in said)
    assert json.loads(run(app, tmp_path / "t.parquet", *out, *first.split(), "--json"))["warning"] is None
    first, *said = run(app, "calibrate", tmp_path / "t.parquet", "--center").splitlines()
    assert not any("Try --center" in line for line in said)
    figures = json.loads(run(app, tmp_path / "t.parquet", *out, *first.split(), "--center", "--json"))
    assert figures["warning"] is None
    assert figures["quality"]["kept"]["precision"] > 0.9
    assert "holds" in json.loads(run(app, tmp_path / "t.parquet", *out, "--set", "oversize=keep", "--json"))["warning"]


def test_scores(app, table, tmp_path):
    run(app, table, "-o", tmp_path / "ids.parquet", "--no-report", "--linkage", "average", "--exclusive")
    figures = json.loads(run(app, "score", tmp_path / "ids.parquet", "--json"))
    assert figures["kept"]["samples"] <= figures["all"]["samples"] == pq.read_metadata(table).num_rows
    assert "dropped ones alone" in run(app, "score", tmp_path / "ids.parquet")
    with pytest.raises(DataError, match="must be Parquet with the columns"):
        run(app, "score", table)


def test_reads_a_layout(app, tmp_path):
    (tmp_path / "keys.txt").write_text("00001_000012_0000345_01\n")
    output = run(app, "read", "luperson-nl", tmp_path / "keys.txt", "-o", tmp_path / "t.parquet")
    assert "1 images" in output


def test_says_how_it_is_used(app):
    assert "calibrate" in run(app, "--help")
    assert "--sigma-consistency" in run(app, "run", "--help")
    with pytest.raises(RecipeError, match="half_with: unknown setting; did you mean 'half_width'"):
        run(app, "x.parquet", "--set", "half_with=7")
    with pytest.raises(RecipeError, match="levels: must be 1, 2 or 3"):
        run(app, "x.parquet", "--levels", "14")
    with pytest.raises(RecipeError, match="levels: must be 1, 2 or 3"):
        run(app, "x.parquet", "--levels", "all")
    assert "half_width=1000" in run(app, "run", "--keys")
    assert "false_links=null" in run(app, "calibrate", "--keys")
    with pytest.raises(DataError, match="is not a table on disk"):
        run(app, "x.parquet")
