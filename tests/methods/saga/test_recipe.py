"""SAGA's recipes and learning rates against the published numbers."""

import numpy as np
import pytest

from passerby.config import read_recipe
from passerby.errors import RecipeError
from passerby.methods import find_method
from passerby.methods.saga.recipe import BackboneStageSection, BatchSection, SagaRecipe
from passerby.methods.sections.learning_rate import LearningRate, Position, lr_at
from passerby.methods.stages.image_stage import estimated_steps
from passerby.recipe_files import recipe_names
from passerby.runs.request import checked_recipe


def recipe(*overrides: str, name: str = "saga-vit") -> SagaRecipe:
    found = checked_recipe(read_recipe(name, overrides))
    assert isinstance(found, SagaRecipe)
    return found


def lr_of(section: LearningRate, epoch: int, finished: int = 0) -> float:
    epochs: int = getattr(section, "epochs")  # noqa: B009
    return lr_at(section, Position(epoch - 1, finished=finished), epochs)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(1, 1e-5), (2, 7.8e-5), (5, 2.82e-4), (6, 3.5e-4), (50, 1.956521e-4), (99, 1.381522e-6), (100, 1.095407e-6)],
)
def test_rates_of_stage_1(epoch: int, rate: float) -> None:
    assert lr_of(recipe().stage1, epoch) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(("epoch", "rate"), [(1, 3.5e-5), (2, 9.8e-5), (5, 2.87e-4), (6, 3.5e-4), (20, 3.5e-4)])
def test_rates_of_stage_3a(epoch: int, rate: float) -> None:
    assert lr_of(recipe().stage3a, epoch) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(("epoch", "rate"), [(1, 2e-5), (5, 1.64e-4), (6, 2e-4), (40, 1.573042e-4), (80, 1.000439e-4)])
def test_rates_of_stage_3b(epoch: int, rate: float) -> None:
    assert lr_of(recipe().stage3b, epoch) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(("step", "rate"), [(0, 5e-7), (1, 9.5e-7), (5, 2.75e-6), (10, 5e-6), (500, 5e-6)])
def test_rates_of_stage_2_warm_up_by_steps(step: int, rate: float) -> None:
    found = lr_of(BackboneStageSection(), 1, finished=step)
    assert found == pytest.approx(rate, rel=1e-9)


def test_milestones_of_stage_2_are_in_epochs() -> None:
    rates = [lr_of(BackboneStageSection(), epoch, finished=10**4) for epoch in (40, 41, 70, 71)]
    assert rates == pytest.approx([5e-6, 5e-7, 5e-7, 5e-8])


def test_a_cosine_ends_at_a_hundredth() -> None:
    section = BackboneStageSection(decay="cosine", epochs=7, warmup_steps=0, lr=1.0)
    rates = [lr_of(section, epoch) for epoch in range(1, 8)]
    assert rates[0] == pytest.approx(1)
    assert rates[3] == pytest.approx(0.505)
    assert rates[-1] == pytest.approx(0.01)
    assert rates == sorted(rates, reverse=True)


def test_the_samplers_estimate_counts_every_complete_group() -> None:
    identities = np.repeat([0, 1, 2], [3, 9, 4])
    assert estimated_steps(identities, BatchSection(identities_per_batch=2, images_per_identity=4)) == 2
    assert estimated_steps(identities, BatchSection(identities_per_batch=3, images_per_identity=2)) == 3


def test_official_resizes_test_images_as_published() -> None:
    method = find_method("saga")
    found = [method.transforms(recipe(f"official={official}"))[1].interpolation for official in ("false", "true")]
    assert found == ["bicubic", "bilinear"]


def test_a_stored_recipe_is_read_again() -> None:
    official = recipe("official=true")
    assert checked_recipe(official.model_dump(mode="json")) == official


def test_a_stage_that_is_given_in_part_keeps_its_other_defaults() -> None:
    found = recipe("stage3b.epochs=3")
    assert (found.stage3b.epochs, found.stage3b.lr, found.stage3b.min_lr_factor) == (3, 2e-4, 0.5)
    assert found.stage3a.lr == 3.5e-4


@pytest.mark.parametrize("name", [name for name in recipe_names() if name.startswith("saga")])
def test_recipes_that_come_with_passerby_are_valid(name: str) -> None:
    found = recipe(name=name)
    assert found.method == "saga"
    assert found.stage4.epochs == 0
    assert found.stage3.classifiers == (1 if name == "saga-vit-occluded" else 4)


@pytest.mark.parametrize(
    "override",
    [
        "stage2.identities_per_batch=1",  # no image would have a negative
        "stage3.identities_per_batch=1",
        "stage3.images_per_identity=1",
        "anchors.phrase_slots=16",
        "tokens.views=0",
    ],
)
def test_values_out_of_range_are_refused(override: str) -> None:
    with pytest.raises(RecipeError, match=override.split("=")[0]):
        recipe(override)
