"""The recipes that come with passerby say what they are, and are valid."""

import pytest

from passerby.config import describe_keys, read_recipe
from passerby.errors import RecipeError
from passerby.recipe_files import recipe_file, recipe_names
from passerby.recipe_section import acting_keys
from passerby.runs.request import checked_recipe

NAMES = recipe_names()


@pytest.mark.parametrize("name", NAMES)
def test_the_first_line_is_one_short_sentence(name: str) -> None:
    first = recipe_file(name).read_text("utf-8").split("\n")[0]
    assert first.startswith("# ")
    assert len(first) <= 90
    assert first.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_states_command_hardware_and_result(name: str) -> None:
    lines = [line for line in recipe_file(name).read_text("utf-8").split("\n") if line.startswith("#")]
    assert any(line.startswith(f"# Command:  passerby train {name}") for line in lines)
    assert any(line.startswith("# Hardware: ") for line in lines)
    assert any(line.startswith(("# Expected: ", "# Measured: ")) for line in lines)
    assert not any(line.startswith("# Expected: ") for line in lines) or "ot run by us" in "".join(lines)
    assert max(map(len, lines)) <= 120


def test_the_keys_of_saga_fit_on_two_screens() -> None:
    rows = acting_keys(checked_recipe(read_recipe("saga-vit")))
    assert len(rows) <= 100
    shown = {key for key, _, _ in rows}
    assert {"stage1.min_lr_factor", "stage2.milestones", "stage4.epochs"} <= shown
    assert not {"stage1.milestones", "stage3a.min_lr_factor", "stage4.lr", "data.validation.select"} & shown
    changed = checked_recipe(read_recipe("saga-vit", ["stage4.epochs=5", "stage3a.decay=cosine"]))
    assert {"stage4.lr", "stage3a.min_lr_factor"} <= {key for key, _, _ in acting_keys(changed)}


@pytest.mark.parametrize("name", NAMES)
def test_every_key_has_a_meaning_of_one_line(name: str) -> None:
    for key, _, meaning in describe_keys(type(checked_recipe(read_recipe(name)))):
        assert meaning, key
        assert "\n" not in meaning, key
        assert len(meaning) <= 80, key


@pytest.mark.parametrize(
    ("name", "override"),
    [
        ("clip-reid-vit", "model.image_size=[100000, 100000]"),
        ("clip-reid-vit", "stage2.images_per_identity=1000000000"),
        ("clip-reid-vit", "stage1.batch_size=1000000000000"),
        ("saga-vit", "anchors.count=1000000000"),
        ("saga-vit", "stage3.classifiers=1000000000"),
        ("cion", "model.outputs=1000000000000"),
        ("cion", "views.local=1000000000"),
        ("mgn", "model.width=1000000000"),
        ("finetune", "evaluation.batch_size=1000000000"),
    ],
)
def test_sizes_that_ask_for_terabytes_are_refused_before_anything_is_allocated(name: str, override: str) -> None:
    with pytest.raises(RecipeError, match="must be at most") as caught:
        checked_recipe(read_recipe(name, [override]))
    assert "\n" not in str(caught.value)
