"""Evaluate a model on one data set or several; write `metrics.json` and a page of rank lists for each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from passerby.config import Recipe
from passerby.data.formats.open_data import open_data
from passerby.data.split import Benchmark
from passerby.errors import CheckpointError, DataError, RecipeError
from passerby.evaluation.analysis import check_open_set
from passerby.evaluation.evaluate import Evaluation, check_comparable, evaluate_in_full
from passerby.evaluation.metrics_file import evaluation_fingerprint, folder_of_model, model_record
from passerby.evaluation.pooling import check_multi_query, chosen_pooling
from passerby.evaluation.protocol import Protocol
from passerby.evaluation.query_table import EXPORT_SUFFIXES
from passerby.inference.embedder import Embedder, load
from passerby.metrics import Metric
from passerby.models.bundled import resolve_path
from passerby.output_paths import check_output_file, check_output_folder
from passerby.report.ranking.figure import FIGURE_SUFFIXES, rank_list_figure, save_figure
from passerby.runs.provenance import Provenance
from passerby.runs.request import stored_recipe
from passerby.runs.run_directory import RunDirectory
from passerby.training.training_data import open_sets
from passerby.workflows.evaluation_report import ReportedEvaluation, report_evaluation

_BATCH = 64
_EVALUATIONS = Path("evaluation")


@dataclass(frozen=True)
class EvaluationRequest:
    """What `passerby eval` was asked for; the fields are its options, None where the run's recipe decides."""

    model: str
    data: str | None = None
    root: Path | None = None
    out: Path | None = None
    metric: Metric = "cosine"
    batch_size: int | None = None
    device: str | None = None
    skip_unreadable: bool | None = None
    check_counts: bool | None = None
    allow_torchscript: bool = False
    trained_on: str | None = None
    camera_coefficient: float | None = None
    figure: Path | None = None
    protocol: Protocol = field(default_factory=Protocol)


@dataclass(frozen=True)
class OpenedRequest:
    """A request with its model and data at hand.

    Attributes:
        embedder: the model.
        sets: each with a query and a gallery.
        folder: where results go.
        batch_size: images embedded at once.
        skip_unreadable: whether images that cannot be decoded are left out.
    """

    embedder: Embedder
    sets: list[Benchmark]
    folder: Path
    batch_size: int
    skip_unreadable: bool


def open_request(request: EvaluationRequest) -> OpenedRequest:
    """The model, and the data set named or every set of the run's recipe that has a query and a gallery.

    Raises:
        PasserbyError: the model or the data cannot be used, or there is no place for the results.
    """
    path = resolve_path(request.model)
    if not path.exists():
        raise CheckpointError(f"{request.model}: no such run or file of weights")
    recipe = stored_recipe(RunDirectory(path)) if RunDirectory(path).recipe_file.is_file() else None
    sets = _sets(request, recipe)
    if recipe is not None:
        Provenance(RunDirectory(path)).log_differences(sets)
    check_output_folder(request.out or (path if path.is_dir() else _EVALUATIONS))
    for file, suffixes in ((request.figure, FIGURE_SUFFIXES), (request.protocol.export, EXPORT_SUFFIXES)):
        if file is not None:
            check_output_file(file, suffixes)
    embedder = load(
        path,
        device=request.device,
        allow_torchscript=request.allow_torchscript,
        trained_on=request.trained_on,
        camera_coefficient=request.camera_coefficient,
    )
    skip = recipe is not None and recipe.data.skip_unreadable and request.data is None
    return OpenedRequest(
        embedder,
        sets,
        request.out or _default_folder(path, embedder),
        batch_size=request.batch_size or (recipe.evaluation.batch_size if recipe else _BATCH),
        skip_unreadable=skip if request.skip_unreadable is None else request.skip_unreadable,
    )


