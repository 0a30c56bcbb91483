"""The examples of "Your own method": each is run as it stands there, by `--plugin`, installed, and from Python."""

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import passerby
from passerby.cli import main
from passerby.errors import PluginError, RecipeError
from passerby.methods import Stage
from passerby.models.checkpoint import read_tensors
from passerby.runs.request import TrainingRequest
from passerby.workflows.train import run_seeds
from tests.forgetting import forget_plugins, no_plugins
from tests.installed import install
from tests.methods.small_world import write_small_world
from tests.test_documentation import ROOT, blocks
from tests.training.started import assert_same_weights

PAGES = [ROOT / "docs" / "how-to" / name for name in ("own-loss.md", "own-method.md")]
EXAMPLES = {
    block.split("\n", 1)[0].removeprefix("# "): block.split("\n", 1)[1]
    for page in PAGES
    for block in blocks(page, "python", "yaml")
    if re.match(r"# \S+\.(py|yaml)\n", block)
}
SHORT = (
    "model.image_size=[64, 32]",
    "augmentation.padding=3",
    "training.epochs=2",
    "training.identities_per_batch=2",
    "training.images_per_identity=2",
    "trainer.accelerator=cpu",
    "trainer.checkpoint_every_steps=1",
)


@pytest.fixture(autouse=True)
def _no_plugins() -> Iterator[None]:
    with no_plugins():
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("extending") / "world")


