"""The first stage of CLIP-ReID and its descendants: a prompt for each identity, from features extracted once."""

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from passerby.losses.contrastive import grouped_contrastive, supervised_contrastive
from passerby.methods.method import TrainingData
from passerby.methods.sections.clip import PromptStageSection
from passerby.methods.stage import EpochLoader, Preparation, Stage
from passerby.methods.stages.features import (
    EXTRACTION_BATCH,
    FeatureBatch,
    FeatureBatches,
    extract_features,
    features_of,
)


class PromptRecipe(Protocol):
    """What the stage reads of a recipe."""

    @property
    def seed(self) -> int:
        """Governs everything random."""
        ...

    @property
    def stage1(self) -> PromptStageSection:
        """How the prompts learn."""
        ...


class PromptedModel(Protocol):
    """A module that holds both towers and the prompts."""

    @property
    def joint_dim(self) -> int:
        """Length E of features in the joint space."""
        ...

    def prompt_features(self, labels: Tensor) -> Tensor:
        """Identities [B] → features of their prompts [B, E]."""
        ...


class PromptStage(Stage):
    """Stage 1: contrast of images with the prompts of their identities; only the context tokens learn."""

    def __init__(
        self,
        recipe: PromptRecipe,
        model: PromptedModel,
        data: TrainingData,
        folder: Path | None,
        *,
        context: str,
        project: Callable[[Tensor], Tensor],
        groups: Tensor | None = None,
    ) -> None:
        """Describe the stage.

        Args:
            recipe: of the method.
            model: a module.
            data: the training images.
            folder: of the run, which keeps the features; None where nothing is trained.
            context: the name of the parameter that learns, the context tokens.
            project: images [B, 3, H, W] → features in the joint space [B, E], by frozen modules of the model.
            groups: of each identity, int64 [C]; images are then compared with prompts of their own group alone.
        """
        assert isinstance(model, nn.Module)
        section = recipe.stage1
        super().__init__("stage1-prompts", model, epochs=section.epochs, seed=recipe.seed, learning_rate=section)
        self.section, self.data, self.context = section, data, context
        self.project, self.text_features, self.joint_dim = project, model.prompt_features, model.joint_dim
        self.groups = groups
        self.folder = folder
        self._features: Tensor | None = None

    def batches(self, epoch: int, process: int, processes: int) -> EpochLoader:
        """Shuffled features; they are extracted before the first epoch and kept in the run directory."""
        if self._features is None:
            assert self.folder is not None, "features are kept in a run"
            file = self.folder / "cache" / "stage1-features.safetensors"
            self._features = extract_features(self, self.project, self.data, file)
        return FeatureBatches(
            self._features,
            torch.from_numpy(self.data.identities),
            batch_size=self.section.batch_size,
            seed=self.seed,
            epoch=epoch,
            process=process,
            processes=processes,
        )

    def losses(self, batch: FeatureBatch) -> dict[str, Tensor]:
        """Contrast of images with prompts and of prompts with images.

        The published code takes products of half-precision features in half precision; here they are float32.
        """
        images, labels = batch.features, batch.identities
        texts = self.text_features(labels)
        of_images, of_texts = self._contrast(images, texts, labels), self._contrast(texts, images, labels)
        return {
            "loss": of_images + of_texts,
            "image_to_text": of_images.detach(),
            "text_to_image": of_texts.detach(),
        }

    def steps_per_epoch(self, processes: int) -> int:
        """Every image once, shared among the processes."""
        return math.ceil(self._share(processes) / self.section.batch_size)

    def example_batch(self) -> FeatureBatch:
        """Random features of random identities, as many as a batch can have."""
        count = min(self.section.batch_size, len(self.data.split))
        features = torch.randn(count, self.joint_dim, device=self.device)
        return FeatureBatch(features, torch.randint(self.data.classes, (count,), device=self.device))

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """The context tokens only."""
        return [(self.context, self.model.get_parameter(self.context))]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Adam with coupled weight decay."""
        return torch.optim.Adam([p for _, p in parameters], lr=0.0, weight_decay=self.section.weight_decay)

    def on_stage_start(self) -> None:
        """The towers stay in inference mode: their batch statistics must not move."""
        self.model.eval()

    def preparations(self, processes: int) -> Sequence[Preparation]:
        """The features of each process's share of the images."""
        images = torch.randn(EXTRACTION_BATCH, 3, *self.data.test_transform.size, device=self.device)
        pieces = math.ceil(self._share(processes) / EXTRACTION_BATCH)
        return (Preparation(pieces, lambda: features_of(self, self.project, images)),)

    def _contrast(self, rows: Tensor, columns: Tensor, labels: Tensor) -> Tensor:
        if self.groups is None:
            return supervised_contrastive(rows, columns, labels, labels)
        self.groups = self.groups.to(labels.device)
        return grouped_contrastive(rows, columns, labels, self.groups[labels])

    def _share(self, processes: int) -> int:
        return math.ceil(len(self.data.split) / processes)