def evaluate_and_report(request: EvaluationRequest) -> list[ReportedEvaluation]:
    """Evaluate on the data set named, or on every set of the run's recipe that has a query and a gallery.

    Raises:
        PasserbyError: the model or the data cannot be used, or there is no place for the results.
    """
    opened = open_request(request)
    return evaluate_all(
        opened.embedder,
        opened.sets,
        opened.folder,
        batch_size=opened.batch_size,
        metric=request.metric,
        skip_unreadable=opened.skip_unreadable,
        figure=request.figure,
        protocol=request.protocol,
    )


def evaluate_all(
    embedder: Embedder,
    sets: Sequence[Benchmark],
    folder: Path,
    *,
    batch_size: int,
    metric: Metric = "cosine",
    skip_unreadable: bool = False,
    figure: Path | None = None,
    protocol: Protocol | None = None,
) -> list[ReportedEvaluation]:
    """Evaluate on each set; figures go into the folder's `metrics.json`, pages into its `report/`.

    Args:
        embedder: the model.
        sets: each with a query and a gallery.
        folder: made if it is not there.
        batch_size, metric, skip_unreadable: see `evaluate`.
        figure: also write the rank lists of the only set as a picture.
        protocol: how they are compared; by default image by image.

    Raises:
        PasserbyError: a set cannot be ranked (found before any is embedded), or an image cannot be read.
    """
    protocol = protocol or Protocol()
    _check(sets, figure, protocol)
    reported = []
    for each in sets:
        evaluation = evaluate_in_full(
            embedder,
            each,
            batch_size=batch_size,
            metric=metric,
            skip_unreadable=skip_unreadable,
            pooling=protocol.pooling,
            multi_query=protocol.multi_query,
        )
        reported.append(report_evaluation(evaluation, evaluation_fingerprint(each), embedder, folder, protocol))
        if figure is not None:
            draw_rank_lists(evaluation, figure)
    return reported


def _check(sets: Sequence[Benchmark], figure: Path | None, protocol: Protocol) -> None:
    """Refuse what cannot be evaluated or written, before any image is read."""
    for each in sets:
        check_comparable(each)
        chosen_pooling(each, protocol.pooling)
        if protocol.multi_query:
            check_multi_query(each)
        check_open_set(each.name, each.query_and_gallery()[0].identities, protocol.open_set_draws)
    for file, kind in ((figure, "picture"), (protocol.export, "table")):
        if file is not None and len(sets) > 1:
            raise DataError(f"{file}: one {kind}, but {len(sets)} data sets: name one of them with --data")


def evaluable(sets: Sequence[Benchmark]) -> list[Benchmark]:
    """Those that have a query and a gallery."""
    return [each for each in sets if each.query is not None and each.gallery is not None]


def draw_rank_lists(evaluation: Evaluation, file: Path) -> None:
    """Write the rank lists of the best, a middling and the worst query as a picture, one of `FIGURE_SUFFIXES`."""
    figure = rank_list_figure(
        evaluation.query,
        evaluation.gallery,
        evaluation.query_features,
        evaluation.gallery_features,
        evaluation.result,
    )
    save_figure(figure, file)


def _sets(request: EvaluationRequest, recipe: Recipe | None) -> list[Benchmark]:
    if request.data is not None:
        return [open_data(request.data, request.root, check_counts=request.check_counts is not False)]
    if recipe is None:
        raise RecipeError(
            f"{request.model} is not a run's folder, so name the data to evaluate on: --data NAME --root DIR, "
            "or --data TABLE"
        )
    said = {"root": request.root, "check_counts": request.check_counts}
    section = recipe.data.model_copy(update={key: value for key, value in said.items() if value is not None})
    found = evaluable(open_sets(section))
    if not found:
        raise DataError(f"{request.model}: its data has no query and gallery: name data that has with --data")
    return found


def _default_folder(path: Path, embedder: Embedder) -> Path:
    """A run's folder, or one below `evaluation/` that is called as the file (or as its folder, for a `model.*`)."""
    if path.is_dir():
        return path
    name = path.resolve().parent.name if path.stem == "model" else path.stem
    return folder_of_model(_EVALUATIONS, name or "model", model_record(embedder))
