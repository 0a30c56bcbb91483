"""Evaluate a model: on one benchmark from Python, or on every data set of a request with pages and tables."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from passerby.data.formats.open_data import open_data
from passerby.data.split import Benchmark
from passerby.errors import DataError
from passerby.evaluation.analysis import check_open_set
from passerby.evaluation.evaluate import Evaluation, check_protocol, evaluate_in_full
from passerby.evaluation.metrics_file import evaluation_fingerprint
from passerby.evaluation.pooling import TrackletPooling
from passerby.evaluation.protocol import PLAIN, Protocol, RerankSettings
from passerby.evaluation.query_table import write_query_table
from passerby.evaluation.result import EvaluationResult
from passerby.inference.embedder import Embedder
from passerby.inference.loading import as_embedder
from passerby.metrics import Metric, Ties
from passerby.models.bundled import resolve_path
from passerby.output_paths import checked_folder
from passerby.report.ranking.figure import rank_list_figure, save_figure
from passerby.report.ranking.rank_list import RankedSplits
from passerby.workflows.evaluation_report import ReportedEvaluation, report_evaluation
from passerby.workflows.evaluation_request import EvaluationRequest, OpenedRequest, open_request
from passerby.workflows.seeds import SeedOutcome, read_summary, seeds_in, write_summary

if TYPE_CHECKING:
    from torch import nn


def evaluate(
    model: "Embedder | nn.Module | str | Path",
    benchmark: Benchmark | str | Path,
    root: str | Path | None = None,
    *,
    out: str | Path | None = None,
    metric: Metric = "cosine",
    ties: Ties = "gallery",
    pooling: TrackletPooling | None = None,
    multi_query: bool = False,
    rerank: RerankSettings | bool = False,
    open_set_draws: int = 0,
    batch_size: int = 64,
    skip_unreadable: bool = False,
    check_counts: bool = True,
) -> EvaluationResult:
    """Evaluate a model on a benchmark's query and gallery: mAP, CMC, mINP, and what `passerby eval` can besides.

    Examples:
        >>> passerby.evaluate("runs/market", "market1501", "/data", rerank=True).intervals["mAP"]
        >>> passerby.evaluate(my_network, passerby.load_benchmark("market1501", "/data"), out="evaluation/mine").page

    Args:
        model: what `passerby.load` returns or takes, one of several seeds; or a network, see `TorchEmbedder.of`.
        benchmark: as `load_benchmark` returns it, or its name (then `root` is needed), or a table or folder.
        root: the folder that holds the benchmark.
        out: receives `metrics.json` and, in `report/`, the page and the tables; None writes nothing.
        metric: how features are compared; those of passerby's methods have length 1, where both metrics rank alike.
        ties: order of equally far images: as in the gallery, or `"expected"`: expected values over all orders.
        pooling: of tracklets, `"mean"`, `"attention"`, `"max"` or `"none"`; by default the mean where there are some.
        multi_query: search with the mean of all queries of one person and camera (Market-1501: folder `gt_bbox`).
        rerank: also re-rank: True for the published parameters, or others.
        open_set_draws: how often half of the people are taken out of the gallery to measure an open set.
        batch_size: images embedded at once.
        skip_unreadable: leave out images that cannot be decoded instead of stopping.
        check_counts: whether counts other than the published ones are an error.

    Raises:
        DataError, EvaluationError: the data is not as it should be, an image cannot be read, or nothing can be ranked.
        CheckpointError: the model is named and cannot be loaded.
    """
    protocol = Protocol(metric, pooling, multi_query, _parameters(rerank), open_set_draws, ties)
    benchmark = as_benchmark(benchmark, root, check_counts=check_counts)
    folder = None if out is None else checked_folder(out)
    check_requested(benchmark, protocol)
    embedder = as_embedder(model)
    result = _measured(embedder, benchmark, protocol, batch_size, skip_unreadable=skip_unreadable)
    if folder is not None:
        result.page = report_evaluation(result, evaluation_fingerprint(benchmark), embedder, folder).page
    return result


def _parameters(rerank: RerankSettings | bool) -> RerankSettings | None:
    if rerank is None or isinstance(rerank, bool):
        return RerankSettings() if rerank else None
    return rerank


def as_benchmark(
    data: Benchmark | str | Path, root: str | Path | None = None, *, check_counts: bool = True
) -> Benchmark:
    """The data of what users call a benchmark.

    Raises:
        DataError: it is not on disk as it should be, or a root is given for data that is open already.
    """
    if not isinstance(data, Benchmark):
        return open_data(str(data), root, check_counts=check_counts)
    if root is not None:
        raise DataError(f"root ({root}) belongs to a benchmark's name; {data.name} is open already: leave it out")
    return data


def evaluate_and_report(request: EvaluationRequest) -> list[SeedOutcome]:
    """Evaluate on the data set named, or on every set of the run's recipe that has a query and a gallery.

    Of a folder of seeds, every seed is evaluated and has its results in its own folder (or in `seed-N` of the one asked
    for); beside them, `seeds.json` has mean and deviation.

    Returns:
        An outcome for each seed, or one without a seed.

    Raises:
        DataError: one picture or table is asked for, but there would be several.
        PasserbyError: the model or the data cannot be used, or there is no place for the results.
    """
    seeds = seeds_in(request.model)
    if not seeds:
        return [SeedOutcome(None, resolve_path(request.model), _evaluate_one(request))]
    _check_one_file(request, f"{len(seeds)} seeds: name one of them, such as {next(iter(seeds.values()))}")
    folder = request.out or resolve_path(request.model)
    earlier = read_summary(folder)
    outcomes = []
    for seed, run in seeds.items():
        place = request.out and request.out / run.name
        outcomes.append(SeedOutcome(seed, run, _evaluate_one(replace(request, model=str(run), out=place))))
    write_summary(folder, earlier, outcomes)
    return outcomes


def _evaluate_one(request: EvaluationRequest) -> list[ReportedEvaluation]:
    opened = open_request(request)
    if len(opened.sets) > 1:
        _check_one_file(request, f"{len(opened.sets)} data sets: name one of them with --data")
    return evaluate_all(opened, request.protocol, figure=request.figure, export=request.export)


def _check_one_file(request: EvaluationRequest, several: str) -> None:
    """Refuse a picture or a table where several things would be written into it."""
    for file, kind in ((request.figure, "picture"), (request.export, "table")):
        if file is not None:
            raise DataError(f"{file}: one {kind}, but {several}")


def evaluate_all(
    opened: OpenedRequest, protocol: Protocol = PLAIN, *, figure: Path | None = None, export: Path | None = None
) -> list[ReportedEvaluation]:
    """Evaluate on each set; metrics go into the folder's `metrics.json`, pages into its `report/`.

    Args:
        opened: the model, the sets, and the folder.
        protocol: how they are compared.
        figure: also write the rank lists of the only set as a picture.
        export: also write how every query of the only set did as a table.

    Raises:
        PasserbyError: a set cannot be ranked (found before any is embedded), or an image cannot be read.
    """
    for benchmark in opened.sets:
        check_requested(benchmark, protocol)
    reported = []
    for benchmark in opened.sets:
        result = _measured(
            opened.embedder, benchmark, protocol, opened.batch_size, skip_unreadable=opened.skip_unreadable
        )
        mark = evaluation_fingerprint(benchmark)
        reported.append(report_evaluation(result, mark, opened.embedder, opened.folder))
        if figure is not None:
            draw_rank_lists(result.evaluation, figure)
        if export is not None:
            write_query_table(export, result.evaluation.query, result.ranking)
    return reported


def _measured(
    embedder: Embedder, benchmark: Benchmark, protocol: Protocol, batch_size: int, *, skip_unreadable: bool
) -> EvaluationResult:
    measured = evaluate_in_full(embedder, benchmark, protocol, batch_size=batch_size, skip_unreadable=skip_unreadable)
    return EvaluationResult(measured, protocol)


def check_requested(benchmark: Benchmark, protocol: Protocol) -> None:
    """Refuse what cannot be measured, before any image is read.

    Raises:
        DataError: query or gallery is missing, or the protocol does not fit the data.
        EvaluationError: nothing can be ranked, or too little for an open set.
    """
    check_protocol(benchmark, protocol)
    check_open_set(benchmark.name, benchmark.query_and_gallery()[0].identities, protocol.open_set_draws)


def draw_rank_lists(evaluation: Evaluation, file: Path) -> None:
    """Write the rank lists of the best, a middling and the worst query as a picture, one of `FIGURE_SUFFIXES`."""
    save_figure(rank_list_figure(RankedSplits.of(evaluation)), file)
