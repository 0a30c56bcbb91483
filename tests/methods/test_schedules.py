"""Learning rates against the published schedulers, stepped by their own code (saga.md, Appendix A)."""

import pytest

from passerby.config import check_recipe, read_recipe
from passerby.methods.clip_reid.recipe import ClipReidRecipe
from passerby.methods.sections.clip import image_schedule, prompt_schedule

VIT_PROMPTS = {
    1: 7.8e-5, 2: 1.46e-4, 4: 2.82e-4, 5: 3.485071e-4, 6: 3.478516e-4, 30: 2.988901e-4, 60: 1.755e-4,
    100: 2.437857e-5, 119: 1.059797e-6, 120: 1e-6,
}  # fmt: skip
RN50_PROMPTS = {5: 3.440541e-4, 30: 1.755e-4, 60: 1e-6}
VIT_IMAGES = {1: 9.5e-7, 2: 1.4e-6, 5: 2.75e-6, 10: 5e-6, 29: 5e-6, 30: 5e-7, 49: 5e-7, 50: 5e-8, 60: 5e-8}
RN50_IMAGES = {1: 3.815e-5, 5: 1.7675e-4, 9: 3.1535e-4, 10: 3.5e-4, 39: 3.5e-4, 40: 3.5e-5, 69: 3.5e-5, 70: 3.5e-6}


@pytest.mark.parametrize(
    ("recipe", "epochs", "prompts", "images"),
    [
        ("clip-reid-vit", (120, 60), VIT_PROMPTS, VIT_IMAGES),
        ("clip-reid-vit-sie-olp", (120, 60), VIT_PROMPTS, VIT_IMAGES),
        ("clip-reid-rn50", (60, 120), RN50_PROMPTS, RN50_IMAGES),
    ],
)
def test_rates_are_those_of_the_published_schedulers(
    recipe: str, epochs: tuple[int, int], prompts: dict[int, float], images: dict[int, float]
) -> None:
    checked = check_recipe(ClipReidRecipe, read_recipe(recipe))
    assert (checked.stage1.epochs, checked.stage2.epochs) == epochs
    for schedule, expected in (
        (prompt_schedule(checked.stage1), prompts),
        (image_schedule(checked.stage2), images),
    ):
        for epoch, rate in expected.items():
            assert schedule(epoch) == pytest.approx(rate, rel=1e-6), epoch


def test_half_a_cosine_falls_from_the_end_of_the_warm_up_to_a_hundredth() -> None:
    overrides = ["stage2.decay=cosine", "stage2.lr=0.01", "stage2.epochs=20", "stage2.warmup_epochs=4"]
    rate = image_schedule(check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", overrides)).stage2)
    assert [rate(epoch) for epoch in (1, 2, 3)] == pytest.approx([0.00325, 0.0055, 0.00775])
    assert rate(10) == pytest.approx((0.01 + 0.0001) / 2), "half of the way"
    assert rate(20) == pytest.approx(0.0001)


@pytest.mark.parametrize("schedule", ["steps", "cosine"])
def test_without_warm_up_the_first_epoch_has_the_whole_rate(schedule: str) -> None:
    overrides = [f"stage2.decay={schedule}", "stage2.warmup_epochs=0", "stage2.lr=0.01", "stage2.epochs=1000"]
    rate = image_schedule(check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", overrides)).stage2)
    assert rate(1) == pytest.approx(0.01, rel=1e-4)
