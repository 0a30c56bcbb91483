"""Looking at a validation split while training."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from passerby.errors import DataError
from passerby.methods.clip_reid.method import ClipReidMethod
from passerby.runs.run_directory import RunDirectory
from passerby.training import validation
from passerby.training.initialisation import build_model
from passerby.training.lightning_stage import LightningStage
from passerby.training.training_data import open_training_data
from passerby.training.validation import ValidateEpochs
from tests.methods.small_world import nano_recipe, write_small_world


def test_a_stage_keeps_its_modes_when_validation_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = nano_recipe(write_small_world(tmp_path / "world"), "data.validation.identities=1")
    data = open_training_data(recipe, ClipReidMethod())
    model = build_model(recipe, ClipReidMethod(), data, None)
    stage = ClipReidMethod().stages(recipe, model, data.training, tmp_path)[-1]
    stage.on_stage_start()
    model.get_submodule("text_encoder").eval()
    before = {name: part.training for name, part in model.named_modules()}

    def fail(embedder: Any, *_: object, **__: object) -> None:
        assert not any(part.training for part in embedder.model.modules())
        raise DataError("an image cannot be decoded")

    monkeypatch.setattr(validation, "evaluate_in_full", fail)
    assert data.validation is not None
    transform = data.training.test_transform
    callback = ValidateEpochs(recipe, data.validation, transform, RunDirectory(tmp_path / "run"), {})
    trainer = cast(Any, SimpleNamespace(current_epoch=stage.epochs - 1, is_global_zero=True))
    with pytest.raises(DataError, match="cannot be decoded"):
        callback.on_train_epoch_end(trainer, LightningStage(stage))
    assert {name: part.training for name, part in model.named_modules()} == before
    assert set(before.values()) == {True, False}
