"""Several batches to a step: the gradient is the mean of theirs, and what is reported is a batch's loss."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from passerby.training.lightning_stage import LightningStage
from passerby.training.runner import train
from tests.methods.small_world import nano_recipe, write_small_world
from tests.training.counted_stage import CountedStage


class Gradients(Callback):
    """Keeps the weight's gradient at each of the optimiser's steps."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: torch.optim.Optimizer) -> None:
        self.seen.append(float(pl_module.stage.model.weight.grad))


@pytest.mark.parametrize(
    ("steps", "accumulate", "expected"),
    [
        ((11,), 10, [5.5, 11]),
        ((4,), 2, [1.5, 3.5]),
        ((2, 5), 3, [1.5, 2, 4.5]),  # 1 2 | 1 2 3, 4 5
        ((3,), 1, [1, 2, 3]),
    ],
)
def test_every_step_has_the_mean_gradient_of_its_batches(
    steps: tuple[int, ...], accumulate: int, expected: list[float]
) -> None:
    gradients = Gradients()
    Trainer(
        accelerator="cpu", max_epochs=len(steps), logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, reload_dataloaders_every_n_epochs=1, accumulate_grad_batches=accumulate,
        callbacks=[gradients],
    ).fit(LightningStage(CountedStage("slope", steps)))  # fmt: skip
    assert gradients.seen == pytest.approx(expected)


def test_accumulating_leaves_the_reported_losses_alone(tmp_path: Path) -> None:
    world = write_small_world(tmp_path / "world", identities=16)
    still = ("stage1.epochs=0", "stage2.epochs=1", "stage2.lr=0", "stage2.identities_per_batch=2")
    lines, logged = [], []
    for accumulate in (1, 2):
        folder = tmp_path / str(accumulate)
        train(nano_recipe(world, *still, f"trainer.accumulate={accumulate}"), folder)
        (line,) = (json.loads(text) for text in (folder / "metrics.jsonl").read_text().splitlines())
        lines.append({name: value for name, value in line.items() if name not in ("seconds", "learning_rate")})
        (table,) = folder.glob("logs/csv/*/metrics.csv")
        logged.append([float(row["stage2-images/loss"]) for row in csv.DictReader(table.open()) if row["epoch"]])
    assert lines[0]["steps"] > 2
    assert lines[0] == pytest.approx(lines[1])
    assert logged[0] == pytest.approx(logged[1])
