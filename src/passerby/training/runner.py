"""Run the stages of a recipe, from the first unfinished one to the trained model."""

import errno
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import nn

from passerby.config import Recipe
from passerby.distributed.devices import choose_accelerator
from passerby.distributed.processes import check_processes
from passerby.distributed.roles import is_main_process
from passerby.errors import CheckpointError, PasserbyError
from passerby.evaluation.preflight import check_decodable
from passerby.inference.camera_embedding import cameras_set_aside
from passerby.methods import find_method
from passerby.methods.added_losses import add_losses, find_losses
from passerby.methods.method import Method
from passerby.models.checkpoint import load_strictly, read_tensors, save_model
from passerby.runs.provenance import Provenance
from passerby.runs.recipe_data import open_sets
from passerby.runs.run_directory import RunDirectory
from passerby.runs.run_lock import alone_in
from passerby.training.early_checks import check_before_data
from passerby.training.fit_stage import fit_stage
from passerby.training.initialisation import build_model, read_init
from passerby.training.interruption import Interruption, interruptible
from passerby.training.torch_settings import torch_settings
from passerby.training.training_data import OpenedData, open_training_data
from passerby.training.validation import NAME, ValidateEpochs
from passerby.version import __version__

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)


def train(recipe: Recipe, folder: Path, *, resume: bool = False) -> Path | None:
    """Train a recipe from its first unfinished stage to `model.safetensors` in the run's folder.

    Args:
        recipe: of the method's schema.
        folder: of the run; new, or with `resume` one that holds a run of the same recipe.
        resume: continue from the last complete checkpoint; ends with the weights of an uninterrupted run.

    Returns:
        The file of the trained model, which embeds and evaluates; None in processes other than the first.

    Raises:
        PasserbyError: anything a user can set right; `InterruptedRunError` after Ctrl-C.
    """
    run = RunDirectory(folder)
    with torch_settings(), interruptible(folder) as interruption, _translated_disk_errors(run), ExitStack() as lock:
        method = find_method(recipe.method)
        check_before_data(recipe)
        check_processes(recipe.trainer)
        accelerator = choose_accelerator(recipe.trainer)
        if resume:
            run.check_unchanged(recipe)
            if is_main_process():
                lock.enter_context(alone_in(folder))
            if run.model_file.exists():
                return _finished(recipe, method, run) if is_main_process() else None
        elif is_main_process():
            run.check_new(method.run_artifacts)
        data, model = _begin(recipe, method, run, lock, resume=resume)
        _train_stages(recipe, method, run, data, model, accelerator, interruption)
        if not is_main_process():
            return None
        save_model(run.model_file, model, _description(recipe, method, model, data))
        return run.model_file


def _finished(recipe: Recipe, method: Method[Any, Any], run: RunDirectory) -> Path:
    """The model of a finished run, after checking that the data are still those of the run."""
    sets, provenance = [] if method.draws_images else open_sets(recipe.data), Provenance(run)
    provenance.compare(sets, skip_unreadable=recipe.data.skip_unreadable)
    provenance.update(sets)
    run.reopen(recipe)
    return run.model_file


def _begin(
    recipe: Recipe, method: Method[Any, Any], run: RunDirectory, lock: ExitStack, *, resume: bool
) -> tuple[OpenedData, nn.Module]:
    """Open and check the data and build the initial model; last, the first process makes and locks the run's folder."""
    skip, provenance = recipe.data.skip_unreadable, Provenance(run)
    init = read_init(recipe, method)
    left_out = provenance.left_out() if resume else None
    data = open_training_data(recipe, method, retry_unreadable=not resume, left_out=left_out)
    unread = is_main_process()
    if resume:
        unread = unread and provenance.compare(data.benchmarks, skip_unreadable=skip)
        provenance.compare_training_images(data.trained_on, skip_unreadable=skip)
    if unread:
        check_decodable(data.evaluated, skip_unreadable=skip)
    model = build_model(recipe, method, data, init)
    if recipe.added_losses:  # stages that cannot take them are refused before there is a run
        add_losses(method.stages(recipe, model, data.training, run.folder), find_losses(recipe.added_losses))
    if is_main_process():
        if not resume:
            lock.enter_context(alone_in(run.folder))
            run.check_holds_no_run()  # that another process has begun meanwhile
        provenance.update(data.benchmarks, data.trained_on, data.left_out)
        (run.reopen if resume else run.create)(recipe)
    return data, model


def _train_stages(
    recipe: Recipe,
    method: Method[Any, Any],
    run: RunDirectory,
    data: OpenedData,
    model: nn.Module,
    accelerator: str,
    interruption: Interruption,
) -> None:
    stages = method.stages(recipe, model, data.training, run.folder)
    add_losses(stages, find_losses(recipe.added_losses))
    for stage in stages:
        if stage.epochs == 0:
            continue
        if run.weights_file(stage.name).exists():
            _load_finished(model, run.weights_file(stage.name))
            if is_main_process():  # of a process that was killed between writing the weights and removing the state
                run.state_file(stage.name).unlink(missing_ok=True)
            continue
        validation = _validation(recipe, method, model, data, run) if stage is stages[-1] else None
        fit_stage(stage, recipe.trainer, run, accelerator, validation, interruption)


@contextmanager
def _translated_disk_errors(run: RunDirectory) -> Iterator[None]:
    """Turn errors of a full or failing disk into one line that names the file and how to go on."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        if not _is_of_disk(error):
            raise
        place = (error.filename if isinstance(error, OSError) else None) or run.folder
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        go_on = f"passerby train --resume {shlex.quote(str(run.folder))}"
        how = f"then `{go_on}`" if run.recipe_file.is_file() else "then start again"
        raise PasserbyError(f"{place}: {reason}: see that it may be written and has room, {how}") from error


def _is_of_disk(error: OSError | SafetensorError) -> bool:
    """Whether a file could not be written, and would be if the disk let it."""
    if isinstance(error, OSError):
        return error.errno in _DISK
    return str(error).startswith("Error while serializing: I/O error")


def _load_finished(model: nn.Module, file: Path) -> None:
    try:
        load_strictly(model, read_tensors(file), source=str(file))
    except CheckpointError as error:
        raise CheckpointError(f"{error}; it holds a finished stage: delete it to train that stage again") from error


def _validation(
    recipe: Recipe, method: Method[Any, Any], model: nn.Module, data: OpenedData, run: RunDirectory
) -> ValidateEpochs | None:
    if data.validation is None:
        return None
    _, transform = method.transforms(recipe)
    description = _description(recipe, method, model, data)
    cameras = None
    if description.get("camera_count"):
        cameras = cameras_set_aside(data.training.split, data.validation, NAME)
    return ValidateEpochs(recipe, data.validation, transform, run, description, cameras)


def _description(recipe: Recipe, method: Method[Any, Any], model: nn.Module, data: OpenedData) -> dict[str, Any]:
    return {
        **method.description(recipe, model),
        "passerby": __version__,
        "trained_on": data.sets,
        "identities": data.training.classes,
        "seed": recipe.seed,
    }
