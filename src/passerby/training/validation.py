"""Evaluation on a validation split while training; queries and galleries of benchmarks are never used."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer

from passerby.config import Recipe
from passerby.data.augmentation.transforms import TestTransform
from passerby.data.split import Benchmark, Split
from passerby.evaluation.evaluate import evaluate_in_full
from passerby.inference.camera_embedding import TrainedCameras
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.methods.stage import Stage
from passerby.models.checkpoint import load_strictly, read_tensors, save_model
from passerby.models.inference_mode import evaluation_mode
from passerby.runs.run_directory import RunDirectory

NAME = "validation"


class ValidateEpochs(Callback):
    """Evaluates a stage's model every so many epochs on images of identities that are not trained on.

    With `select: best`, the epoch of the highest mAP becomes the result of the stage.
    """

    def __init__(
        self,
        recipe: Recipe,
        parts: tuple[Split, Split],
        transform: TestTransform,
        run: RunDirectory,
        description: Mapping[str, Any],
        cameras: TrainedCameras | None = None,
    ) -> None:
        self.section, self.skip_unreadable = recipe.data.validation, recipe.data.skip_unreadable
        self.batch_size = recipe.evaluation.batch_size
        self.benchmark = Benchmark(NAME, None, *parts)
        self.transform, self.description, self.cameras = transform, description, cameras
        self.run = run
        self.best = -1.0

    @property
    def best_file(self) -> Path:
        """The weights of the best epoch so far."""
        return self.run.folder / "checkpoints" / "best-on-validation.safetensors"

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Evaluate on the first process; the others wait."""
        stage: Stage = pl_module.stage
        epoch = trainer.current_epoch + 1
        if epoch % self.section.every == 0 or epoch == stage.epochs:
            if trainer.is_global_zero:
                self._evaluate(trainer, stage, epoch)
            trainer.strategy.barrier(NAME)

    def restore_selected(self, stage: Stage) -> None:
        """Put the best epoch's weights into the stage's model, if the recipe asks for them."""
        if self.section.select == "best":
            load_strictly(stage.model, read_tensors(self.best_file), source=str(self.best_file))

    def state_dict(self) -> dict[str, Any]:
        """The best mAP so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue comparing with it."""
        self.best = state_dict["best"]

    def _evaluate(self, trainer: Trainer, stage: Stage, epoch: int) -> None:
        with evaluation_mode(stage.model):  # the embedder puts the model into inference mode and leaves it there
            evaluation = evaluate_in_full(
                TorchEmbedder(stage.model, self.transform, self.description, stage.device),
                self.benchmark,
                batch_size=self.batch_size,
                skip_unreadable=self.skip_unreadable,
                quiet=not self.skip_unreadable,  # what is left out is logged once
                cameras=self.cameras,
            )
        # Images that could not be read need not be looked for again.
        self.benchmark = replace(self.benchmark, query=evaluation.query, gallery=evaluation.gallery)
        self.skip_unreadable, result = False, evaluation.result
        metrics = {"mAP": result.mAP, "rank1": result.rank1, "mINP": result.mINP}
        self.run.record(stage=stage.name, epoch=epoch, data=NAME, **metrics)
        for logger in trainer.loggers:
            logger.log_metrics({f"{NAME}/{name}": value for name, value in metrics.items()}, step=trainer.global_step)
        if result.mAP > self.best:
            self.best = result.mAP
            if self.section.select == "best":
                save_model(self.best_file, stage.model, {"stage": stage.name, "epoch": epoch})
