"""Evaluate a model, write `metrics.json` and the page of rank lists."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from passerby.data.manifest import open_data
from passerby.data.split import Benchmark
from passerby.errors import DataError, RecipeError
from passerby.methods.embedder import Embedder, load
from passerby.methods.evaluation import Evaluation, evaluate_in_full
from passerby.methods.experiment import stored_recipe
from passerby.methods.run_directory import RunDirectory
from passerby.methods.training_data import open_sets
from passerby.report.rank_lists import write_rank_lists


@dataclass(frozen=True)
class EvaluationRequest:
    """What `passerby eval` was asked for; the fields are its options."""

    model: str
    data: str | None = None
    root: Path | None = None
    out: Path | None = None
    metric: Literal["cosine", "euclidean"] = "cosine"
    batch_size: int = 64
    device: str | None = None
    skip_unreadable: bool = False
    check_counts: bool = True
    allow_torchscript: bool = False


@dataclass(frozen=True)
class ReportedEvaluation:
    """Figures of one data set, and where their page is."""

    figures: dict[str, Any]
    page: Path


def evaluate_and_report(request: EvaluationRequest) -> list[ReportedEvaluation]:
    """Evaluate on the data set named, or on every set of the run's recipe that has a query and a gallery.

    Raises:
        PasserbyError: the model or the data cannot be used.
    """
    sets = _sets(request)
    embedder = load(request.model, device=request.device, allow_torchscript=request.allow_torchscript)
    folder = request.out or _default_folder(request.model)
    return [
        report_evaluation(
            evaluate_in_full(
                embedder,
                each,
                batch_size=request.batch_size,
                metric=request.metric,
                skip_unreadable=request.skip_unreadable,
            ),
            embedder,
            folder,
        )
        for each in sets
    ]


def report_evaluation(evaluation: Evaluation, embedder: Embedder, folder: Path) -> ReportedEvaluation:
    """Write the page, and the figures into the folder's `metrics.json` under the data set's name."""
    result = evaluation.result
    figures = {
        "data": evaluation.name,
        **result.to_dict(),
        "gallery": len(evaluation.gallery),
        "unreadable": evaluation.unreadable,
        "dimension": embedder.dimension,
    }
    file_name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in evaluation.name).strip("-")
    page = write_rank_lists(
        folder / "report" / f"{file_name}.html",
        evaluation.query,
        evaluation.gallery,
        evaluation.query_features,
        evaluation.gallery_features,
        result,
        title=evaluation.name,
    )
    _update_json(folder / "metrics.json", evaluation.name, figures)
    return ReportedEvaluation(figures, page)


def evaluable(sets: Sequence[Benchmark]) -> list[Benchmark]:
    """Those that have a query and a gallery."""
    return [each for each in sets if each.query is not None and each.gallery is not None]


def _sets(request: EvaluationRequest) -> list[Benchmark]:
    if request.data is not None:
        return [open_data(request.data, request.root, check_counts=request.check_counts)]
    run = RunDirectory(Path(request.model).expanduser())
    if not run.recipe_file.is_file():
        raise RecipeError("name the data to evaluate on: --data NAME --root DIR, or --data TABLE")
    found = evaluable(open_sets(stored_recipe(run).data))
    if not found:
        raise DataError(f"{request.model}: its data has no query and gallery: name data that has with --data")
    return found


def _default_folder(model: str) -> Path:
    path = Path(model).expanduser()
    return path if path.is_dir() else Path("evaluation") / path.stem


def _update_json(file: Path, name: str, figures: dict[str, Any]) -> None:
    content = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    content[name] = figures
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".partial")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    temporary.replace(file)
