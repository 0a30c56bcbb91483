"""Loggers and callbacks that a recipe names."""

from pathlib import Path

import pytest

from passerby.errors import RecipeError
from passerby.plugins import load_plugin
from passerby.training import trainer_extras
from passerby.training.runner import train
from tests.methods.small_world import nano_recipe, write_small_world

CALLBACK = """
from pathlib import Path
from lightning.pytorch import Callback

class CountSteps(Callback):
    def on_train_batch_end(self, trainer, pl_module, *args):
        with (Path(trainer.default_root_dir) / "counted.txt").open("a") as file:
            file.write(pl_module.stage.name + "\\n")
"""
REGISTER = "from passerby.training import register_callback\nregister_callback(CountSteps)\n"
REGISTER_ALL = REGISTER.replace("CountSteps", "CountAllSteps")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


def test_a_callback_sees_the_training(world: Path, tmp_path: Path) -> None:
    (tmp_path / "counting.py").write_text(CALLBACK.replace("CountSteps", "CountAllSteps") + REGISTER_ALL)
    load_plugin(tmp_path / "counting.py")
    more = ("stage1.epochs=0", "trainer.callbacks=[CountAllSteps, Timer]", "trainer.loggers=[csv]")
    train(nano_recipe(world, *more), tmp_path / "run")
    assert set((tmp_path / "run" / "counted.txt").read_text().split()) == {"stage2-images"}
    assert [file.name for file in (tmp_path / "run" / "logs").iterdir()] == ["csv"]


def test_a_plugin_registers_a_callback(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CALLBACK + REGISTER)
    load_plugin(tmp_path / "mine.py")
    assert [type(each).__name__ for each in trainer_extras.make_callbacks(["CountSteps"])] == ["CountSteps"]
    with pytest.raises(RecipeError, match=r"trainer\.callbacks: unknown name 'CountStep'; did you mean 'CountSteps'\?"):
        trainer_extras.make_callbacks(["CountStep"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.callbacks=[nobody]", r"trainer\.callbacks: unknown name 'nobody'; give Lightning's own by name"),
        ("trainer.callbacks=['os:system']", r"trainer\.callbacks: unknown name 'os:system'"),
        ("trainer.loggers=[wandb]", r"wandb is not installed: `pip install wandb`"),
        ("trainer.loggers=[mlflow]", r"trainer\.loggers: must be 'csv', 'tensorboard' or 'wandb'"),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_line(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str, message: str
) -> None:
    monkeypatch.setattr(trainer_extras, "find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=message) as caught:
        train(nano_recipe(world, override), tmp_path / "never")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "never").exists()
