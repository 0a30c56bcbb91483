"""The weights that stay of a model which has learned from a gallery."""

import shutil
from pathlib import Path

from passerby.methods import find_method
from passerby.models.checkpoint import read_description, read_tensors, save_tensors

KEPT = ("recipe.yaml", "environment.json", "metrics.jsonl")
"""Files of a training run that say how it was trained, and nothing of whom."""


def keep_trained(run: Path, folder: Path) -> Path:
    """Copy the weights of a finished training, without those that belong to one person each, and how it was trained.

    Classifiers and prompts have a row for each person learned from, which embedding does not need.

    Args:
        run: the training's folder.
        folder: receives `model.safetensors`, and files that tell how it came about.

    Returns:
        The file of weights.
    """
    trained, kept = run / "model.safetensors", folder / "model.safetensors"
    description = read_description(trained)
    assert description is not None
    method = find_method(description["method"])
    tensors = {
        name: tensor
        for name, tensor in read_tensors(trained).items()
        if not (name.startswith(method.class_sized) and name.startswith(method.training_only))
    }
    for name in KEPT:
        if (run / name).is_file():
            shutil.copyfile(run / name, folder / name)
    save_tensors(kept, tensors, description)
    return kept
