"""What may change when a run is resumed, what may not, and what a kill leaves behind."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from passerby import atomic_files
from passerby.errors import CheckpointError, DataError, RecipeError
from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.runs.run_directory import RunDirectory
from passerby.training.runner import train
from passerby.workflows.train import run_seeds
from tests.methods.small_world import nano_recipe, overrides, write_small_world
from tests.training.resumed import resume
from tests.training.started import assert_same_weights

SHORT = ("stage1.epochs=0", "stage2.epochs=1")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    train(nano_recipe(world, "stage1.epochs=1", "stage2.epochs=1"), folder)
    return folder


@pytest.fixture
def unfinished(trained: Path, tmp_path: Path) -> Path:
    """A run that was killed after its first stage."""
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    (folder / "model.safetensors").unlink()
    (folder / "checkpoints" / "stage2-images.safetensors").unlink()
    return folder


@pytest.fixture
def copied(world: Path, tmp_path: Path) -> Path:
    shutil.copytree(world, tmp_path / "copy")
    return tmp_path / "copy"


def test_data_that_moved_is_the_same_and_its_new_place_is_remembered(unfinished: Path, copied: Path) -> None:
    harmless = (
        "data.cache=none",
        "trainer.prefetch=0",
        "trainer.loggers=[csv]",
        "evaluation.batch_size=3",
        "data.skip_unreadable=true",
    )
    resume(unfinished, f"data.root={copied}", *harmless)
    stored = YAML(typ="safe").load((unfinished / "recipe.yaml").read_text())
    assert stored["data"]["root"] == str(copied)
    assert stored["evaluation"]["batch_size"] == 3


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("bounding_box_train", r"its train part .* \(32 images then, 31 now\)"),
        ("query", r"its query part .* \(8 images then, 7 now\)"),
        ("bounding_box_test", r"its gallery part .* \(24 images then, 23 now\)"),
    ],
)
def test_a_run_is_not_resumed_on_fewer_images(unfinished: Path, copied: Path, part: str, message: str) -> None:
    sorted((copied / part).iterdir())[-1].unlink()
    with pytest.raises(DataError, match=f"market-layout: {message}"):
        resume(unfinished, f"data.root={copied}")


def test_a_run_is_not_resumed_on_other_labels(unfinished: Path, copied: Path) -> None:
    first = min((copied / "bounding_box_train").iterdir())
    first.rename(first.with_name(first.name.replace("c1s1", "c2s1").replace("_00.jpg", "_09.jpg")))
    with pytest.raises(DataError, match="as many images, but other files or labels"):
        resume(unfinished, f"data.root={copied}")


def test_images_that_became_unreadable_are_noticed(world: Path, copied: Path, tmp_path: Path) -> None:
    more = (*SHORT, "data.cache=none", "data.skip_unreadable=true", f"data.root={copied}")
    folder = tmp_path / "run"
    broken = sorted((copied / "bounding_box_train").iterdir())
    broken[5].write_bytes(broken[5].read_bytes()[:300])
    train(nano_recipe(world, *more), folder)
    (folder / "model.safetensors").unlink()
    (folder / "checkpoints" / "stage2-images.safetensors").unlink()
    broken[6].write_bytes(bytes(broken[6].stat().st_size))
    with pytest.raises(DataError, match=r"the images that can be read are not those .* \(31 images then, 30 now\)"):
        resume(folder)


def test_a_run_goes_on_with_its_own_images_after_another_could_read_more(
    world: Path, copied: Path, tmp_path: Path
) -> None:
    more = (*SHORT, "data.skip_unreadable=true", f"data.root={copied}", f"data.cache_folder={tmp_path / 'cache'}")
    broken = sorted((copied / "bounding_box_train").iterdir())[5]
    content, moment = broken.read_bytes(), broken.stat().st_mtime_ns
    broken.write_bytes(bytes(len(content)))
    os.utime(broken, ns=(moment, moment))
    first = tmp_path / "first"
    train(nano_recipe(world, *more), first)
    whole = shutil.copytree(first, tmp_path / "whole")
    broken.write_bytes(content)
    os.utime(broken, ns=(moment, moment))
    train(nano_recipe(world, *more), tmp_path / "second")  # reads the image into the cache that both share
    assert images_of(first) == 31
    assert images_of(tmp_path / "second") == 32
    for given in ((), ("data.skip_unreadable=false",)):
        (first / "model.safetensors").unlink()
        (first / "checkpoints" / "stage2-images.safetensors").unlink()
        resume(first, *given)
        assert images_of(first) == 31
        assert_same_weights(first, whole)


def images_of(run: Path) -> int:
    """How many images a run is trained on."""
    return int(json.loads((run / "data.json").read_text())["trained_on"]["images"])


def test_unreadable_images_are_left_out_of_training_and_validation(world: Path, copied: Path, tmp_path: Path) -> None:
    for part in ("bounding_box_train", "query", "bounding_box_test"):
        for broken in sorted((copied / part).iterdir())[::9]:
            broken.write_bytes(broken.read_bytes()[:300])
    given = overrides(world, *SHORT, f"data.root={copied}", "data.validation.identities=1")
    with pytest.raises(DataError, match="skip"):
        run_seeds(TrainingRequest("clip-reid-vit-tiny", given, out=tmp_path / "refused"), 1)
    skipping = (*given, "data.skip_unreadable=true")
    (outcome,) = run_seeds(TrainingRequest("clip-reid-vit-tiny", skipping, out=tmp_path / "run"), 1)
    assert outcome.evaluations[0].metrics["unreadable"] == 4
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line for line in lines if line.get("data") == "validation"]


def test_a_kill_in_the_middle_of_writing_does_no_harm(unfinished: Path) -> None:
    lines = unfinished / "metrics.jsonl"
    whole = lines.read_text().splitlines()
    lines.write_text(whole[0] + "\n" + whole[1][:30])
    left = [
        unfinished / f".recipe.yaml.{atomic_files._machine()}-999999999-0123abcd.partial",
        unfinished / "checkpoints" / ".stage2-images.ckpt.01234567-1-0123abcd.partial",  # in a container
    ]
    for file in left:
        file.write_text("half")
    resume(unfinished)
    assert not any(file.exists() for file in left)
    epochs = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(line["stage"], line["epoch"]) for line in epochs] == [("stage1-prompts", 1), ("stage2-images", 1)]


@pytest.mark.parametrize(
    ("file", "content", "error", "message"),
    [
        ("metrics.jsonl", b"{}\n{\n{}\n", RecipeError, "metrics.jsonl: line 2 is damaged: remove it"),
        ("data.json", b"{", RecipeError, "data.json: is missing or damaged"),
        ("recipe.yaml", b"\xff\xfe", RecipeError, "recipe.yaml: is not YAML in UTF-8"),
        ("recipe.yaml", b"", RecipeError, "recipe.yaml: a recipe is a mapping"),
        ("recipe.yaml", b"method: [a]\n", RecipeError, r"recipe.yaml: method: must be one of .*, not \['a'\]"),
        ("checkpoints/stage1-prompts.safetensors", b"abc", CheckpointError, "delete it to train that stage again"),
        ("checkpoints/stage2-images.ckpt", b"abc", CheckpointError, "delete it to train its stage from the start"),
    ],
)
def test_damaged_files_are_named(
    unfinished: Path, file: str, content: bytes, error: type[Exception], message: str
) -> None:
    (unfinished / file).write_bytes(content)
    with pytest.raises(error, match=message) as caught:
        resume(unfinished)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 5, 600, -1])
def test_damaged_features_are_extracted_again(
    unfinished: Path, trained: Path, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (unfinished / "checkpoints" / "stage1-prompts.safetensors").unlink()
    (features,) = (unfinished / "cache").glob("stage1-features.*.safetensors")
    whole = features.read_bytes()
    features.write_bytes(whole[:size])
    assert resume(unfinished) == unfinished / "model.safetensors"
    assert f"{features} is damaged and its features are extracted again" in capsys.readouterr().err
    assert features.read_bytes() == whole
    assert_same_weights(unfinished, trained)


def test_a_state_beside_finished_weights_is_removed(unfinished: Path) -> None:
    state = unfinished / "checkpoints" / "stage1-prompts.ckpt"
    state.write_bytes(b"of a process that was killed before it could remove it")
    resume(unfinished)
    assert not state.exists()


def test_an_error_that_is_not_of_the_disk_stays_what_it_is(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files", "some.jpg")

    monkeypatch.setattr("passerby.training.runner.build_model", fails)
    with pytest.raises(OSError, match="Too many open files"):
        resume(unfinished)


def test_paths_are_stored_absolute(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.parent)
    given = ("data.name=market-layout", f"data.root={world.name}", "init=some/weights.pth", "data.cache_folder=here")
    recipe = resolve_recipe(TrainingRequest("clip-reid-vit-tiny", given))
    assert recipe.data.root == world
    assert recipe.data.name == "market-layout"
    assert recipe.init == world.parent / "some" / "weights.pth"
    assert recipe.data.cache_folder == world.parent / "here"
    several = resolve_recipe(TrainingRequest("clip-reid-vit-tiny", (f"data.name=[market1501, {world.name}]",)))
    assert several.data.name == ["market1501", str(world)]


def test_a_test_set_that_cannot_be_evaluated_is_found_before_training(world: Path, copied: Path) -> None:
    recipe = nano_recipe(world, f"data.root={copied}")
    shutil.rmtree(copied / "query")
    (copied / "query").mkdir()
    for file in (copied / "bounding_box_train").iterdir():  # people who are not in the gallery
        shutil.copy(file, copied / "query")
    folder = copied.parent / "never"
    with pytest.raises(Exception, match="none of its 32 queries has an image of the same person"):
        train(recipe, folder)
    assert not folder.exists()


def test_a_failed_evaluation_keeps_the_model_and_says_how_to_go_on(
    world: Path, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passerby.workflows.train.evaluate_all", _fails)
    given = overrides(world, *SHORT, f"data.root={copied}")
    message = f"the model is trained and stays in .*: the disk is gone. .*`passerby eval {tmp_path / 'run'}`"
    with pytest.raises(Exception, match=message):
        run_seeds(TrainingRequest("clip-reid-vit-tiny", given, out=tmp_path / "run"), 1)
    assert (tmp_path / "run" / "model.safetensors").is_file()


def _fails(*arguments: object, **options: object) -> None:
    raise DataError("the disk is gone")


def test_runs_of_one_and_of_several_seeds_are_not_mixed(trained: Path, world: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=f"already holds a run: continue with `passerby train --resume {trained}`"):
        run_seeds(TrainingRequest("clip-reid-vit-tiny", overrides(world), out=trained), 2)
    several = tmp_path / "several"
    for seed in (3, 12, 4):
        shutil.copytree(trained, several / f"seed-{seed}")
    with pytest.raises(RecipeError, match=r"holds no run .* but runs of 3 seeds: add --seeds 3"):
        run_seeds(TrainingRequest(None, resume=several), 1)
    with pytest.raises(RecipeError, match=f"already holds runs of 3 seeds: .* --resume {several} --seeds 3`"):
        train(nano_recipe(world), several)
    with pytest.raises(RecipeError, match="resume without --seeds"):
        run_seeds(TrainingRequest(None, resume=trained), 2)


def test_a_file_where_the_folder_should_be_is_found_first(world: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file: choose another place with --out"):
        RunDirectory(tmp_path / "file" / "run").check_new()


def test_figures_that_are_not_finite_become_null(tmp_path: Path) -> None:
    RunDirectory(tmp_path).record(stage="a", epoch=1, loss=float("nan"), rate=float("inf"), steps=3)
    assert (tmp_path / "metrics.jsonl").read_text() == (
        '{"stage": "a", "epoch": 1, "loss": null, "rate": null, "steps": 3}\n'
    )
