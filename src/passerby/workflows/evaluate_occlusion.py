"""Run the occlusion experiment, and write its table, curves, figures and manifest."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from passerby.atomic_files import write_text_atomically
from passerby.data.display_name import display_name
from passerby.data.occlusion.manifest import write_manifest
from passerby.data.occlusion.visibility import TABLE_OF_WORLD, read_visibility
from passerby.data.split import Benchmark
from passerby.evaluation.metrics_file import evaluation_fingerprint, model_record
from passerby.evaluation.occlusion import OcclusionOutcome, OcclusionPlan, occlusion_experiment
from passerby.evaluation.occlusion_summary import (
    OcclusionFigure,
    ReportedOcclusion,
    VisibleFigure,
    summarise,
    summarise_by_visibility,
)
from passerby.json_text import json_text
from passerby.metrics import Interval
from passerby.models.inspection.feature_variants import REFERENCE
from passerby.report.occlusion.figure import occlusion_figure
from passerby.report.ranking.figure import save_figure
from passerby.workflows.evaluation_request import EvaluationRequest, OpenedRequest, open_request

FOLDER = "occlusion"
"""Inside a run, where results go: a folder for each data set."""


def occlusion_and_report(
    request: EvaluationRequest, plan: OcclusionPlan, visible: Path | None = None
) -> list[ReportedOcclusion]:
    """Hide the queries of each data set bit by bit, and write what comes of it.

    Args:
        request: names the model and the data, as for `passerby eval`.
        plan: what is tried.
        visible: a table of true visible fractions; by default the one beside a synthetic world's images.

    Raises:
        PasserbyError: the model or the data cannot be used.
    """
    opened = open_request(request)
    return [_report(opened, each, plan, visible) for each in opened.sets]


def _report(
    opened: OpenedRequest, benchmark: Benchmark, plan: OcclusionPlan, visible: Path | None
) -> ReportedOcclusion:
    outcome = occlusion_experiment(
        opened.embedder, benchmark, plan, batch_size=opened.batch_size, skip_unreadable=opened.skip_unreadable
    )
    name = display_name(benchmark.name)
    mark = evaluation_fingerprint(benchmark)
    folder = _place(opened.folder / FOLDER, name, mark)
    figures, by_visibility = summarise(outcome), _by_visibility(outcome, visible)
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "data": name,
        "data_fingerprint": mark,
        "model": model_record(opened.embedder),
        "plan": plan,
        "figures": figures,
        "by_visible_fraction": by_visibility,
    }
    write_text_atomically(folder / "figures.json", json_text(content) + "\n")
    write_text_atomically(folder / "table.md", occlusion_table(figures, by_visibility))
    save_figure(occlusion_figure(figures, f"{name}: hidden queries, clean gallery"), folder / "curves.png")
    write_manifest(outcome.manifests, folder / "manifest.parquet")
    return ReportedOcclusion(name, figures, by_visibility, folder)


def occlusion_table(figures: Sequence[OcclusionFigure], visible: Sequence[VisibleFigure] = ()) -> str:
    """All figures as Markdown tables."""
    lines = [
        "Queries are hidden, the gallery is clean. Mean ± standard deviation over runs; gains over the "
        f"{REFERENCE} with 95 % interval, paired by query, people resampled.",
        "",
        "| condition | hidden | readout | mAP | rank-1 | rank-1 kept | mAP gain | p |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in figures:
        gain, p_value = "–", "–"
        if each.mAP_gain is not None:
            gain = _points(each.mAP_gain.difference)
            p_value = f"{each.mAP_gain.p_value:.3f}"
        lines.append(
            f"| {each.condition} | {100 * each.level:.0f} % | {each.readout} | {_spread(each.mAP)} | "
            f"{_spread(each.rank1)} | {100 * each.retention:.0f} % | {gain} | {p_value} |"
        )
    if visible:
        lines += ["", "Clean queries by the true visible fraction of their person:", ""]
        lines += ["| visible | queries | readout | mAP | mAP gain |", "|---|---|---|---|---|"]
    for row in visible:
        gain = "–" if row.mAP_gain is None else _points(row.mAP_gain)
        seen = f"{100 * row.low:.0f}–{100 * row.high:.0f} %"
        lines.append(f"| {seen} | {row.queries} | {row.readout} | {100 * row.mAP:.1f} | {gain} |")
    return "\n".join(lines) + "\n"


def _by_visibility(outcome: OcclusionOutcome, table: Path | None) -> list[VisibleFigure]:
    file = outcome.query.root / TABLE_OF_WORLD if table is None else table
    if table is None and not file.is_file():
        return []
    visible = read_visibility(outcome.query, file)
    return [] if np.isnan(visible).all() else summarise_by_visibility(outcome, visible)


def _spread(spread: Any) -> str:
    return f"{100 * spread.mean:.1f} ± {100 * spread.deviation:.1f}"


def _points(interval: Interval) -> str:
    return f"{100 * interval.value:+.1f} ({100 * interval.low:+.1f} … {100 * interval.high:+.1f})"


def _place(parent: Path, name: str, mark: str) -> Path:
    """The folder of a data set, numbered if figures of other data of the same name are there."""
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
    for number in itertools.count(1):
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        file = folder / "figures.json"
        if not file.is_file() or json.loads(file.read_text("utf-8")).get("data_fingerprint") == mark:
            return folder
    raise AssertionError("numbers do not end")
