"""Training leaves the process as it found it."""

import logging
import warnings
from pathlib import Path

import torch

from passerby.methods.runner import train
from tests.methods.small_world import nano_recipe, write_small_world


def settings() -> tuple[object, ...]:
    return (
        list(warnings.filters),
        logging.getLogger("lightning.pytorch").level,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
    )


def test_filters_levels_and_determinism_are_restored(tmp_path: Path) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.INFO)
    before = settings()
    recipe = nano_recipe(write_small_world(tmp_path / "world"), "stage1.epochs=0", "stage2.epochs=1")
    train(recipe, tmp_path / "run")
    assert settings() == before
