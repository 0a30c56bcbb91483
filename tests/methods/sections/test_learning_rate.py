"""Learning rates against the published schedulers, stepped by their own code, and against arrays made in advance."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from passerby.config import check_recipe, read_recipe
from passerby.methods.cion.recipe import CionRecipe
from passerby.methods.clip_reid.recipe import ClipReidRecipe
from passerby.methods.saga.recipe import BackboneStageSection
from passerby.methods.sections.clip import ImageTowerSection
from passerby.methods.sections.learning_rate import LearningRate, Position, half_cosine, lr_at

VIT_PROMPTS = {
    1: 7.8e-5, 2: 1.46e-4, 4: 2.82e-4, 5: 3.485071e-4, 6: 3.478516e-4, 30: 2.988901e-4, 60: 1.755e-4,
    100: 2.437857e-5, 119: 1.059797e-6, 120: 1e-6,
}  # fmt: skip
RN50_PROMPTS = {5: 3.440541e-4, 30: 1.755e-4, 60: 1e-6}
VIT_IMAGES = {1: 9.5e-7, 2: 1.4e-6, 5: 2.75e-6, 10: 5e-6, 29: 5e-6, 30: 5e-7, 49: 5e-7, 50: 5e-8, 60: 5e-8}
RN50_IMAGES = {1: 3.815e-5, 5: 1.7675e-4, 9: 3.1535e-4, 10: 3.5e-4, 39: 3.5e-4, 40: 3.5e-5, 69: 3.5e-5, 70: 3.5e-6}

PRETRAINING = CionRecipe(method="cion").training
PEAK = 1.875e-3 / 5e-4
"""960 images in a step."""


@pytest.mark.parametrize(
    ("recipe", "epochs", "prompts", "images"),
    [
        ("clip-reid-vit", (120, 60), VIT_PROMPTS, VIT_IMAGES),
        ("clip-reid-vit-sie-olp", (120, 60), VIT_PROMPTS, VIT_IMAGES),
        ("clip-reid-rn50", (60, 120), RN50_PROMPTS, RN50_IMAGES),
    ],
)
def test_learning_rates_are_those_of_the_published_schedulers(
    recipe: str, epochs: tuple[int, int], prompts: dict[int, float], images: dict[int, float]
) -> None:
    checked = check_recipe(ClipReidRecipe, read_recipe(recipe))
    assert (checked.stage1.epochs, checked.stage2.epochs) == epochs
    for section, length, expected in ((checked.stage1, epochs[0], prompts), (checked.stage2, epochs[1], images)):
        for epoch, lr in expected.items():
            assert lr_at(section, Position(epoch - 1), length) == pytest.approx(lr, rel=1e-6), epoch


def test_half_a_cosine_falls_from_the_end_of_the_warm_up_to_a_hundredth() -> None:
    section = ImageTowerSection(decay="cosine", lr=0.01, warmup_epochs=4)
    rates = [lr_at(section, Position(epoch - 1), 20) for epoch in (1, 2, 3, 10, 20)]
    assert rates[:3] == pytest.approx([0.00325, 0.0055, 0.00775])
    assert rates[3] == pytest.approx((0.01 + 0.0001) / 2), "half of the way"
    assert rates[4] == pytest.approx(0.0001)


@pytest.mark.parametrize("decay", ["constant", "steps", "cosine"])
def test_without_warm_up_the_first_epoch_has_the_whole_rate(decay: str) -> None:
    section = ImageTowerSection.model_validate({"decay": decay, "warmup_epochs": 0, "lr": 0.01})
    assert lr_at(section, Position(0), 1000) == pytest.approx(0.01, rel=1e-4)


def test_the_start_of_a_warm_up_is_idle_without_one() -> None:
    assert "warmup_start_factor" in LearningRate(warmup_epochs=0).idle_keys()
    assert "warmup_start_factor" not in LearningRate(warmup_epochs=0.5).idle_keys()
    assert "warmup_start_factor" not in BackboneStageSection(warmup_epochs=0, warmup_steps=10).idle_keys()
    assert "warmup_start_factor" not in BackboneStageSection(warmup_epochs=1, warmup_steps=0).idle_keys()
    assert "warmup_start_factor" in BackboneStageSection(warmup_epochs=0, warmup_steps=0).idle_keys()


def test_a_constant_rate_stays_where_the_warm_up_ends() -> None:
    section = LearningRate(lr=1.0, warmup_epochs=2, decay="constant", min_lr_factor=0.3)
    assert [lr_at(section, Position(epoch), 5) for epoch in range(5)] == pytest.approx([0.1, 0.55, 1, 1, 1])


def rate(position: Position) -> float:
    return lr_at(PRETRAINING, position, 100, peak_factor=PEAK)


def array(value: Callable[[Position], float], lengths: Sequence[int] = (10,) * 100) -> list[float]:
    return [value(Position(epoch, step, steps)) for epoch, steps in enumerate(lengths) for step in range(steps)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (rate, {0: 0, 50: 9.46970e-4, 99: 1.875e-3, 100: 1.875e-3, 550: 9.38e-4, -1: 1.005709e-6}),
        (CionRecipe(method="cion").weight_decay_at, {0: 0.04, 500: 0.22, -1: 0.39999911}),
        (CionRecipe(method="cion").momentum_at, {0: 0.996, 500: 0.998, -1: 0.99999999}),
    ],
)
def test_golden_values_by_step(value: Callable[[Position], float], expected: dict[int, float]) -> None:
    values = array(value)
    assert len(values) == 1000
    for place, number in expected.items():
        assert values[place] == pytest.approx(number, rel=1e-6, abs=1e-8)


def test_the_array_is_that_of_a_warm_up_and_a_cosine() -> None:
    warm = np.linspace(0, 1.875e-3, 70)
    falling = 1e-6 + 0.5 * (1.875e-3 - 1e-6) * (1 + np.cos(np.pi * np.arange(630) / 630))
    assert array(rate, (7,) * 100) == pytest.approx(np.concatenate([warm, falling]), rel=1e-9)


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        (rate, 1.875e-3, 1e-6),
        (CionRecipe(method="cion").weight_decay_at, 0.04, 0.4),
        (CionRecipe(method="cion").momentum_at, 0.996, 1.0),
    ],
)
def test_a_curriculum_makes_no_leaps(value: Callable[[Position], float], start: float, end: float) -> None:
    values = array(value, [24] * 40 + [12] * 20 + [8] * 20 + [6] * 20)
    assert np.abs(np.diff(values)).max() < abs(start - end) / 10 / 5
    later = np.diff(values[24 * 10 :]) * (1 if end > start else -1)
    assert (later >= 0).all()
    assert values[-1] == pytest.approx(end, rel=0.02)


def test_a_warm_up_of_one_step_is_possible() -> None:
    section = PRETRAINING.model_copy(update={"lr": 1.0, "warmup_epochs": 1, "min_lr_factor": 0.0})
    assert lr_at(section, Position(0, 0, 1), 2) == 0
    assert lr_at(section, Position(1, 0, 1), 2) == 1


def test_half_a_cosine_goes_from_start_to_end() -> None:
    assert [half_cosine(1.0, 0.5, share) for share in (0.0, 0.5, 1.0)] == pytest.approx([1, 0.75, 0.5])


def test_a_stage_of_one_epoch_has_the_whole_rate_where_the_last_epoch_ends_the_cosine() -> None:
    section = BackboneStageSection(lr=0.5, warmup_steps=0, decay="cosine", min_lr_factor=0.01)
    assert [lr_at(section, Position(epoch), 1) for epoch in (0,)] == [0.5]
    assert [lr_at(section, Position(epoch), 3) for epoch in range(3)] == pytest.approx([0.5, 0.2525, 0.005])
