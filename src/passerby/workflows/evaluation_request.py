"""What to evaluate: a model, data, and how; opened and checked before any image is read."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from passerby.atomic_files import sweep_temporaries_of
from passerby.config import Recipe
from passerby.data.formats.open_data import open_data
from passerby.data.split import Benchmark
from passerby.errors import CheckpointError, DataError, RecipeError
from passerby.evaluation.metrics_file import FILE_NAME, folder_of_model, model_record
from passerby.evaluation.protocol import PLAIN, Protocol
from passerby.evaluation.query_table import EXPORT_SUFFIXES
from passerby.inference.computing import ModelPrecision
from passerby.inference.embedder import Embedder
from passerby.inference.loading import ModelRuntime, load
from passerby.models.bundled import resolve_path
from passerby.output_paths import check_not_input, check_output_file, check_output_folder
from passerby.report.ranking.figure import FIGURE_SUFFIXES
from passerby.runs.provenance import Provenance
from passerby.runs.recipe_data import open_sets
from passerby.runs.request import stored_recipe
from passerby.runs.run_directory import RunDirectory
from passerby.workflows.computing.opening import ImagesAhead, open_computing
from passerby.workflows.evaluation_settings import CameraEmbedding

_BATCH = 64
_EVALUATIONS = Path("evaluation")
_NOTHING_DECLARED = CameraEmbedding()


@dataclass(frozen=True)
class EvaluationRequest:
    """What to evaluate; None where the run's recipe decides.

    Attributes:
        model: what `passerby.load` takes.
        data: a benchmark's name, a table or a folder; None for the run's.
        root: the folder that holds the benchmark; without `data`, where the run's data is now.
        out: receives the results; None for the run, or a folder below `evaluation/` for files of weights.
        figure: also draw rank lists as a picture.
        export: also write how every query did as a table.
        protocol: how query and gallery are compared.
        batch_size, skip_unreadable, check_counts: see `passerby.evaluate`.
        device, runtime, allow_torchscript: see `passerby.load`.
        precision: fp32, so that figures are the model's own; auto and bf16 as of `passerby.embed`; int8.
        camera_embedding: of an official checkpoint.
    """

    model: str
    data: str | None = None
    root: Path | None = None
    out: Path | None = None
    figure: Path | None = None
    export: Path | None = None
    protocol: Protocol = PLAIN
    batch_size: int | None = None
    skip_unreadable: bool | None = None
    check_counts: bool | None = None
    device: str | None = None
    runtime: ModelRuntime = "auto"
    precision: ModelPrecision = "fp32"
    allow_torchscript: bool = False
    camera_embedding: CameraEmbedding = _NOTHING_DECLARED


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
    for file, suffixes in ((request.figure, FIGURE_SUFFIXES), (request.export, EXPORT_SUFFIXES)):
        if file is not None:
            check_output_file(file, suffixes)
            check_not_input(file, [Path(request.data)] if request.data is not None else [])
            sweep_temporaries_of(file)
    embedder = _open_model(request, sets)
    folder = request.out or _default_folder(path, embedder)
    check_output_folder(folder / "report")
    check_output_file(folder / FILE_NAME, (".json",))
    skip = recipe is not None and recipe.data.skip_unreadable and request.data is None
    return OpenedRequest(
        embedder,
        sets,
        folder,
        batch_size=request.batch_size or (recipe.evaluation.batch_size if recipe else _BATCH),
        skip_unreadable=skip if request.skip_unreadable is None else request.skip_unreadable,
    )


def _open_model(request: EvaluationRequest, sets: list[Benchmark]) -> Embedder:
    """The model in its runtime and precision; images of a camera that it knows are embedded in torch."""
    load_as = partial(
        load,
        request.model,
        device=request.device,
        allow_torchscript=request.allow_torchscript,
        trained_on=request.camera_embedding.trained_on,
        camera_coefficient=request.camera_embedding.weight,
    )
    parts = [part for each in sets for part in (each.query, each.gallery) if part is not None]
    if not parts:
        return load_as(runtime=request.runtime, precision=request.precision)
    ahead = ImagesAhead.of(*parts, own_cameras=True)
    return open_computing(load_as, request.model, ahead, runtime=request.runtime, precision=request.precision)


def evaluable(sets: list[Benchmark]) -> list[Benchmark]:
    """Those that have a query and a gallery."""
    return [each for each in sets if each.query is not None and each.gallery is not None]


def _sets(request: EvaluationRequest, recipe: Recipe | None) -> list[Benchmark]:
    if request.data is not None:
        return [open_data(request.data, request.root, check_counts=request.check_counts is not False)]
    if recipe is None:
        raise RecipeError(
            f"{request.model} is not a run's folder, so name the data to evaluate on: --data NAME --root DIR, "
            "or --data TABLE"
        )
    given = {"root": request.root, "check_counts": request.check_counts}
    section = recipe.data.model_copy(update={key: value for key, value in given.items() if value is not None})
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
