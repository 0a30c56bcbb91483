"""Recipes: names, overrides, unknown keys, round trips."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from passerby.config import check_recipe, describe_keys, read_recipe, write_recipe
from passerby.errors import RecipeError
from passerby.methods.clip_reid.recipe import ClipReidRecipe
from passerby.recipe_files import recipe_names
from passerby.recipe_yaml import read_yaml, write_yaml
from passerby.runs.request import TrainingRequest, checked_recipe, resolve_recipe


def checked(*overrides: str) -> ClipReidRecipe:
    return check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit", overrides))


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_valid_and_says_how_it_is_run(name: str) -> None:
    checked_recipe(read_recipe(name))
    import passerby

    text = (Path(passerby.__file__).parent / "recipes" / f"{name}.yaml").read_text("utf-8")
    assert f"passerby train {name} " in text
    assert "# Expected:" in text or "# Measured:" in text


def test_published_numbers_are_the_defaults() -> None:
    recipe = checked()
    assert (recipe.stage1.epochs, recipe.stage2.epochs) == (120, 60)
    assert (
        recipe.stage2.loss_weights.identity,
        recipe.stage2.loss_weights.triplet,
        recipe.stage2.loss_weights.text,
    ) == (0.25, 1, 1)
    assert (recipe.stage2.identities_per_batch, recipe.stage2.images_per_identity) == (16, 4)
    olp = check_recipe(ClipReidRecipe, read_recipe("clip-reid-vit-sie-olp"))
    assert (olp.model.stride, olp.model.camera_coefficient, olp.model.camera_embedding) == (12, 1.0, True)


def test_overrides_are_yaml() -> None:
    recipe = checked("data.root=/data/a b", "stage2.milestones=[3, 4]", "stage2.margin=null", "seed=7")
    assert recipe.data.root == Path("/data/a b")
    assert recipe.stage2.milestones == (3, 4)
    assert recipe.stage2.margin is None
    assert recipe.seed == 7


def test_numbers_are_decimal_and_words_are_no_truth_values() -> None:
    recipe = checked("seed=010", "data.name=no", "data.skip_unreadable=true", "stage2.lr=1e-5")
    assert (recipe.seed, recipe.data.name, recipe.data.skip_unreadable, recipe.stage2.lr) == (10, "no", True, 1e-5)


def test_a_section_given_as_a_mapping_changes_only_what_it_names() -> None:
    recipe = checked("stage2={epochs: 7}", "data={validation: {every: 2}}", "data.name=x")
    published = checked()
    assert recipe.stage2 == published.stage2.model_copy(update={"epochs": 7})
    assert (recipe.data.validation.every, recipe.data.name) == (2, "x")


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("method: clip-reid\nseed: 1\nseed: 2\n")
    with pytest.raises(RecipeError, match=r'twice.yaml: .* duplicate key "seed" .*\(line 3\)'):
        read_recipe(str(tmp_path / "twice.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [("%YAML 1.1\n---\nmethod: no\n", "remove the lines that begin with %"), ("a: " + 3000 * "[", "nested too deeply")],
)
def test_other_versions_and_endless_nesting_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(RecipeError, match=f"odd.yaml: is not YAML in UTF-8: .*{message}"):
        read_recipe(str(tmp_path / "odd.yaml"))


def test_the_file_is_not_blamed_for_overrides(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("method: clip-reid\nstage2: {epochs: 3}\n")
    with pytest.raises(RecipeError, match=r"^stage2.epoch: unknown key"):
        resolve_recipe(TrainingRequest(str(file), ("stage2.epoch=4",)))
    file.write_text("method: clip-reid\nstage2: {epoch: 3}\n")
    with pytest.raises(RecipeError, match=r"own.yaml: stage2.epoch: unknown key"):
        resolve_recipe(TrainingRequest(str(file), ("stage2.epochs=4",)))


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x85"), max_size=8)  # \x85 ends a line
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(TEXTS, VALUES))
def test_what_is_written_is_read_again(content: dict[str, object]) -> None:
    assert read_yaml(write_yaml(content)) == content


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stage2.epoch=3", "stage2.epoch: unknown key in the recipe; did you mean 'stage2.epochs'?"),
        ("epochs=3", "did you mean 'stage1.epochs'?"),
        ("data.nmae=x", "did you mean 'data.name'?"),
        ("stage2.epochs=-1", "stage2.epochs: must be at least 1"),
        ("trainer.precision=8", "trainer.precision: must be '32', '16-mixed' or 'bf16-mixed'"),
        ("trainer.nodes=0", "trainer.nodes: must be at least 1"),
        ("trainer.accumulate=0", "trainer.accumulate: must be at least 1"),
        ("trainer.prefetch=-1", "trainer.prefetch: must be at least 0"),
        ("evaluation.batch_size=0", "evaluation.batch_size: must be at least 1"),
        ("data.validation.identities=.nan", "data.validation.identities: must be a finite number"),
        ("data.validation.identities=.inf", "data.validation.identities: must be a finite number"),
        ("data.validation.every=0", "data.validation.every: must be at least 1"),
        ("model.image_size=[1]", "model.image_size: has too few values (found [1])"),
        ("model.image_size=[1, 2, 3]", "model.image_size: must have 2 values or fewer"),
        ("stage2=3", "stage2: must be a section with keys of its own, not one value (found 3)"),
        ("stage2={", "stage2: '{' is not a YAML value: it ends before it is complete"),
        ("stage2.lr=-1", "stage2.lr: must be at least 0 (found -1)"),
        ("seed=-1", "seed: must be at least 0"),
        ("seed=9223372036854775808", "seed: must be below 9223372036854775808"),
        ("data.name=7", "data.name: must be text"),
        ("stage2.milestones=[3, x]", "stage2.milestones: must be a whole number"),
        ("stage2", "'stage2' is no change to a recipe: write section.key=value"),
        ("seed.more=1", "seed.more: 'seed' is a value, not a section"),
        ("stage2.milestones=[1", "is not a YAML value: expected ',' or ']'"),
        ("seed=true", "seed: must not be true or false"),
        ("stage2.milestones=[3, true]", "stage2.milestones: must not be true or false"),
        ("data.validation.identities=false", "data.validation.identities: must not be true or false"),
        ("data.check_counts=maybe", "data.check_counts: must be true or false"),
        ("seed=1:30", "seed: must be a whole number"),
        ("stage2={epochs: 3, epochs: 4}", 'found duplicate key "epochs"'),
        ("stage2={epoch: 3}", "stage2.epoch: unknown key in the recipe; did you mean 'stage2.epochs'?"),
        ("seed=2026-99-99", "is not a YAML value"),
    ],
)
def test_mistakes_are_explained_in_one_line(override: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        checked("seed=1", override)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_recipes_are_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean clip-reid-vit or "):
        read_recipe("clip-reid-vti")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(RecipeError, match="a recipe is a mapping"):
        read_recipe(str(tmp_path / "list.yaml"))
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    with pytest.raises(RecipeError, match=r"broken.yaml: is not YAML"):
        read_recipe(str(tmp_path / "broken.yaml"))


def test_a_written_recipe_is_the_same_recipe(tmp_path: Path) -> None:
    recipe = checked("data.root=/data", "stage2.margin=null", "init=/weights.pth")
    write_recipe(recipe, tmp_path / "recipe.yaml")
    content = YAML(typ="safe").load(tmp_path / "recipe.yaml")
    assert check_recipe(ClipReidRecipe, content) == recipe
    assert check_recipe(ClipReidRecipe, read_recipe(str(tmp_path / "recipe.yaml"))) == recipe


def test_every_key_is_described() -> None:
    rows = describe_keys(ClipReidRecipe)
    assert len(rows) > 40
    assert all(meaning for _, _, meaning in rows)
    assert {key: default for key, default, _ in rows}["stage2.lr"] == "5e-06"
