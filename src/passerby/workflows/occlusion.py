"""Run the occlusion experiment, and write its table, curves, metrics and manifest."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from passerby.atomic_files import write_text_atomically
from passerby.data.arguments import check_type
from passerby.data.display_name import display_name
from passerby.data.occlusion.manifest import write_manifest
from passerby.data.occlusion.visibility import TABLE_OF_WORLD, read_visibility
from passerby.data.split import Benchmark
from passerby.evaluation.metrics_file import evaluation_fingerprint, model_record
from passerby.evaluation.occlusion import occlusion_experiment
from passerby.evaluation.occlusion_plan import USUAL_PLAN, OcclusionOutcome, OcclusionPlan
from passerby.evaluation.occlusion_summary import (
    OcclusionMetrics,
    ReportedOcclusion,
    VisibilityMetrics,
    summarise,
    summarise_by_visibility,
)
from passerby.inference.embedder import Embedder, check_batch_size
from passerby.inference.loading import as_embedder, runtime_in_torch
from passerby.json_text import json_text
from passerby.models.bundled import resolve_path
from passerby.output_paths import check_output_folder, checked_folder, expanded
from passerby.report.occlusion.figure import occlusion_figure
from passerby.report.occlusion.table import occlusion_table
from passerby.report.ranking.figure import save_figure
from passerby.workflows.evaluate import as_benchmark
from passerby.workflows.evaluation_request import EvaluationRequest, open_request
from passerby.workflows.seeds import occlusion_over_seeds, seeds_in

FOLDER = "occlusion"
"""Inside a run, where results go: a folder for each data set."""


@dataclass(frozen=True)
class OcclusionResult:
    """What `passerby.occlusion` measured.

    Attributes:
        metrics: of each condition, level and feature of the model, clean queries first.
        by_visibility: of clean queries by the true visible fraction of their person, where that is known.
        outcome: the trials behind them.
    """

    metrics: list[OcclusionMetrics]
    by_visibility: list[VisibilityMetrics]
    outcome: OcclusionOutcome


def occlusion(
    model: Embedder | nn.Module | str | Path,
    benchmark: Benchmark | str | Path,
    root: str | Path | None = None,
    plan: OcclusionPlan = USUAL_PLAN,
    *,
    out: str | Path | None = None,
    visibility: str | Path | None = None,
    batch_size: int = 64,
    skip_unreadable: bool = False,
) -> OcclusionResult:
    """Occlude a benchmark's queries step by step, and measure every feature of a model against the clean gallery.

    Examples:
        >>> plan = passerby.OcclusionPlan(conditions=("rectangle",), levels=(0.2, 0.4), runs=1)
        >>> result = passerby.occlusion("runs/saga", "market1501", "/data", plan)
        >>> [(row.feature, row.level, row.mAP.mean) for row in result.metrics]

    Args:
        model: as `passerby.evaluate` takes it.
        benchmark: as `load_benchmark` returns it, or its name (then `root` is needed), or a table or folder.
        root: the folder that holds the benchmark.
        plan: what is tried; the condition `people` needs the benchmark's training images.
        out: a folder that receives table, curves, metrics and manifest; None writes nothing.
        visibility: a table of the visible fractions of queries; by default the one beside a synthetic world's images.
        batch_size: images computed at once.
        skip_unreadable: leave out images that cannot be decoded instead of stopping.

    Raises:
        DataError: the benchmark is not on disk as it should be, or an image cannot be read.
        EvaluationError: nothing can be ranked.
    """
    check_type("plan", plan, OcclusionPlan)
    check_batch_size(batch_size)
    benchmark = as_benchmark(benchmark, root)
    folder = None if out is None else checked_folder(out)
    embedder = as_embedder(model, runtime=runtime_in_torch(model))
    table = None if visibility is None else expanded(visibility)
    result = _measured(embedder, benchmark, plan, table, batch_size, skip_unreadable=skip_unreadable)
    if folder is not None:
        _write(result, plan, embedder, benchmark, folder)
    return result


def occlusion_and_report(
    request: EvaluationRequest, plan: OcclusionPlan, visibility: Path | None = None
) -> list[ReportedOcclusion]:
    """Occlude the queries of each data set step by step, and write what comes of it.

    Of a folder of seeds, every seed is measured and has its results in its own folder (or in `seed-N` of the one asked
    for); what is returned is their mean and deviation, written beside them.

    Args:
        request: names the model and the data, as for `passerby eval`.
        plan: what is tried.
        visibility: a table of true visible fractions; by default the one beside a synthetic world's images.

    Raises:
        PasserbyError: the model or the data cannot be used.
    """
    seeds = seeds_in(request.model)
    if seeds:
        requests = [
            replace(request, model=str(run), out=request.out and request.out / run.name) for run in seeds.values()
        ]
        by_seed = [occlusion_and_report(each, plan, visibility) for each in requests]
        folder = request.out or resolve_path(request.model)
        return [_write_over_seeds(rows, folder, list(seeds)) for rows in zip(*by_seed, strict=True)]
    opened = open_request(replace(request, runtime=runtime_in_torch(request.model)))
    check_output_folder(opened.folder / FOLDER)
    reported = []
    for benchmark in opened.sets:
        result = _measured(
            opened.embedder,
            benchmark,
            plan,
            visibility,
            opened.batch_size,
            skip_unreadable=opened.skip_unreadable,
        )
        folder = _place(opened.folder / FOLDER, display_name(benchmark.name), evaluation_fingerprint(benchmark))
        reported.append(_write(result, plan, opened.embedder, benchmark, folder))
    return reported


def _measured(
    embedder: Embedder,
    benchmark: Benchmark,
    plan: OcclusionPlan,
    visibility: Path | None,
    batch_size: int,
    *,
    skip_unreadable: bool,
) -> OcclusionResult:
    outcome = occlusion_experiment(embedder, benchmark, plan, batch_size=batch_size, skip_unreadable=skip_unreadable)
    return OcclusionResult(summarise(outcome), _by_visibility(outcome, visibility), outcome)


def _write(
    result: OcclusionResult, plan: OcclusionPlan, embedder: Embedder, benchmark: Benchmark, folder: Path
) -> ReportedOcclusion:
    folder.mkdir(parents=True, exist_ok=True)
    name = display_name(benchmark.name)
    content = {
        "data": name,
        "data_fingerprint": evaluation_fingerprint(benchmark),
        "model": model_record(embedder),
        "plan": plan,
        "metrics": result.metrics,
        "by_visibility": result.by_visibility,
    }
    write_text_atomically(folder / "metrics.json", json_text(content) + "\n")
    write_text_atomically(folder / "table.md", occlusion_table(result.metrics, result.by_visibility))
    drawn = occlusion_figure(result.metrics, f"{name}: occluded queries, clean gallery")
    save_figure(drawn, folder / "curves.png")
    write_manifest(result.outcome.manifests, folder / "manifest.parquet")
    return ReportedOcclusion(name, result.metrics, result.by_visibility, folder)


def _write_over_seeds(reported: Sequence[ReportedOcclusion], parent: Path, seeds: list[int]) -> ReportedOcclusion:
    """Mean and deviation over seeds of one data set, beside the seeds' own folders."""
    name, folder = reported[0].data, parent / FOLDER / reported[0].folder.name
    metrics = occlusion_over_seeds([each.metrics for each in reported])
    folder.mkdir(parents=True, exist_ok=True)
    content = {"data": name, "seeds": seeds, "metrics": metrics}
    write_text_atomically(folder / "metrics.json", json_text(content) + "\n")
    write_text_atomically(folder / "table.md", occlusion_table(metrics, over=f"{len(seeds)} seeds"))
    drawn = occlusion_figure(metrics, f"{name}: occluded queries, clean gallery; {len(seeds)} seeds")
    save_figure(drawn, folder / "curves.png")
    return ReportedOcclusion(name, metrics, [], folder)


def _by_visibility(outcome: OcclusionOutcome, table: Path | None) -> list[VisibilityMetrics]:
    file = outcome.query.root / TABLE_OF_WORLD if table is None else table
    if table is None and not file.is_file():
        return []
    visibility = read_visibility(outcome.query, file)
    return [] if np.isnan(visibility).all() else summarise_by_visibility(outcome, visibility)


def _place(parent: Path, name: str, mark: str) -> Path:
    """The folder of a data set, numbered if metrics of other data of the same name are there."""
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
    for number in itertools.count(1):
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        file = folder / "metrics.json"
        if not file.is_file() or json.loads(file.read_text("utf-8")).get("data_fingerprint") == mark:
            return folder
    raise AssertionError("numbers do not end")
