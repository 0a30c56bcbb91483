"""CION's pre-training (Zuo et al., NeurIPS 2024): self-distillation guided by identities.

A student network learns to predict, from any view of a person, the output of its teacher for any other view, also
where the two views are of different images. The teacher is a moving average of the student. In a curriculum the number
of images of a person that are compared grows from 2 to 8.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.loading.identity_groups import identity_groups
from passerby.data.loading.view_loader import ViewBatch, ViewLoader
from passerby.data.split import Split
from passerby.distributed.devices import choose_accelerator
from passerby.distributed.processes import average_over_processes
from passerby.errors import RecipeError
from passerby.losses.self_distillation import identity_distillation, moved_centre
from passerby.methods.cion.gradient_clipping import clip_each
from passerby.methods.cion.projection_head import ProjectionHead
from passerby.methods.cion.recipe import CionRecipe
from passerby.methods.cion.self_distillation import SelfDistillation
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.networks.backbones import (
    PREFIX,
    adopt_backbone,
    describe_backbone,
    described_backbone,
    new_backbone,
    part_of,
)
from passerby.methods.stage import EpochLoader, Stage
from passerby.models.backbones.backbone import Backbone
from passerby.models.checkpoint import load_strictly

GLOBAL_VIEWS = 2


class DistillationStage(Stage):
    """The one stage: the student learns, the teacher follows."""

    model: SelfDistillation

    def __init__(self, recipe: CionRecipe, model: SelfDistillation, data: TrainingData) -> None:
        section = recipe.training
        super().__init__(
            "distillation",
            model,
            epochs=section.epochs,
            seed=recipe.seed,
            learning_rate=section,
        )
        self.recipe = recipe
        self.section, self.teaching, self.data, self.prefetch = section, recipe.teacher, data, recipe.trainer.prefetch
        self.views = recipe.views.transform(recipe.model.image_size)
        self._size = recipe.model.image_size
        self._mean_logits: Tensor | None = None

    def batches(self, epoch: int, process: int, processes: int) -> EpochLoader:
        """Views of groups of images of one identity, as many to a group as the curriculum says."""
        return ViewLoader(
            self.data.training,
            self.views,
            self._rows(epoch, process, processes),
            self._size,
            images_per_identity=self.section.images_at(epoch),
            seed=self.seed,
            epoch=epoch,
            rank=process,
            processes=processes,
            prefetch=self.prefetch,
            device=self.device,
        )

    def losses(self, batch: ViewBatch) -> dict[str, Tensor]:
        """The distillation loss (Eq. 9), and the entropy of the teacher's output: near 0 or log K it tells nothing."""
        with torch.no_grad():
            targets = self.model.teacher(batch.views[:GLOBAL_VIEWS])
        predicted = self.model.student(batch.views)
        self._mean_logits = targets.float().mean((0, 1))[None]
        loss = identity_distillation(
            predicted,
            targets,
            self.model.centre,
            images_per_identity=batch.images_per_identity,
            form=self.section.form,
            student_temperature=self.section.temperature,
            teacher_temperature=self.teaching.temperature,
        )
        return {"loss": loss, "teacher_entropy": self._entropy(targets)}

    def training_step(self, batch: ViewBatch, batch_idx: int) -> dict[str, Any]:
        """As in all stages; the centre moves once the loss is computed."""
        result = super().training_step(batch, batch_idx)
        assert self._mean_logits is not None
        mean = average_over_processes(self._mean_logits)
        self.model.centre.copy_(moved_centre(self.model.centre, mean, momentum=self.teaching.centre_momentum))
        return result

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """The student, but for the lengths of the last layer's weights."""
        named = self.model.student.named_parameters(prefix="student")
        return [(name, parameter) for name, parameter in named if not name.endswith("last_layer.weight_g")]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """AdamW; vectors (biases, norms, scales) do not decay."""
        decaying = [p for name, p in parameters if p.ndim > 1 and not name.endswith(".bias")]
        others = [p for name, p in parameters if p.ndim <= 1 or name.endswith(".bias")]
        decay = self.section.weight_decay
        groups = [{"params": decaying, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
        return torch.optim.AdamW([{**group, "peak_factor": self.recipe.lr_peak_factor} for group in groups], lr=0.0)

    def steps_per_epoch(self, processes: int) -> int:
        """The mean over all epochs, for there are fewer groups where they are larger."""
        changes = (0, *self.section.changes, self.epochs)
        lengths = [len(self._rows(epoch, 0, processes)) for epoch in changes[:-1]]
        spans = [later - before for before, later in pairwise(changes)]
        return round(sum(length * span for length, span in zip(lengths, spans, strict=True)) / self.epochs)

    def example_batch(self) -> ViewBatch:
        """Noise, in groups as at the beginning."""
        count = self.section.batch_size
        views = tuple(torch.randn(count, 3, *view.size, device=self.device) for view in self.views.views)
        return ViewBatch(views, torch.arange(count, device=self.device), self.section.images_at(0))

    def on_stage_start(self) -> None:
        """Student and teacher learn statistics from their batches, unless the teacher averages the student's."""
        self.model.train()
        self.model.teacher.train(self.teaching.normalisation == "batch")

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """As in all stages; weight decay changes at every step, too."""
        super().on_train_batch_start(batch, batch_idx)
        decaying, _ = self.trainer.optimizers[0].param_groups
        decaying["weight_decay"] = self.recipe.weight_decay_at(self.position(batch_idx))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Lightning's hook: the head's last layer does not learn at first."""
        if self.trainer.current_epoch < self.section.frozen_epochs:
            self.model.student.head.last_layer.weight_v.grad = None

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None
    ) -> None:
        """Lightning's hook: bound each tensor's gradient, which is no longer scaled here."""
        if self.section.clip is None:
            return
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        clip_each(gradients, self.section.clip, scale=self._clipping_scale())

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """Lightning's hook: the teacher follows at once, so that a state saved after the step holds both."""
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        last = batch_idx + 1 == self.trainer.num_training_batches
        if self.teaching.update == "step" or last:
            momentum = self.recipe.momentum_at(self.position(batch_idx))
            self.model.follow(momentum, statistics=self.teaching.normalisation == "running")

    def _rows(self, epoch: int, process: int, processes: int) -> NDArray[np.int64]:
        return identity_groups(
            self.data.identities,
            images_per_identity=self.section.images_at(epoch),
            batch_size=self.section.batch_size,
            seed=self.seed,
            epoch=epoch,
            remainder=self.section.remainder,
            rank=process,
            processes=processes,
        )

    def _clipping_scale(self) -> float:
        """By what gradients are multiplied when they are compared with the bound."""
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        return scaler.get_scale() if self.section.clip_mode == "official" and scaler is not None else 1.0

    @torch.no_grad()
    def _entropy(self, logits: Tensor) -> Tensor:
        log_shares = ((logits.float() - self.model.centre) / self.teaching.temperature).log_softmax(2)
        return -(log_shares.exp() * log_shares).sum(2).mean()


class CionMethod(Method[CionRecipe, SelfDistillation]):
    """CION's pre-training."""

    name = "cion"
    recipe = CionRecipe
    networks = ("teacher", "student")
    training_only = ("student.head.", "teacher.head.", "centre")

    def transforms(self, recipe: CionRecipe) -> tuple[TrainTransform, TestTransform]:
        """How images are stored where a cache holds them at one size, and how they are embedded."""
        size, views = recipe.model.image_size, recipe.views
        stored = TrainTransform(size=size, mean=views.mean, std=views.std, padding=0, erasing=0)
        return stored, TestTransform(size=size, mean=views.mean, std=views.std)

    def check(self, recipe: CionRecipe, train: Split) -> None:
        """Refuse what these training images or the backbone cannot give.

        Raises:
            RecipeError: fewer identities than a step needs, views of a size that the backbone does not take, or batch
                statistics shared by processes without GPUs.
        """
        _check_local_views(recipe)
        processes = recipe.trainer.processes
        section = recipe.training
        fewest = min((size for size in section.images_per_identity if size > 1), default=1)
        needed = section.batch_size // fewest * processes
        if fewest > 1 and train.identity_count < needed:
            largest = train.identity_count // processes * fewest
            across = f" on each of {processes} processes" if processes > 1 else ""
            raise RecipeError(
                f"training.batch_size={section.batch_size}{across} takes groups of {fewest} images of {needed} "
                f"different identities, but the training images show {train.identity_count}: set it to at most "
                f"{largest}"
            )
        shared = processes > 1 and recipe.model.batch_norm == "synchronised"
        if shared and choose_accelerator(recipe.trainer) == "cpu":
            raise RecipeError(
                "model.batch_norm=synchronised: torch shares batch statistics between GPUs only: set it to per-process"
            )

    def adopt(self, recipe: CionRecipe, init: InitialWeights) -> InitialWeights:
        """A backbone's weights for student and teacher, whose heads are random; runs of this method as they are."""
        adopted = adopt_backbone(init, recipe.model, own_method=self.name)
        if adopted is init:
            return init
        tensors = {f"{network}.{name}": value for network in self.networks for name, value in adopted.tensors.items()}
        return replace(adopted, tensors=tensors)

    def build(
        self, recipe: CionRecipe, classes: int, cameras: int, init: InitialWeights | None = None
    ) -> SelfDistillation:
        """Student and teacher with random weights."""
        section = recipe.model
        backbone = new_backbone(section)
        head = ProjectionHead(
            backbone.feature_dim, section.outputs, hidden=section.hidden, bottleneck=section.bottleneck
        )
        return SelfDistillation(backbone, head, network=recipe.embedding.network)

    def stages(
        self, recipe: CionRecipe, model: SelfDistillation, data: TrainingData, folder: Path | None
    ) -> list[Stage]:
        """One stage; with several processes batch statistics are shared among them, if the recipe says so."""
        if recipe.trainer.processes > 1 and recipe.model.batch_norm == "synchronised":
            model.student = nn.SyncBatchNorm.convert_sync_batchnorm(model.student)
            model.teacher = nn.SyncBatchNorm.convert_sync_batchnorm(model.teacher)
        return [DistillationStage(recipe, model, data)]

    def describe(self, recipe: CionRecipe, model: SelfDistillation) -> dict[str, Any]:
        """The backbone, and the network that embeds unless another is chosen."""
        return {**describe_backbone(model.student.backbone), "network": recipe.embedding.network}

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Backbone:
        """The backbone of the network that embeds, alone."""
        backbone = described_backbone(description)
        load_strictly(backbone, part_of(tensors, self.backbone_prefix(description)), source=source)
        return backbone

    def backbone_prefix(self, description: Mapping[str, Any]) -> str:
        """The backbone of the network that embeds."""
        return f"{description['network']}.{PREFIX}"


def _check_local_views(recipe: CionRecipe) -> None:
    """Try a local view where shapes only are computed."""
    if not recipe.views.local:
        return
    with torch.device("meta"):
        try:
            new_backbone(recipe.model)(torch.zeros(2, 3, *recipe.views.local_size))
        except RecipeError:
            raise
        except Exception as error:  # every network has its own way to refuse a size
            reason = str(error).split("\n")[0][:120]
            raise RecipeError(
                f"views.local_size={list(recipe.views.local_size)}: {recipe.model.backbone} for images of "
                f"{list(recipe.model.image_size)} cannot take such views ({reason}): set it to model.image_size"
            ) from error
