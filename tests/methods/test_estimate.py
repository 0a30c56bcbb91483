"""What a dry run counts besides the steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from passerby.methods import clip_reid
from passerby.methods.clip_reid import METHOD
from passerby.methods.estimate import estimate_training
from passerby.methods.initial_model import build_model
from passerby.methods.training_data import open_training_data
from tests.methods.small_world import nano_recipe, write_small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


def counted(monkeypatch: pytest.MonkeyPatch, name: str, calls: dict[str, int]) -> None:
    original: Callable[..., Any] = getattr(clip_reid, name)

    def wrapped(*arguments: Any, **options: Any) -> Any:
        calls[name] = calls.get(name, 0) + 1
        return original(*arguments, **options)

    monkeypatch.setattr(clip_reid, name, wrapped)


def test_features_texts_and_the_text_loss_are_tried(monkeypatch: pytest.MonkeyPatch, world: Path) -> None:
    calls: dict[str, int] = {}
    for name in ("features_of", "encode_all_prompts", "image_to_text"):
        counted(monkeypatch, name, calls)
    prompts, images = estimate_training(nano_recipe(world))
    assert calls == {"features_of": 2, "encode_all_prompts": 1, "image_to_text": 3}
    for stage in (prompts, images):
        assert stage.preparation_seconds > 0
        assert stage.seconds == pytest.approx(stage.preparation_seconds + stage.steps * stage.seconds_per_step)
    calls.clear()
    (baseline,) = estimate_training(nano_recipe(world, "model.prompts=false"))
    assert (calls, baseline.name) == ({}, "stage2-images")


@pytest.mark.parametrize(("processes", "pieces"), [(1, 7), (3, 3)])
def test_every_image_is_extracted_once(
    monkeypatch: pytest.MonkeyPatch, world: Path, processes: int, pieces: int
) -> None:
    monkeypatch.setattr(clip_reid, "EXTRACTION_BATCH", 5)
    recipe = nano_recipe(world)
    data = open_training_data(recipe, METHOD, decode=False)
    assert len(data.training.split) == 32
    stage, _ = METHOD.stages(recipe, build_model(recipe, METHOD, data), data.training, Path())
    (extraction,) = stage.preparations(processes)
    assert extraction.pieces == pieces
