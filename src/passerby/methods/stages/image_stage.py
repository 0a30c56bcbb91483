"""Stages that learn from images in batches of P identities × K images."""

from abc import ABC
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from passerby.config import Recipe
from passerby.data.loading.loaders import Batch, TrainLoader
from passerby.data.loading.sampling import identity_balanced_batches
from passerby.methods.batch_sizes import BatchSizes
from passerby.methods.method import TrainingData
from passerby.methods.sections.learning_rate import LearningRate
from passerby.methods.stage import EpochLoader, Stage


class ImageBatchStage(Stage, ABC):
    """A stage on augmented images.

    Args:
        name: of the stage.
        model: the whole network.
        recipe: gives the seed, and how many batches are prepared ahead.
        data: the training images.
        sizes: of a batch.
        epochs: how many.
        learning_rate: the keys of its learning rate.
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
    ) -> None:
        super().__init__(name, model, epochs=epochs, seed=recipe.seed, learning_rate=learning_rate)
        self.data, self.sizes, self.prefetch = data, sizes, recipe.trainer.prefetch

    def batches(self, epoch: int, process: int, processes: int) -> EpochLoader:
        """P identities × K images, augmented."""
        loader = TrainLoader(
            self.data.split,
            self.data.training,
            self.data.train_transform,
            lambda epoch: self.rows(epoch, process, processes),
            seed=self.seed,
            rank=process,
            processes=processes,
            prefetch=self.prefetch,
            device=self.device,
        )
        loader.set_epoch(epoch)
        return loader

    def steps_per_epoch(self, processes: int) -> int:
        """As many batches as the sampler finds in the first epoch."""
        return len(self.rows(0, 0, processes))

    def example_batch(self) -> Any:
        """Noise, of as many identities and images as a batch has."""
        labels = self.example_labels()
        images = torch.randn(len(labels), 3, *self.data.train_transform.size, device=self.device)
        return Batch(images, labels, torch.zeros_like(labels), torch.arange(len(labels)))

    def example_labels(self) -> torch.Tensor:
        """Labels as a batch has them, int64 [P · K], on the stage's device."""
        labels = torch.arange(self.sizes.identities_per_batch).repeat_interleave(self.sizes.images_per_identity)
        return labels.to(self.device)

    def rows(self, epoch: int, process: int, processes: int) -> NDArray[np.int64]:
        """Rows of the split in each batch of an epoch (0-based), int64 [steps, P · K]."""
        return identity_balanced_batches(
            self.data.identities,
            identities_per_batch=self.sizes.identities_per_batch,
            images_per_identity=self.sizes.images_per_identity,
            seed=self.seed,
            epoch=epoch,
            rank=process,
            processes=processes,
        )


def estimated_steps(identities: NDArray[np.int64], sizes: BatchSizes) -> int:
    """Steps of an epoch as samplers of this kind commonly estimate them: every complete group of K is taken for used.

    Really some groups are left when fewer than P identities remain, so epochs are shorter.
    """
    counts = np.unique(identities, return_counts=True)[1]
    groups = np.maximum(counts // sizes.images_per_identity, 1).sum()
    return -(-int(groups) // sizes.identities_per_batch)
