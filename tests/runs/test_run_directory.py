"""What a run's folder refuses: remains of others, recipes of other versions, disks without room."""

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from passerby.errors import DataError, PasserbyError, RecipeError
from passerby.methods import find_method
from passerby.recipe_yaml import read_yaml, write_yaml
from passerby.runs.request import stored_recipe
from passerby.runs.run_directory import RunDirectory
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from tests.methods.small_world import nano_recipe, write_small_world
from tests.training.resumed import resume

SHORT = ("stage1.epochs=0", "stage2.epochs=1")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    train(nano_recipe(world, *SHORT), folder)
    return folder


@pytest.fixture
def finished(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.mark.parametrize("remains", ["checkpoints/stage1-prompts.safetensors", "cache/old.txt", "model.safetensors"])
def test_stages_of_another_run_are_not_taken_over(world: Path, tmp_path: Path, remains: str) -> None:
    left = tmp_path / "run" / remains
    left.parent.mkdir(parents=True)
    left.write_text("another run's")
    top = tmp_path / "run" / remains.partition("/")[0]
    with pytest.raises(RecipeError, match=f"run: has no recipe.yaml but what another run left: .*`rm -r {top}`"):
        train(nano_recipe(world, *SHORT), tmp_path / "run")
    assert left.read_text() == "another run's"


def test_folders_that_are_empty_are_nobodys(tmp_path: Path) -> None:
    (tmp_path / "run" / "cache").mkdir(parents=True)
    RunDirectory(tmp_path / "run").check_new()


def test_keys_that_are_newer_than_the_run_have_their_defaults(finished: Path) -> None:
    content = read_yaml((finished / "recipe.yaml").read_text())
    del content["trainer"]["accumulate"], content["stage2"]["gather_triplets"]
    (finished / "recipe.yaml").write_text(write_yaml(content))
    assert resume(finished) == finished / "model.safetensors"
    with pytest.raises(RecipeError, match=r"trainer.accumulate: is 2, but the run in .* was started with 1"):
        resume(finished, "trainer.accumulate=2")


def test_unknown_keys_are_named(finished: Path) -> None:
    content = read_yaml((finished / "recipe.yaml").read_text())
    content["evaluation"]["metric"] = "cosine"
    (finished / "recipe.yaml").write_text(write_yaml(content))
    message = r"recipe.yaml: evaluation.metric: unknown key"
    for use in (lambda: resume(finished), lambda: stored_recipe(RunDirectory(finished))):
        with pytest.raises(RecipeError, match=message):
            use()


def test_queries_are_decoded_before_training(world: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(world, tmp_path / "copy")
    queries = sorted((copied / "query").iterdir())
    queries[1].write_bytes(queries[1].read_bytes()[:300])
    with pytest.raises(DataError, match=f"market-layout, query: 1 of 8 images cannot be read .*{queries[1].name}"):
        train(nano_recipe(world, *SHORT, f"data.root={copied}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    skipping = nano_recipe(world, *SHORT, f"data.root={copied}", "data.skip_unreadable=true")
    assert train(skipping, tmp_path / "run") is not None
    for query in queries[:4] + queries[5:]:
        query.write_bytes(b"")
    remaining = queries[4].name.partition("_")[0]
    for match in (copied / "bounding_box_test").glob(f"{remaining}_*"):
        match.write_bytes(b"")
    with pytest.raises(PasserbyError, match="none of its 1 queries has an image of the same person"):
        train(skipping, tmp_path / "other")


def test_validation_images_are_decoded_before_training(world: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(world, tmp_path / "copy")
    recipe = nano_recipe(world, *SHORT, f"data.root={copied}", "data.validation.identities=1")
    validation = open_training_data(recipe, find_method(recipe.method)).validation
    assert validation is not None
    broken = validation[1].path(0)
    broken.write_bytes(broken.read_bytes()[:300])
    with pytest.raises(DataError, match=rf"^validation, gallery: 1 of \d+ images cannot be read .*{broken.name}"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Writing beyond so many bytes fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_without_room_is_named_with_what_to_do(finished: Path) -> None:
    (finished / "model.safetensors").unlink()
    again = f"`passerby train --resume {finished}`"
    with pytest.raises(PasserbyError, match=f"{finished}.*: .*, then {again}"), files_of_at_most(30_000):
        resume(finished)
    (finished / "checkpoints" / "stage2-images.safetensors").unlink()
    state = finished / "checkpoints" / "stage2-images.ckpt"
    with pytest.raises(PasserbyError, match=f"{state}: .*disk is full; .* then {again}"), files_of_at_most(30_000):
        resume(finished)
    with pytest.raises(PasserbyError, match=f"{finished / 'data-files.npz'}: File too large: .* then {again}"):  # noqa: SIM117
        with files_of_at_most(100):
            resume(finished)
    assert resume(finished) == finished / "model.safetensors"
