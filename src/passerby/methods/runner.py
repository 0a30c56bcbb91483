"""Run the stages of a recipe: devices, precision, checkpoints, resume, logs, progress."""

import logging
import os
import warnings
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import nn

from passerby import __version__
from passerby.config import Recipe
from passerby.errors import CheckpointError
from passerby.methods.checkpoints import AtomicCheckpointIO, SaveState
from passerby.methods.devices import choose_accelerator
from passerby.methods.epoch_report import EpochReport
from passerby.methods.initial_model import build_model
from passerby.methods.interruption import HeedInterruption, Interruption, interruptible
from passerby.methods.method import Method, find_method
from passerby.methods.process_roles import is_main_process
from passerby.methods.processes import check_processes, chosen_environment
from passerby.methods.run_directory import RunDirectory
from passerby.methods.stage import Stage
from passerby.methods.trained_cameras import cameras_set_aside
from passerby.methods.training_data import OpenedData, open_training_data
from passerby.methods.validation import NAME, ValidateEpochs
from passerby.models.checkpoint import load_strictly, read_tensors, save_model


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
    _quieten_libraries()
    with interruptible(folder) as interruption:
        return _train(recipe, RunDirectory(folder), interruption, resume=resume)


def _train(recipe: Recipe, run: RunDirectory, interruption: Interruption, *, resume: bool) -> Path | None:
    method = find_method(recipe.method)
    check_processes(recipe.trainer)
    accelerator = choose_accelerator(recipe.trainer)
    if resume:
        run.check_unchanged(recipe)
        if run.model_file.exists():
            return run.model_file if is_main_process() else None
    elif is_main_process():
        run.check_new()
    data = open_training_data(recipe, method, retry_unreadable=not resume)
    if resume:
        run.check_same_data(recipe, data.record)
    model = build_model(recipe, method, data)
    if is_main_process():
        run.reopen(recipe, data.record) if resume else run.create(recipe, data.record)
    stages = method.stages(recipe, model, data.training, run.folder)
    for number, stage in enumerate(stages):
        if stage.epochs == 0:
            continue
        if run.weights_file(stage.name).exists():
            _load_finished(model, run.weights_file(stage.name))
            continue
        watchers = _validation(recipe, method, model, data, run) if number == len(stages) - 1 else []
        _fit(stage, recipe, run, accelerator, watchers, interruption)
    if not is_main_process():
        return None
    save_model(run.model_file, model, _description(recipe, method, model, data))
    return run.model_file


def _fit(
    stage: Stage,
    recipe: Recipe,
    run: RunDirectory,
    accelerator: str,
    watchers: list[Callback],
    interruption: Interruption,
) -> None:
    state = run.state_file(stage.name)
    resumed = state.exists()
    stage.set_trainable()
    trainer = Trainer(
        accelerator=accelerator,
        devices=recipe.trainer.devices,
        num_nodes=recipe.trainer.nodes,
        strategy="ddp" if recipe.trainer.devices * recipe.trainer.nodes > 1 else "auto",
        precision=recipe.trainer.precision,
        max_epochs=stage.epochs,
        accumulate_grad_batches=recipe.trainer.accumulate,
        reload_dataloaders_every_n_epochs=1,
        callbacks=[
            EpochReport(run),
            *watchers,
            SaveState(state, recipe.trainer.checkpoint_every_steps),
            HeedInterruption(interruption),
        ],
        logger=_loggers(run, stage),
        plugins=[AtomicCheckpointIO(), chosen_environment()],
        default_root_dir=run.folder,
        deterministic="warn",
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    interruption.watch(trainer)
    trainer.fit(stage, ckpt_path=state if resumed else None)
    interruption.check()
    for watcher in watchers:
        if isinstance(watcher, ValidateEpochs):
            watcher.restore_selected(stage)
    if trainer.is_global_zero:
        save_model(run.weights_file(stage.name), stage.model, {"stage": stage.name})
        state.unlink(missing_ok=True)
    trainer.strategy.barrier("stage")
    stage.model.to("cpu")


def _load_finished(model: nn.Module, file: Path) -> None:
    try:
        load_strictly(model, read_tensors(file), source=str(file))
    except CheckpointError as error:
        raise CheckpointError(f"{error}; it holds a finished stage: delete it to train that stage again") from error


def _loggers(run: RunDirectory, stage: Stage) -> list[Any]:
    """CSV and TensorBoard; a resumed stage writes its CSV into a new part, because the logger would overwrite it."""
    logs = run.folder / "logs"
    part = len(list(logs.glob(f"csv/{stage.name}-part*"))) + 1
    return [
        CSVLogger(run.folder, name="logs/csv", version=f"{stage.name}-part{part}"),
        TensorBoardLogger(run.folder, name="logs", version="tensorboard"),
    ]


def _validation(
    recipe: Recipe, method: Method, model: nn.Module, data: OpenedData, run: RunDirectory
) -> list[Callback]:
    if data.validation is None:
        return []
    _, transform = method.transforms(recipe)
    description = _description(recipe, method, model, data)
    cameras = None
    if description.get("camera_slots"):
        cameras = cameras_set_aside(data.training.split, data.validation, NAME)
    return [ValidateEpochs(recipe, data.validation, transform, run, description, cameras)]


def _description(recipe: Recipe, method: Method, model: nn.Module, data: OpenedData) -> dict[str, Any]:
    return {
        **method.describe(recipe, model),
        "method": recipe.method,
        "passerby": __version__,
        "trained_on": data.sets,
        "identities": data.training.classes,
        "seed": recipe.seed,
    }


def _quieten_libraries() -> None:
    """Hide what libraries say about our choices; what matters to a user, passerby says itself."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products on CUDA
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
