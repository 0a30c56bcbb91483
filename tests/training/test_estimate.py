"""What a dry run counts besides the steps."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from passerby.errors import RecipeError
from passerby.methods.clip_reid import method as clip_reid
from passerby.methods.clip_reid.method import ClipReidMethod
from passerby.methods.stages import prompt_stage, text_features
from passerby.training import estimate
from passerby.training.estimate import estimate_training
from passerby.training.initialisation import build_model
from passerby.training.training_data import open_training_data
from tests.methods.small_world import nano_recipe, write_small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


class Clock:
    """Time that passes only where something is computed: so many seconds at each call."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: dict[str, int] = {}

    def perf_counter(self) -> float:
        return self.now

    def charge(self, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, seconds: float) -> None:
        original: Callable[..., Any] = getattr(place, name)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.now += seconds
            self.calls[name] = self.calls.get(name, 0) + 1
            return original(*arguments, **options)

        monkeypatch.setattr(place, name, wrapped)


def test_everything_that_takes_time_is_counted_as_often_as_training_does_it(
    monkeypatch: pytest.MonkeyPatch, world: Path
) -> None:
    clock = Clock()
    monkeypatch.setattr(estimate, "time", clock)
    monkeypatch.setattr(estimate, "has_bfloat16", lambda: False)
    monkeypatch.setattr(prompt_stage, "EXTRACTION_BATCH", 5)
    for place, name, seconds in (
        (prompt_stage, "features_of", 100.0),
        (prompt_stage, "supervised_contrastive", 0.5),
        (text_features, "encode_all_prompts", 1_000.0),
        (clip_reid, "image_to_text", 3.0),
    ):
        clock.charge(monkeypatch, place, name, seconds)
    prompts, images = estimate_training(nano_recipe(world, "stage1.epochs=5", "stage2.epochs=7"))
    assert clock.calls == {"features_of": 2, "supervised_contrastive": 6, "encode_all_prompts": 1, "image_to_text": 3}
    assert prompts.preparation_seconds == pytest.approx(700), "32 images, five at a time"
    assert prompts.seconds_per_step == pytest.approx(1), "of images with texts, and of texts with images"
    assert prompts.steps == 20, "32 images in batches of 8, five times"
    assert prompts.seconds == pytest.approx(720)
    assert images.preparation_seconds == pytest.approx(1_000)
    assert images.seconds_per_step == pytest.approx(3)
    assert images.seconds == pytest.approx(1_000 + 3 * images.steps)
    clock.calls.clear()
    (baseline,) = estimate_training(nano_recipe(world, "model.prompts=false"))
    assert (clock.calls, baseline.name, baseline.seconds) == ({}, "stage2-images", 0.0)


def test_no_batch_is_larger_than_the_data(monkeypatch: pytest.MonkeyPatch, world: Path) -> None:
    sizes: list[int] = []
    original = prompt_stage.supervised_contrastive

    def noted(first: Tensor, *more: Tensor) -> Tensor:
        sizes.append(len(first))
        return original(first, *more)

    monkeypatch.setattr(prompt_stage, "supervised_contrastive", noted)
    prompts, _ = estimate_training(nano_recipe(world, "stage1.batch_size=60000"))
    assert set(sizes) == {32}
    assert prompts.steps == 2


@pytest.mark.parametrize(("processes", "pieces"), [(1, 7), (3, 3)])
def test_every_image_is_extracted_once(
    monkeypatch: pytest.MonkeyPatch, world: Path, processes: int, pieces: int
) -> None:
    monkeypatch.setattr(prompt_stage, "EXTRACTION_BATCH", 5)
    recipe = nano_recipe(world)
    data = open_training_data(recipe, ClipReidMethod(), decode=False)
    assert len(data.training.split) == 32
    stage, _ = ClipReidMethod().stages(recipe, build_model(recipe, ClipReidMethod(), data, None), data.training, Path())
    (extraction,) = stage.preparations(processes)
    assert extraction.pieces == pieces


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.architecture=nobody", "model.architecture: unknown name 'nobody'"),
        ("model.image_size=[4, 4]", "model.image_size: 4×4 is too small for a patch"),
        ("model.stride=99", "model.stride: 99 does not lie between 1 and the patch size"),
        ("trainer.callbacks=[nobody]", "trainer.callbacks: unknown name 'nobody'"),
        ("added_losses.nobody=1", "added_losses.nobody: unknown loss"),
    ],
)
def test_what_is_wrong_with_any_data_is_told_before_the_batch_size(world: Path, override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(message)):
        estimate_training(nano_recipe(world, "stage2.identities_per_batch=999", override))


@pytest.mark.parametrize(
    ("units", "precision", "tried"), [(True, "32", True), (False, "32", False), (True, "bf16-mixed", False)]
)
def test_bfloat16_is_tried_where_the_processor_has_it_and_the_recipe_does_not_ask_for_it(
    monkeypatch: pytest.MonkeyPatch, world: Path, units: bool, precision: str, tried: bool
) -> None:
    monkeypatch.setattr(estimate, "has_bfloat16", lambda: units)
    found: list[str] = []
    original = estimate._step

    def noting(stage: Any, optimiser: Any, batch: Any, precision: str, device: Any) -> None:
        found.append(precision)
        original(stage, optimiser, batch, precision, device)

    monkeypatch.setattr(estimate, "_step", noting)
    (stage,) = estimate_training(nano_recipe(world, "stage1.epochs=0", f"trainer.precision={precision}"))
    assert found == [precision] * 3 + ["bf16-mixed"] * (3 if tried else 0)
    assert (stage.seconds_per_step_bf16 is not None) == tried
