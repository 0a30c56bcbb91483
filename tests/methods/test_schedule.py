"""Learning rates against the published schedulers, stepped by their own code (saga.md, Appendix A)."""

import pytest

from passerby.config import check_recipe, read_recipe
from passerby.methods.clip_reid_recipe import ClipReidRecipe, image_schedule, prompt_schedule

VIT_PROMPTS = {
    1: 7.8e-5, 2: 1.46e-4, 4: 2.82e-4, 5: 3.485071e-4, 6: 3.478516e-4, 30: 2.988901e-4, 60: 1.755e-4,
    100: 2.437857e-5, 119: 1.059797e-6, 120: 1e-6,
}  # fmt: skip
RN50_PROMPTS = {5: 3.440541e-4, 30: 1.755e-4, 60: 1e-6}
VIT_IMAGES = {1: 9.5e-7, 2: 1.4e-6, 5: 2.75e-6, 10: 5e-6, 29: 5e-6, 30: 5e-7, 49: 5e-7, 50: 5e-8, 60: 5e-8}
RN50_IMAGES = {1: 3.815e-5, 5: 1.7675e-4, 9: 3.1535e-4, 10: 3.5e-4, 39: 3.5e-4, 40: 3.5e-5, 69: 3.5e-5, 70: 3.5e-6}


@pytest.mark.parametrize(
    ("recipe", "prompts", "images"),
    [("clip-reid-vit", VIT_PROMPTS, VIT_IMAGES), ("clip-reid-rn50", RN50_PROMPTS, RN50_IMAGES)],
)
def test_rates_are_those_of_the_published_schedulers(
    recipe: str, prompts: dict[int, float], images: dict[int, float]
) -> None:
    checked = check_recipe(ClipReidRecipe, read_recipe(recipe))
    for section, schedule, expected in (
        (checked.stage1, prompt_schedule(checked.stage1), prompts),
        (checked.stage2, image_schedule(checked.stage2), images),
    ):
        assert section.epochs == max(expected) or section.epochs > max(expected)
        for epoch, rate in expected.items():
            assert schedule(epoch) == pytest.approx(rate, rel=1e-6), epoch
