"""One process at a time trains in a folder, and a dead one keeps nobody out."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from passerby.errors import PasserbyError, RecipeError
from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.runs.run_lock import alone_in
from passerby.training.initialisation import build_model
from passerby.training.runner import train
from tests.methods.small_world import nano_recipe, write_small_world
from tests.training.started import SECONDS

HOLDS = """
import sys
from pathlib import Path
from passerby.runs.run_lock import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path) -> "subprocess.Popen[str]":
    """Another process that trains in the folder."""
    command = [sys.executable, "-c", HOLDS, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_folder_belongs_to_one_process_until_that_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    process = hold(folder)
    try:
        with (
            pytest.raises(PasserbyError, match=rf"^{re.escape(str(folder))}: another process trains there: wait"),
            alone_in(folder),
        ):
            pass
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)
    for _ in range(2):
        with alone_in(folder):
            pass


def test_a_run_that_another_process_began_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = nano_recipe(write_small_world(tmp_path / "world"), "stage1.epochs=0", "stage2.epochs=1")
    folder = tmp_path / "run"

    def build(*given: Any) -> nn.Module:
        folder.mkdir()
        (folder / "recipe.yaml").write_text("of another process")
        return build_model(*given)

    monkeypatch.setattr("passerby.training.runner.build_model", build)
    with pytest.raises(RecipeError, match="already holds a run"):
        train(recipe, folder)
    assert (folder / "recipe.yaml").read_text() == "of another process"


def test_neither_a_new_run_nor_a_resumed_one_joins_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = nano_recipe(write_small_world(tmp_path / "world"), "stage1.epochs=0", "stage2.epochs=1")
    folder = tmp_path / "run"
    process = hold(folder)
    try:
        with pytest.raises(PasserbyError, match="another process trains there"):
            train(recipe, folder)
        assert [path.name for path in folder.iterdir()] == [".lock"]
    finally:
        process.communicate(timeout=SECONDS)
    train(recipe, folder)
    (folder / "model.safetensors").unlink()
    again = resolve_recipe(TrainingRequest(None, resume=folder))
    process = hold(folder)
    try:
        with pytest.raises(PasserbyError, match="another process trains there"):
            train(again, folder, resume=True)
        assert not (folder / "model.safetensors").exists()
    finally:
        process.communicate(timeout=SECONDS)
    assert train(again, folder, resume=True) == folder / "model.safetensors"
