"""Several processes that train one model."""

import os
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.distributed.nn.functional as distributed_functions
from torch import Tensor, distributed, nn

from passerby.config import TrainerSection
from passerby.distributed.roles import is_started_by_torchrun, tasks_of_slurm
from passerby.errors import DeviceError


def check_processes(section: TrainerSection) -> None:
    """Refuse a number of machines or processes other than were started.

    Raises:
        DeviceError: several machines without torchrun, torchrun started another number of processes, or SLURM started
            several copies that would not know of one another.
    """
    if is_started_by_torchrun():
        here, everywhere = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        if (here, everywhere) != (section.devices, section.processes):
            raise DeviceError(
                f"torchrun started {here} processes here and {everywhere} in all, but "
                f"trainer.devices={section.devices} and trainer.nodes={section.nodes}: make them agree"
            )
    elif section.nodes > 1:
        raise DeviceError(
            f"trainer.nodes={section.nodes}: several machines have to be started by torchrun on each of them: "
            f"torchrun --nnodes {section.nodes} --nproc-per-node {section.devices} -m passerby train …"
        )
    elif tasks_of_slurm() > 1:
        raise DeviceError(
            f"SLURM starts this command {tasks_of_slurm()} times (SLURM_STEP_NUM_TASKS): use one task on each "
            "machine (srun --ntasks-per-node 1), with trainer.devices for the processes in it; torchrun joins several "
            "machines"
        )


def gather_numbers(values: Sequence[float], device: torch.device) -> list[list[float]]:
    """The numbers of every process, in the order of processes; each brings equally many, and gets those of all."""
    if process_count() == 1:
        return [list(values)]
    own = torch.tensor(values, dtype=torch.float64, device=device)
    gathered = [torch.empty_like(own) for _ in range(process_count())]
    distributed.all_gather(gathered, own)
    return [[float(value) for value in each] for each in gathered]


def process_number() -> int:
    """Which of the processes this is, from 0."""
    return distributed.get_rank() if process_count() > 1 else 0


def process_count() -> int:
    """How many processes train together; 1 when training is not distributed."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def gather_with_gradient(values: Tensor) -> Tensor:
    """Rows of all processes, [processes · B, …], in the order of processes; every process brings equally many.

    Gradients of all processes' losses flow back to the process that a row came from, so that with DDP's averaging the
    result is the gradient of the mean loss.
    """
    if process_count() == 1:
        return values
    return torch.cat(distributed_functions.all_gather(values.contiguous()))


def gather_labels(labels: Tensor) -> Tensor:
    """Labels of all processes, int64 [processes · B], in the order of processes; or other rows, without gradient."""
    if process_count() == 1:
        return labels
    gathered = [torch.empty_like(labels) for _ in range(process_count())]
    distributed.all_gather(gathered, labels.detach().contiguous())
    return torch.cat(gathered)


def share_of(count: int) -> range:
    """Which of `count` rows are this process's; the shares of all processes are equal but for one row."""
    process, processes = process_number(), process_count()
    return range(count * process // processes, count * (process + 1) // processes)


def gather_shares(values: Tensor, count: int) -> Tensor:
    """Rows [count, …] of which every process brings its `share_of`, without gradient."""
    processes = process_count()
    if processes == 1:
        return values
    bounds = [count * number // processes for number in range(processes + 1)]
    lengths = [end - begin for begin, end in pairwise(bounds)]
    padded = values.new_zeros((max(lengths), *values.shape[1:]))
    padded[: len(values)] = values
    parts = gather_labels(padded).split(max(lengths))
    return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])


def average_over_processes(values: Tensor) -> Tensor:
    """The mean of a tensor that every process has, the same on all of them."""
    if process_count() == 1:
        return values
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total / process_count()


def take_buffers_of_first_process(module: nn.Module) -> None:
    """Let all processes have the first one's buffers, such as batch statistics, which each gathers from its own images.

    DDP does so at the beginning of each step; what runs between steps and has to be alike everywhere needs it too.
    """
    if process_count() > 1:
        for buffer in module.buffers():
            distributed.broadcast(buffer, 0)
