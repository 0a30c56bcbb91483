"""Loggers, and callbacks of one's own, that `trainer.loggers` and `trainer.callbacks` of a recipe name."""

import difflib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from lightning.pytorch import Callback, callbacks
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from passerby.config import TrainerSection
from passerby.errors import RecipeError
from passerby.plugins import Registry
from passerby.runs.run_directory import RunDirectory

CALLBACKS: Registry[type[Callback]] = Registry("callback", {})


def register_callback(callback: type[Callback]) -> type[Callback]:
    """Let recipes name a callback of one's own by the name of its class; a decorator.

    Args:
        callback: made without arguments, anew for every stage.

    Raises:
        PluginError: the name is taken.
    """
    CALLBACKS.register(callback.__name__, callback)
    return callback


def check_extras(section: TrainerSection) -> None:
    """Refuse, before any work, loggers that are not installed and callbacks that cannot be had.

    Raises:
        RecipeError: names the key and the remedy.
    """
    if "wandb" in section.loggers and find_spec("wandb") is None:
        raise RecipeError("trainer.loggers: wandb is not installed: `pip install wandb`, or leave it out")
    for name in section.callbacks:
        _callback_class(name)


def make_callbacks(names: Sequence[str]) -> list[Callback]:
    """New callbacks for a stage.

    Args:
        names: registered ones, or those of `lightning.pytorch.callbacks`.

    Raises:
        RecipeError: no such callback, or one that cannot be made without arguments.
    """
    made = []
    for name in names:
        try:
            made.append(_callback_class(name)())
        except TypeError as error:
            reason = f"cannot be made without arguments ({error}): derive a class that can"
            raise RecipeError(f"trainer.callbacks: {name}: {reason}") from error
    return made


def make_loggers(names: Sequence[str], run: RunDirectory, stage: str) -> list[Logger]:
    """Loggers of a stage, which write below the run's `logs`.

    A resumed stage writes its CSV into a new part, because the logger would overwrite it, and is a new run of wandb, in
    the group of the passerby run.
    """
    logs: Path = run.folder / "logs"
    made: list[Logger] = []
    if "csv" in names:
        part = len(list(logs.glob(f"csv/{stage}-part*"))) + 1
        made.append(CSVLogger(run.folder, name="logs/csv", version=f"{stage}-part{part}"))
    if "tensorboard" in names:
        made.append(TensorBoardLogger(run.folder, name="logs", version="tensorboard"))
    if "wandb" in names:
        made.append(WandbLogger(stage, logs, project="passerby", group=run.folder.resolve().name))
    return made


def _callback_class(name: str) -> type[Callback]:
    """A registered callback, or one of Lightning's own; a recipe never chooses what module is imported."""
    registered = CALLBACKS.find(name)
    if registered is not None:
        return registered
    if name in callbacks.__all__:
        own: type[Callback] = getattr(callbacks, name)
        return own
    near = difflib.get_close_matches(name, [*CALLBACKS, *callbacks.__all__], n=1)
    hint = f"did you mean {near[0]!r}?" if near else "give Lightning's own by name, or a plugin's (--plugin)"
    raise RecipeError(f"trainer.callbacks: unknown name {name!r}; {CALLBACKS.missing_plugin(name) or hint}")
