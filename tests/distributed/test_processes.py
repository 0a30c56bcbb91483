"""Gathering across processes, with real processes."""

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from passerby.config import TrainerSection
from passerby.distributed.processes import (
    check_processes,
    gather_labels,
    gather_numbers,
    gather_with_gradient,
    process_count,
    process_number,
)
from passerby.distributed.roles import is_launched_helper
from passerby.errors import DeviceError
from passerby.losses.triplet import batch_hard_triplet
from passerby.training.cluster_environment import chosen_environment
from tests.distributed.two_processes import in_two_processes

_LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 0, 0])


def _features() -> Tensor:
    return torch.randn(8, 5, generator=torch.Generator().manual_seed(3))


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nobody had started this process, even where SLURM or torchrun started the tests."""
    own = ("TORCHELASTIC_RUN_ID", "LOCAL_RANK", "RANK", "NODE_RANK", "LOCAL_WORLD_SIZE", "WORLD_SIZE")
    for name in [name for name in os.environ if name in own or name.startswith("SLURM_")]:
        monkeypatch.delenv(name)


def _gradient_of_a_share(rank: int, folder: Path) -> None:
    assert process_count() == 2
    rows = slice(4 * rank, 4 * rank + 4)
    features, labels = _features()[rows].requires_grad_(), _LABELS[rows]
    others, other_labels = gather_with_gradient(features), gather_labels(labels)
    loss = batch_hard_triplet(features, labels, candidates=others, candidate_labels=other_labels)
    loss.backward()
    torch.save({"loss": loss.detach(), "gradient": features.grad, "others": others.detach()}, folder / f"{rank}.pt")
    assert process_number() == rank
    assert gather_numbers([rank + 0.1, 2.0], torch.device("cpu")) == [[0.1, 2.0], [1.1, 2.0]]


def test_gathered_triplets_have_the_gradient_of_one_process(tmp_path: Path) -> None:
    in_two_processes(_gradient_of_a_share, tmp_path)
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    whole = _features().requires_grad_()
    loss = batch_hard_triplet(whole, _LABELS)
    loss.backward()
    assert whole.grad is not None
    torch.testing.assert_close(parts[0]["others"], whole.detach())
    torch.testing.assert_close((parts[0]["loss"] + parts[1]["loss"]) / 2, loss.detach())
    # DDP averages what the processes hold of a shared parameter; features are not shared, so theirs is twice the share
    torch.testing.assert_close(torch.cat([part["gradient"] for part in parts]) / 2, whole.grad)


def test_one_process_gathers_nothing() -> None:
    values = torch.randn(3, 2)
    assert gather_with_gradient(values) is values
    assert gather_labels(_LABELS) is _LABELS
    assert gather_numbers([0.1], torch.device("cpu")) == [[0.1]]
    assert process_number() == 0


def section(devices: int = 1, nodes: int = 1) -> TrainerSection:
    return TrainerSection(devices=devices, nodes=nodes)


def test_several_machines_need_torchrun() -> None:
    check_processes(section(devices=2))
    with pytest.raises(DeviceError, match="torchrun --nnodes 2 --nproc-per-node 3 -m passerby train"):
        check_processes(section(devices=3, nodes=2))


def test_torchrun_and_recipe_have_to_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    check_processes(section(devices=2, nodes=2))
    with pytest.raises(DeviceError, match="started 2 processes here and 4 in all"):
        check_processes(section())


def test_copies_that_slurm_starts_are_refused_and_its_one_task_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "2")
    check_processes(section(devices=2))  # a shell in an allocation
    monkeypatch.setenv("SLURM_PROCID", "0")
    check_processes(section(devices=2))  # a script of sbatch
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    with pytest.raises(DeviceError, match=r"SLURM starts this command 2 times .* use one task on each machine"):
        check_processes(section(devices=2))
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    check_processes(section(devices=2))
    assert type(chosen_environment()).__name__ == "LightningEnvironment"
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "LOCAL_WORLD_SIZE": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")  # torchrun on each of two machines
    check_processes(section(nodes=2))
    assert type(chosen_environment()).__name__ == "TorchElasticEnvironment"


def test_helpers_are_told_from_equals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_launched_helper()
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert is_launched_helper()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    assert not is_launched_helper()
