"""A run that goes on, as `passerby train --resume` lets it."""

from pathlib import Path

from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.training.runner import train


def resume(folder: Path, *given: str) -> Path | None:
    """Go on in this process, with these overrides."""
    return train(resolve_recipe(TrainingRequest(None, given, resume=folder)), folder, resume=True)
