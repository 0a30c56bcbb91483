"""Bounds on what a recipe's YAML may cost."""

from pathlib import Path

import pytest

from passerby.config import check_recipe, read_recipe
from passerby.errors import RecipeError
from passerby.methods.clip_reid.recipe import ClipReidRecipe
from passerby.recipe_yaml import MAX_LENGTH, read_yaml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGED = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}\n" for n in range(1, 40))


@pytest.mark.parametrize("text", [BOMB, MERGED, "&a [*a]", "x: &a {y: *a}"])
def test_aliases_cannot_make_a_recipe_large(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(RecipeError, match="holds more than 10,000 values") as caught:
        read_recipe(str(tmp_path / "mine.yaml"))
    assert "\n" not in str(caught.value)


def test_a_text_has_a_greatest_length() -> None:
    with pytest.raises(RecipeError, match="longer than"):
        read_yaml("x: " + "y" * MAX_LENGTH)


def test_honest_aliases_are_read() -> None:
    assert read_yaml("a: &a [1, 2]\nb: *a\n") == {"a": [1, 2], "b": [1, 2]}


def test_values_in_errors_are_cut() -> None:
    with pytest.raises(RecipeError) as caught:
        check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", [f"stage2.lr={'x' * 5000}"]))
    assert len(str(caught.value)) < 400
