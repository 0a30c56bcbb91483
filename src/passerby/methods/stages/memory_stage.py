"""Stages that compare images with a memory, which is made of all images' features before every epoch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

from passerby.config import Recipe
from passerby.distributed.processes import gather_labels
from passerby.losses.memory import Memory
from passerby.methods.batch_sizes import BatchSizes
from passerby.methods.method import EmbeddingModel, TrainingData
from passerby.methods.sections.learning_rate import LearningRate
from passerby.methods.stage import EpochLoader, Preparation
from passerby.methods.stages.features import EXTRACTION_BATCH, current_features, features_of
from passerby.methods.stages.image_stage import ImageBatchStage

MemoryT = TypeVar("MemoryT", bound=Memory)


class MemoryStage(ImageBatchStage, ABC, Generic[MemoryT]):
    """Before every epoch features, and a memory of them; after every step the memory learns from the batch.

    A subclass calls `remember` in `losses`.

    Args:
        name, model, recipe, data, sizes, epochs, learning_rate: see `ImageBatchStage`.
        iterations: steps of an epoch.
        memory_momentum: how much of a centroid an update keeps.

    Attributes:
        memory: of the running epoch; None before the first.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        recipe: Recipe,
        data: TrainingData,
        sizes: BatchSizes,
        *,
        epochs: int,
        learning_rate: LearningRate,
        iterations: int,
        memory_momentum: float,
    ) -> None:
        super().__init__(name, model, recipe, data, sizes, epochs=epochs, learning_rate=learning_rate)
        self.iterations, self.memory_momentum = iterations, memory_momentum
        self.memory: MemoryT | None = None
        self._epoch = 0
        self._seen: tuple[Tensor, Tensor] | None = None
        self._restored: dict[str, Any] = {}

    @abstractmethod
    def begin_epoch(self, epoch: int, features: Tensor) -> None:
        """Make the memory.

        Args:
            epoch: from 0.
            features: of all training images, float32 [n, D], the same in all processes.
        """

    @abstractmethod
    def restored_memory(self, state: Mapping[str, Tensor]) -> MemoryT:
        """The memory of a state that was saved inside an epoch, on the stage's device."""

    def features_before(self, epoch: int) -> Tensor:
        """Features of all training images before an epoch (from 0), float32 [n, D]; by default retrieval features."""
        return current_features(self, self._embed, self.data)

    def remember(self, features: Tensor, labels: Tensor) -> None:
        """Let the memory learn from a batch once its gradient is taken.

        Args:
            features: [B, D] of length 1.
            labels: int64 [B], what the memory distinguishes.
        """
        self._seen = features.detach(), labels

    def train_dataloader(self) -> EpochLoader:
        """Lightning's hook, called at every epoch: its memory first, which a run resumed inside it brings along."""
        self._epoch, state = self.trainer.current_epoch, self._restored.pop("memory", None)
        if state is not None:
            self.memory = self.restored_memory(state)
        elif self._epoch != self._restored.get("finished_epoch"):  # Lightning asks for that one's batches again
            self.begin_epoch(self._epoch, self.features_before(self._epoch))
        return super().train_dataloader()

    def on_after_backward(self) -> None:
        """Lightning's hook: let the memory learn from the batch of all processes."""
        assert self._seen is not None
        assert self.memory is not None
        features, labels = (gather_labels(each) for each in self._seen)
        self.memory.update(features, labels, momentum=self.memory_momentum)
        self._seen = None

    def steps_per_epoch(self, processes: int) -> int:
        """As many as the recipe says."""
        return self.iterations

    def preparations(self, processes: int) -> Sequence[Preparation]:
        """Before every epoch the features of all images, shared among the processes."""
        images = torch.randn(EXTRACTION_BATCH, 3, *self.data.test_transform.size, device=self.device)
        pieces = -(-len(self.data.split) // (EXTRACTION_BATCH * processes)) * self.epochs
        return (Preparation(pieces, lambda: features_of(self, self._embed, images)),)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the memory inside an epoch; between two it is made anew."""
        super().on_save_checkpoint(checkpoint)
        kept = checkpoint["passerby"]
        if not kept["next_step"]:
            kept["finished_epoch"] = self._epoch
        elif self.memory is not None:
            kept |= {"memory": self.memory.state(), "metrics": self.metrics, "progress_note": self.progress_note}

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Continue with it."""
        super().on_load_checkpoint(checkpoint)
        self._restored = dict(checkpoint["passerby"])
        self.metrics, self.progress_note = self._restored.get("metrics", {}), self._restored.get("progress_note", "")

    def _embed(self, images: Tensor) -> Tensor:
        return cast(EmbeddingModel, self.model).embed(images)
