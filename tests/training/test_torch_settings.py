"""Training puts back the settings of the process that it changes."""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from passerby.training.runner import train
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


@pytest.fixture
def unlike_training() -> Iterator[None]:
    """Settings other than those that training wants, for the one test."""
    logger = logging.getLogger("lightning.pytorch")
    level, benchmark = logger.level, torch.backends.cudnn.benchmark
    logger.setLevel(logging.INFO)
    torch.backends.cudnn.benchmark = True
    yield
    logger.setLevel(level)
    torch.backends.cudnn.benchmark = benchmark


@pytest.mark.usefixtures("unlike_training")
def test_filters_levels_and_determinism_are_restored(tmp_path: Path) -> None:
    before = settings()
    recipe = nano_recipe(write_small_world(tmp_path / "world"), "stage1.epochs=0", "stage2.epochs=1")
    train(recipe, tmp_path / "run")
    assert settings() == before
