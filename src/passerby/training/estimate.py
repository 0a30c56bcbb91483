"""An estimate of the time and memory of a training, from a few steps on random pixels: `passerby train --dry-run`."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from passerby.config import Recipe
from passerby.distributed.devices import choose_accelerator
from passerby.distributed.processor import has_bfloat16
from passerby.methods import find_method
from passerby.methods.added_losses import add_losses, find_losses
from passerby.methods.stage import Stage
from passerby.training.early_checks import check_before_data
from passerby.training.initialisation import build_model, read_init
from passerby.training.training_data import open_training_data

_STEPS_TRIED = 3
_PIECES_TRIED = 2
_AUTOCAST = {"32": None, "16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}


@dataclass(frozen=True)
class StageEstimate:
    """The cost of one stage on one process.

    Attributes:
        name: of the stage.
        epochs: how many.
        steps: in all; an epoch's steps differ by a few because sampling is random.
        seconds_per_step: computing only, without reading images.
        preparation_seconds: before the first step: features of all training images, texts of all identities.
        seconds: of the whole stage, preparation included.
        memory: peak bytes of the process (CPU) or of the device's allocator (CUDA) after the steps tried.
        trainable: number of parameters that learn.
        seconds_per_step_bf16: the same step with `trainer.precision=bf16-mixed`; None where the recipe computes in
            half precision anyway, or the processor has no units for bfloat16.
    """

    name: str
    epochs: int
    steps: int
    seconds_per_step: float
    preparation_seconds: float
    seconds: float
    memory: int
    trainable: int
    seconds_per_step_bf16: float | None = None


def estimate_training(recipe: Recipe) -> list[StageEstimate]:
    """Build everything, decode nothing, and try a few steps of every stage; nothing is written.

    Raises:
        PasserbyError: whatever would stop the training itself: data, weights, device, precision.
    """
    check_before_data(recipe)
    device = torch.device(choose_accelerator(recipe.trainer))
    method = find_method(recipe.method)
    init = read_init(recipe, method)
    data = open_training_data(recipe, method, decode=False)
    model = build_model(recipe, method, data, init).to(device)
    stages = method.stages(recipe, model, data.training, None)
    add_losses(stages, find_losses(recipe.added_losses))
    return [_try(stage, recipe, device) for stage in stages if stage.epochs > 0]


def _try(stage: Stage, recipe: Recipe, device: torch.device) -> StageEstimate:
    stage.set_trainable()
    stage.to(device)
    processes = recipe.trainer.processes
    preparation = _prepare(stage, processes, device)
    batch = stage.example_batch()
    optimiser = stage.configure_optimizers()

    def seconds_in(precision: str) -> float:
        """The quickest of some steps, for others are held up by what else the machine does."""
        return min(
            _timed(lambda: _step(stage, optimiser, batch, precision, device), device) for _ in range(_STEPS_TRIED)
        )

    seconds, memory = seconds_in(recipe.trainer.precision), _peak_memory(device)
    worth_trying = recipe.trainer.precision == "32" and device.type == "cpu" and has_bfloat16()
    steps = stage.epochs * stage.steps_per_epoch(processes)
    return StageEstimate(
        name=stage.name,
        epochs=stage.epochs,
        steps=steps,
        seconds_per_step=seconds,
        preparation_seconds=preparation,
        seconds=preparation + seconds * steps,
        memory=memory,
        trainable=sum(parameter.numel() for parameter in stage.parameters() if parameter.requires_grad),
        seconds_per_step_bf16=seconds_in("bf16-mixed") if worth_trying else None,
    )


def _prepare(stage: Stage, processes: int, device: torch.device) -> float:
    """Begin the stage; returns the seconds of everything before the first step."""
    seconds = _timed(stage.on_stage_start, device)
    for each in stage.preparations(processes):
        seconds += each.pieces * min(_timed(each.piece, device) for _ in range(_PIECES_TRIED))
    return seconds


def _timed(work: Callable[[], object], device: torch.device) -> float:
    begun = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def _step(stage: Stage, optimiser: torch.optim.Optimizer, batch: Any, precision: str, device: torch.device) -> None:
    half = _AUTOCAST[precision]
    with torch.autocast(device.type, dtype=half, enabled=half is not None):
        loss = stage.all_losses(batch)["loss"]
    loss.backward()
    optimiser.step()  # with a learning rate of 0: the weights stay as they are
    optimiser.zero_grad()


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
