"""What a recipe of CLIP-ReID may say."""

import pytest

from passerby.config import check_recipe, read_recipe
from passerby.errors import RecipeError
from passerby.methods.clip_reid.recipe import ClipReidRecipe

RATES = ("stage1.lr", "stage1.warmup_start_factor", "stage1.min_lr_factor", "stage2.lr", "stage2.warmup_start_factor")
WEIGHTS = (
    "stage1.weight_decay", "stage2.weight_decay", "stage2.bias_lr_factor", "stage2.loss_weights.identity",
    "stage2.loss_weights.triplet", "stage2.loss_weights.text", "stage2.margin",
)  # fmt: skip


@pytest.mark.parametrize("key", [*RATES, *WEIGHTS])
@pytest.mark.parametrize("value", ["-0.1", ".nan", ".inf"])
def test_rates_and_weights_are_finite_and_not_negative(key: str, value: str) -> None:
    check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", [f"{key}=0"]))
    with pytest.raises(RecipeError, match=f"^{key}: must be"):
        check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", [f"{key}={value}"]))


@pytest.mark.parametrize(
    ("override", "place"),
    [
        ("stage2.label_smoothing=1", "stage2.label_smoothing"),
        ("stage2.label_smoothing=-0.1", "stage2.label_smoothing"),
        ("augmentation.flip=1.5", "augmentation.flip"),
        ("augmentation.erasing=.nan", "augmentation.erasing"),
        ("augmentation.mean=[0.5, .inf, 0.5]", "augmentation.mean"),
        ("augmentation.std=[0.5, 0.5, 0]", "augmentation.std"),
        ("augmentation.padding=-1", "augmentation.padding"),
        ("model.image_size=[0, 128]", "model.image_size"),
        ("model.stride=0", "model.stride"),
        ("model.camera_coefficient=.nan", "model.camera_coefficient"),
        ("stage1.batch_size=1", "stage1.batch_size"),
        ("stage1.warmup_epochs=-1", "stage1.warmup_epochs"),
        ("stage2.epochs=0", "stage2.epochs"),
        ("stage2.milestones=[30, 0]", "stage2.milestones"),
        ("stage2.identities_per_batch=1", "stage2.identities_per_batch"),
        ("seed=-1", "seed"),
        ("seed=9223372036854775808", "seed"),
        ("evaluation.metric=cosine", "evaluation.metric"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(override: str, place: str) -> None:
    with pytest.raises(RecipeError, match=f"^{place}: ") as caught:
        check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", [override]))
    assert "\n" not in str(caught.value)


def test_triplets_need_two_images_of_an_identity() -> None:
    single = ["stage2.images_per_identity=1"]
    with pytest.raises(RecipeError, match=r"without positives: set it to 2 or more, or stage2\.loss_weights"):
        check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", single))
    checked = check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", [*single, "stage2.loss_weights.triplet=0"]))
    assert checked.stage2.images_per_identity == 1


def test_the_best_epoch_needs_identities_to_validate_on() -> None:
    with pytest.raises(RecipeError, match=r"select=best needs a validation split: set data\.validation\.identities"):
        check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", ["data.validation.select=best"]))


def test_the_precision_of_32_bits_may_be_written_as_a_number() -> None:
    checked = check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", ["trainer.precision=32"]))
    assert checked.trainer.precision == "32"


def test_the_largest_seed_is_accepted() -> None:
    assert check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", [f"seed={2**63 - 1}"])).seed == 2**63 - 1