def given(world: Path, backbone: str = "resnet_nano") -> tuple[str, ...]:
    """Overrides with which everything takes seconds."""
    data = ("data.name=market-layout", f"data.root={world}", f"data.cache_folder={world / 'cache'}")
    return (f"model.backbone={backbone}", *SHORT, *data)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    for name, content in EXAMPLES.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(world: Path, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the example's method, with the example's loss beside it."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    with no_plugins():
        passerby.load_plugin(examples / "cosine.py")
        passerby.load_plugin(examples / "decorrelated.py")
        overrides = (*given(world), "added_losses.decorrelated=0.5")
        run_seeds(TrainingRequest(str(examples / "cosine.yaml"), overrides, out=folder), 1)
    return folder


Ask = Callable[..., tuple[object, str, str]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """A command in this process, which knows no plugin but those that it names: exit code, output, errors."""

    def answer(*arguments: object) -> tuple[object, str, str]:
        forget_plugins()
        monkeypatch.setattr("sys.argv", ["passerby", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return answer


def test_a_method_from_a_file_is_trained_evaluated_compared_and_embedded(
    world: Path, examples: Path, tmp_path: Path, ask: Ask
) -> None:
    plugin, run = ("--plugin", examples / "cosine.py"), tmp_path / "run"
    code, _, errors = ask("train", examples / "cosine.yaml", *given(world), "--out", run, *plugin)
    assert code == 0, errors
    assert [each["file"] for each in json.loads((run / "plugins.json").read_text())] == [str(examples / "cosine.py")]
    code, printed, errors = ask("eval", run, "--json", "--out", tmp_path / "evaluation", *plugin)
    assert code == 0, errors
    assert 0 < json.loads(printed)[0]["mAP"] <= 1
    code, _, errors = ask("compare", run, tmp_path / "evaluation", "--out", tmp_path / "comparison")
    assert code == 0, errors
    code, _, errors = ask("embed", run, world / "query", "--out", tmp_path / "features.parquet", *plugin)
    assert code == 0, errors
    code, _, errors = ask("explain", run, min((world / "query").iterdir()), "--out", tmp_path / "e.png", *plugin)
    assert "CosineNetwork has no attention" in errors


def test_without_the_plugin_each_command_names_it(trained: Path, world: Path, examples: Path, ask: Ask) -> None:
    image = min((world / "query").iterdir())
    for arguments in (("eval", trained), ("embed", trained, image), ("train", "--resume", trained)):
        code, _, errors = ask(*arguments)
        assert code == 1
        assert len(errors.splitlines()) == 1
        assert f"--plugin {examples / 'cosine.py'} (in Python: passerby.load_plugin)" in errors
    forget_plugins()
    with pytest.raises(RecipeError, match=r"unknown name 'cosine'; .* has it from the plugin cosine\.py"):
        passerby.load(trained)


def test_a_run_goes_on_where_it_was_interrupted_and_ends_with_the_same_weights(
    trained: Path, world: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    run, steps = tmp_path / "run", []
    step = Stage.training_step

    def fails_at_the_third(stage: Stage, batch: object, number: int) -> object:
        steps.append(number)
        if len(steps) == 3:
            raise ConnectionError("the machine is gone")
        return step(stage, batch, number)

    plugins = ("--plugin", examples / "cosine.py", "--plugin", examples / "decorrelated.py")
    overrides = (*given(world), "added_losses.decorrelated=0.5")
    passerby.load_plugin(plugins[1])
    passerby.load_plugin(plugins[3])
    with monkeypatch.context() as broken:
        broken.setattr(Stage, "training_step", fails_at_the_third)
        with pytest.raises(ConnectionError):
            run_seeds(TrainingRequest(str(examples / "cosine.yaml"), overrides, out=run), 1)
    assert not (run / "model.safetensors").exists()
    code, _, errors = ask("train", "--resume", run, *plugins)
    assert code == 0, errors
    assert_same_weights(trained, run)


def test_a_loss_is_reported_beside_those_of_the_method_and_changes_what_is_learned(
    trained: Path, world: Path, examples: Path, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    epochs = [line for line in lines if "epoch" in line]
    assert [0 < line["decorrelated"] < 1 for line in epochs] == [True, True]
    passerby.load_plugin(examples / "cosine.py")
    run_seeds(TrainingRequest(str(examples / "cosine.yaml"), given(world), out=tmp_path / "run"), 1)
    plain, added = (read_tensors(run / "model.safetensors") for run in (tmp_path / "run", trained))
    assert not plain["directions"].equal(added["directions"])


def test_a_loss_is_added_to_a_method_of_passerby(world: Path, examples: Path, tmp_path: Path, ask: Ask) -> None:
    plugin, run = ("--plugin", examples / "decorrelated.py"), tmp_path / "run"
    code, _, errors = ask("train", examples / "with-decorrelation.yaml", *given(world), "--out", run, *plugin)
    assert code == 0, errors
    assert '"decorrelated": ' in (run / "metrics.jsonl").read_text()
    code, _, errors = ask("eval", run)  # which needs no loss
    assert code == 0, errors
    code, _, errors = ask("train", "finetune-tiny", *given(world), "added_losses.decorated=1", *plugin, "--dry-run")
    assert errors == "passerby: added_losses.decorated: unknown loss; did you mean 'decorrelated'?\n"
    code, _, errors = ask("train", "clip-pretrain-tiny", "added_losses.decorrelated=1", *plugin, "--dry-run")
    assert errors == (
        "passerby: added_losses: the stages of this method give losses no features to work on: leave it out\n"
    )


def test_a_benchmark_is_checked_listed_and_trained_on(world: Path, examples: Path, tmp_path: Path, ask: Ask) -> None:
    for part, own in (("train", "bounding_box_train"), ("query", "query"), ("test", "bounding_box_test")):
        (tmp_path / "Campus" / part).mkdir(parents=True)
        for file in (world / own).glob("*.jpg"):
            identity, camera, number, _ = file.stem.split("_")
            shutil.copy(file, tmp_path / "Campus" / part / f"{identity}_{camera}_{number}.jpg")
    plugin, run = ("--plugin", examples / "campus.py"), tmp_path / "run"
    code, printed, _ = ask("data", "check", "campus", "--root", tmp_path, *plugin)
    assert code == 0, printed
    assert "campus" in [each["name"] for each in json.loads(ask("data", "list", "--json", *plugin)[1])]
    overrides = [each for each in given(world) if not each.startswith("data.")]
    place = ("--data", "campus", "--root", tmp_path, f"data.cache_folder={tmp_path / 'cache'}")
    code, _, errors = ask("train", "finetune-tiny", *overrides, *place, "--out", run, *plugin)
    assert code == 0, errors
    code, _, errors = ask("eval", run, "--plugin", examples / "decorrelated.py")
    assert code == 1
    assert f"--plugin {examples / 'campus.py'}" in errors


def test_a_backbone_is_trained_and_restored(world: Path, examples: Path, tmp_path: Path, ask: Ask) -> None:
    plugin, run = ("--plugin", examples / "plain_net.py"), tmp_path / "run"
    code, _, errors = ask("train", "finetune-tiny", *given(world, "plain_net"), "--out", run, *plugin)
    assert code == 0, errors
    assert passerby.load(run).embed_dim == 256
    forget_plugins()
    with pytest.raises(RecipeError, match=r"unknown name 'plain_net'; .* has it from the plugin plain_net\.py"):
        passerby.load(run)


def test_an_installed_plugin_is_found_without_being_named(
    trained: Path, world: Path, examples: Path, tmp_path: Path, ask: Ask
) -> None:
    package = install(tmp_path, "cosine_for_passerby", EXAMPLES["cosine.py"] + "\n" + _REGISTERS_ITS_RECIPE)
    shutil.copy(examples / "cosine.yaml", package.parent)
    sys.path.insert(0, str(tmp_path))
    listed = json.loads(ask("train", "--list", "--json")[1])
    assert [each["meaning"] for each in listed if each["recipe"] == "cosine"] == [
        "A cosine classifier on a small backbone."
    ]
    run = tmp_path / "run"
    _imported_anew("cosine_for_passerby")
    code, _, errors = ask("train", "cosine", *given(world), "--out", run)
    assert code == 0, errors
    (needed,) = json.loads((run / "plugins.json").read_text())
    assert (needed["name"], needed["file"], needed["version"]) == ("cosine_for_passerby", None, "1.0")
    forget_plugins()
    _imported_anew("cosine_for_passerby")
    assert passerby.load(run).embed(sorted((world / "query").iterdir())).shape[0] == 8
    forget_plugins()
    sys.path.remove(str(tmp_path))
    with pytest.raises(RecipeError, match=r"has it from the package cosine_for_passerby 1\.0: install it"):
        passerby.load(run)


_REGISTERS_ITS_RECIPE = """
from passerby.recipe_files import register_recipe
register_recipe(Path(__file__).with_name("cosine.yaml"))
"""


def _imported_anew(package: str) -> None:
    """Let a package that was forgotten register its things once more, as in a new process."""
    sys.modules.pop(package, None)


def test_a_plugin_that_moved_is_the_same_and_one_that_changed_is_told(
    trained: Path, world: Path, examples: Path, tmp_path: Path, ask: Ask
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    moved = shutil.copy(examples / "cosine.py", tmp_path / "moved.py")
    loss = ("--plugin", examples / "decorrelated.py")
    code, _, errors = ask("train", "--resume", run, "--plugin", moved, *loss)
    assert code == 0, errors
    assert [each["name"] for each in json.loads((run / "plugins.json").read_text())] == ["moved.py", "decorrelated.py"]
    Path(moved).write_text(EXAMPLES["cosine.py"] + "\n# changed\n")
    code, _, errors = ask("eval", run, "--plugin", moved)
    assert code == 0
    assert errors.count(f"the plugin moved.py is not the one that {run} was trained with: results may differ") == 1
    code, _, errors = ask("train", "--resume", run, "--plugin", moved, *loss)
    assert code == 1
    assert (
        f"restore it, start a new run with --out, or, if it computes the same, remove {run / 'plugins.json'}" in errors
    )
    (run / "plugins.json").unlink()
    assert ask("train", "--resume", run, "--plugin", moved, *loss)[0] == 0


def test_the_file_that_a_stranger_s_run_names_is_not_imported(
    trained: Path, world: Path, tmp_path: Path, ask: Ask
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    harm = run / "harm.py"
    harm.write_text(f"open({str(tmp_path / 'harmed')!r}, 'w')\n" + EXAMPLES["cosine.py"])
    needed = json.loads((run / "plugins.json").read_text())
    for each in needed:
        each["file"] = str(harm)
    (run / "plugins.json").write_text(json.dumps(needed))
    image = min((world / "query").iterdir())
    for arguments in (("eval", run), ("embed", run, image), ("explain", run, image), ("train", "--resume", run)):
        assert ask(*arguments)[0] == 1
    forget_plugins()
    with pytest.raises(RecipeError):
        passerby.load(run)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", ["{", '{"a": 1}', "[1]", '[{"offers": 3}]', '[{"offers": [], "title": ""}]'])
def test_a_damaged_record_is_named(trained: Path, tmp_path: Path, content: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "plugins.json").write_text(content)
    with pytest.raises(RecipeError, match=r"plugins\.json: is damaged: remove it"):
        passerby.load(run)


def test_from_python_a_class_may_be_registered_without_a_file(trained: Path, world: Path, examples: Path) -> None:
    exec(EXAMPLES["cosine.py"], {"__name__": "__main__"})
    features = passerby.load(trained).embed(sorted((world / "query").iterdir()))
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
    with pytest.raises(PluginError, match="the method 'cosine' is already there, from this program"):
        passerby.load_plugin(examples / "cosine.py")


def test_a_network_of_one_s_own_is_evaluated_with_a_page(world: Path, tmp_path: Path) -> None:
    from torch import nn

    network = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten())
    result = passerby.evaluate(network, passerby.load_benchmark("market-layout", world), out=tmp_path / "out")
    assert 0 < result.mAP <= 1
    assert result.page.is_file()
