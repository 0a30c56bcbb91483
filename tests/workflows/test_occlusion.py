"""Figures of the occlusion experiment against sums written out, and the files it leaves."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from passerby.data.occlusion.manifest import reproduce
from passerby.data.occlusion.visibility import read_visibility
from passerby.data.split import Split
from passerby.errors import DataError
from passerby.evaluation.occlusion_plan import OcclusionOutcome, OcclusionPlan, Trial
from passerby.evaluation.occlusion_summary import summarise, summarise_by_visibility
from passerby.models.inspection.reference import REFERENCE
from passerby.training.runner import train
from passerby.workflows.evaluation_request import EvaluationRequest
from passerby.workflows.occlusion import _place, occlusion_and_report, occlusion_table
from tests.methods.saga.saga_world import saga_recipe
from tests.methods.small_world import write_small_world

NAN = float("nan")


def split() -> Split:
    identities = np.array([0, 0, 1, 2])
    return Split(Path("/data"), pa.array([f"query/{i}.jpg" for i in range(4)]), identities, ("a", "b", "c"))


def trial(condition: str | None, level: float, run: int, feature: str, *precision: float) -> Trial:
    values = np.array(precision)
    hits = np.where(np.isnan(values), NAN, (values > 0.5).astype(float))
    return Trial(condition, level, run, feature, level, values, hits)  # type: ignore[arg-type]


@pytest.fixture
def outcome() -> OcclusionOutcome:
    trials = [
        trial(None, 0.0, 0, REFERENCE, 1.0, 0.6, NAN, 0.2),
        trial(None, 0.0, 0, "fused", 1.0, 0.9, NAN, 0.8),
        trial("bottom", 0.5, 0, REFERENCE, 0.4, 0.6, NAN, 0.2),
        trial("bottom", 0.5, 0, "fused", 0.8, 0.7, NAN, 0.2),
        trial("bottom", 0.5, 1, REFERENCE, 0.2, 0.2, NAN, 0.2),
        trial("bottom", 0.5, 1, "fused", 0.6, 0.7, NAN, 0.4),
    ]
    return OcclusionOutcome("x", split(), trials, [])


def test_means_deviations_and_gains(outcome: OcclusionOutcome) -> None:
    figures = {(each.condition, each.feature): each for each in summarise(outcome)}
    fused, reference = figures["bottom", "fused"], figures["bottom", REFERENCE]
    assert reference.mAP.mean == pytest.approx((0.4 + 0.2) / 2)
    assert reference.mAP.deviation == pytest.approx(0.2 / 2**0.5)
    assert reference.mAP_gain is None
    assert fused.mAP.mean == pytest.approx((1.7 / 3 + 1.7 / 3) / 2)
    assert fused.mAP_gain is not None
    assert fused.mAP_gain.difference.value == pytest.approx(fused.mAP.mean - reference.mAP.mean)
    assert fused.mAP_gain.difference.low <= fused.mAP_gain.difference.value <= fused.mAP_gain.difference.high
    assert fused.mAP_gain.queries == 3
    assert fused.retention == pytest.approx((2 / 3) / 1)
    assert figures["clean", "fused"].retention == 1
    table = occlusion_table(list(figures.values()))
    assert "| bottom | 50 % | fused | 56.7 ± 0.0 |" in table


def test_clean_queries_by_visibility(outcome: OcclusionOutcome) -> None:
    found = summarise_by_visibility(outcome, np.array([1.0, 0.3, 0.3, 0.3]))
    by_bin = {(each.low, each.feature): each for each in found}
    assert by_bin[0.25, REFERENCE].mAP == pytest.approx(0.4)
    assert by_bin[0.25, "fused"].queries == 2
    gain = by_bin[0.25, "fused"].mAP_gain
    assert gain is not None
    assert gain.value == pytest.approx(0.45)
    assert by_bin[0.95, "fused"].mAP_gain is None, "one person tells no interval"
    assert (0.5, "fused") not in by_bin


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_visible_fractions_are_found_by_path(tmp_path: Path, suffix: str) -> None:
    table, file = pa.table({"path": ["query/3.jpg", "query/0.jpg"], "visible": [0.25, 1.0]}), tmp_path / f"t{suffix}"
    if suffix == ".csv":
        file.write_text("path,visible\nquery/3.jpg,0.25\nquery/0.jpg,1.0\n")
    else:
        pa.parquet.write_table(table, file)
    here = Split(tmp_path, split().paths, split().identities, ("a", "b", "c"))
    np.testing.assert_array_equal(read_visibility(here, file), [1.0, NAN, NAN, 0.25])
    (tmp_path / "other.csv").write_text("path\nx\n")
    with pytest.raises(DataError, match="has no column 'visible'"):
        read_visibility(here, tmp_path / "other.csv")


def test_the_experiment_leaves_table_curves_figures_and_manifest(tmp_path: Path) -> None:
    world, run = write_small_world(tmp_path / "world"), tmp_path / "run"
    train(saga_recipe(world, "stage1.epochs=0", "stage2.epochs=0", "stage3b.epochs=0"), run)
    files = sorted((world / "query").glob("*.jpg"))
    visible = [0.3 if number % 2 else 1.0 for number in range(len(files))]
    names = [f"query/{file.name}" for file in files]
    pa.parquet.write_table(pa.table({"path": names, "visible": visible}), world / "people.parquet")
    plan = OcclusionPlan(conditions=("patches", "people"), levels=(0.5,), runs=2)
    (reported,) = occlusion_and_report(EvaluationRequest(str(run)), plan)
    assert reported.folder == run / "occlusion" / reported.data.replace("/", "-")
    content = json.loads((reported.folder / "metrics.json").read_text())
    assert {each["condition"] for each in content["metrics"]} == {"clean", "patches", "people"}
    assert {each["low"] for each in content["by_visibility"]} == {0.25, 0.95}
    assert (reported.folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "| people | 50 % | fused |" in (reported.folder / "table.md").read_text()
    rows = pa.parquet.read_table(reported.folder / "manifest.parquet").to_pylist()
    assert len(rows) == 2 * 2 * len(files)
    made = reproduce(rows[-1], (64, 32), "bicubic")
    assert made.covered == rows[-1]["covered"]


def test_two_data_sets_of_one_name_have_two_folders(tmp_path: Path) -> None:
    first = _place(tmp_path, "my set", "a")
    assert first == tmp_path / "my-set"
    first.mkdir()
    (first / "metrics.json").write_text('{"data_fingerprint": "a"}')
    assert _place(tmp_path, "my set", "a") == first
    assert _place(tmp_path, "my set", "b") == tmp_path / "my-set-2"
