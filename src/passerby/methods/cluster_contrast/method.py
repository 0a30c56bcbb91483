"""Cluster-Contrast (Dai et al., ACCV 2022): learning from images without identities.

Before every epoch all images are clustered by the Jaccard distances of their neighbourhoods; in its steps each image is
drawn to the centroid of its cluster and away from those of others. With `init` from pre-training it learns without any
labels, with `init` from fine-tuning on another data set it adapts to this one. Identities of the training images are
not looked at, but constraints that people gave (`clustering.constraints`) are obeyed. Settings are those of ReIDZoo
(Zuo et al., NeurIPS 2024).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from passerby.data.loading.loaders import Batch
from passerby.data.loading.sampling import continued_class_batches
from passerby.data.split import Split
from passerby.errors import PasserbyError, RecipeError
from passerby.losses.centroids import centroid_contrast
from passerby.losses.cluster_memory import ClusterMemory
from passerby.methods.cluster_contrast.constraints import FOLDER, ImageConstraints, constraints_of
from passerby.methods.cluster_contrast.network import NEW, ClusterReid
from passerby.methods.cluster_contrast.recipe import ClusterContrastRecipe
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.networks.backbones import (
    PREFIX,
    adopt_backbone,
    describe_backbone,
    described_backbone,
    new_backbone,
)
from passerby.methods.stage import Stage, StageOutput, keyed_seed
from passerby.methods.stages.features import features_of_settled_neck
from passerby.methods.stages.memory_stage import MemoryStage
from passerby.metrics import constrained_dbscan, dbscan, jaccard_distances
from passerby.models.backbones.registry import family_of
from passerby.models.checkpoint import load_strictly

if TYPE_CHECKING:
    from scipy import sparse


class ImageClusters(ClusterMemory):
    """The clusters of an epoch.

    Args:
        features: of all training images, [n, D].
        clusters: of each image, int64 [n], -1 for none.
    """

    def __init__(self, features: Tensor, clusters: Tensor) -> None:
        super().__init__(features, clusters)
        self.clusters = clusters


class ContrastStage(MemoryStage[ImageClusters]):
    """The one stage: cluster, then learn, epoch after epoch.

    Args:
        recipe: of the method.
        model: the network.
        data: training images; their labels are not looked at.
        constraints: what is known of them, which clusters obey.
    """

    model: ClusterReid
    takes_added_losses = True

    def __init__(
        self,
        recipe: ClusterContrastRecipe,
        model: ClusterReid,
        data: TrainingData,
        constraints: ImageConstraints | None = None,
    ) -> None:
        section = recipe.training
        super().__init__(
            "contrast",
            model,
            recipe,
            data,
            section,
            epochs=section.epochs,
            learning_rate=section,
            iterations=section.iterations,
            memory_momentum=section.memory_momentum,
        )
        self.section, self.clustering, self.constraints = section, recipe.clustering, constraints

    def features_before(self, epoch: int) -> Tensor:
        """Retrieval features; before the first epoch the neck's statistics may be taken from the training images."""
        if epoch or not self.section.neck_from_data:
            return super().features_before(epoch)
        model = self.model
        return features_of_settled_neck(self, model.pooled, model.bottleneck, model.after_bnneck, self.data)

    def begin_epoch(self, epoch: int, features: Tensor) -> None:
        """Cluster all images, and let the memory begin with the clusters' means.

        Raises:
            PasserbyError: fewer than two clusters, of which nothing could be learned.
        """
        section = self.clustering
        distances = jaccard_distances(features.cpu().numpy(), k1=section.k1, k2=section.k2, max_distance=section.eps)
        clusters = self._clusters(distances)
        count, outliers = int(clusters.max(initial=-1)) + 1, int((clusters < 0).sum())
        if count < 2:
            size = "smaller clustering.eps or clustering.k1" if count else "larger clustering.eps"
            raise PasserbyError(
                f"{self.name}: {'only' if count else 'not'} one cluster among {len(clusters):,} images before epoch "
                f"{epoch + 1}: start with pre-trained weights (init), or with a {size}"
            )
        self.metrics = {"clusters": count, "outliers": outliers}
        self.progress_note = f"{count:,} clusters, {outliers:,} images in none"
        self.memory = ImageClusters(features, torch.from_numpy(clusters).to(features.device))

    def _clusters(self, distances: "sparse.csr_array") -> NDArray[np.int64]:
        section = self.clustering
        if self.constraints is None:
            return dbscan(distances, section.eps, min_samples=section.min_samples)
        return constrained_dbscan(distances, section.eps, min_samples=section.min_samples, **self.constraints._asdict())

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Contrast with the centroids, which move once the gradient is taken."""
        assert self.memory is not None
        pooled, labels = self.model.pooled(batch.images), self.memory.clusters[batch.indices]
        features = self.model.after_bnneck(pooled)
        self.remember(features, labels)
        self.output = StageOutput(pooled, None, labels, batch.cameras)
        centroids = self.memory.centroids
        return {"loss": centroid_contrast(features, labels, centroids, temperature=self.section.temperature)}

    def rows(self, epoch: int, process: int, processes: int) -> Any:
        """Batches of P clusters × K images, all clusters where there are fewer; in a pass none comes twice."""
        if self.memory is None:  # a finished epoch, whose batches Lightning only counts after a resume
            return np.empty((self.iterations, 0), np.int64)
        clusters = self.memory.clusters.cpu().numpy()
        members = np.flatnonzero(clusters >= 0)
        batches = continued_class_batches(
            clusters[members],
            classes_per_batch=self.section.identities_per_batch,
            images_per_class=self.section.images_per_identity,
            first=0,
            count=self.iterations,
            seed=keyed_seed(self.seed, self.name, epoch),
            rank=process,
            processes=processes,
            whole_only=True,
        )
        return [members[batch] for batch in batches]

    def restored_memory(self, state: Mapping[str, Tensor]) -> ImageClusters:
        """Centroids and clusters."""
        return ImageClusters.restored(state, self.device)

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Everything but the bias of the neck, which stays 0."""
        return [(name, p) for name, p in self.model.named_parameters() if name != "bottleneck.bias"]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Stochastic gradient descent with momentum, or Adam; weight decay is coupled, and of everything."""
        section, learned = self.section, [p for _, p in parameters]
        if section.optimiser == "adam":
            return torch.optim.Adam(learned, lr=0.0, weight_decay=section.weight_decay)
        return torch.optim.SGD(learned, lr=0.0, momentum=section.momentum, weight_decay=section.weight_decay)

    def example_batch(self) -> Any:
        """Noise, and as many clusters as a batch takes."""
        count = len(self.data.split)
        clusters = torch.arange(count, device=self.device) % min(self.section.identities_per_batch, count)
        self.memory = ImageClusters(torch.randn(count, self.model.embed_dim, device=self.device), clusters)
        batch = super().example_batch()
        return batch._replace(indices=batch.indices.to(self.device) % count)


class ClusterContrastMethod(Method[ClusterContrastRecipe, ClusterReid]):
    """Cluster-Contrast."""

    name = "cluster-contrast"
    recipe = ClusterContrastRecipe
    training_only = NEW
    run_artifacts = (FOLDER,)

    def check(self, recipe: ClusterContrastRecipe, train: Split) -> None:
        """Refuse a pooling that the backbone cannot have, neighbourhoods that hold all images, and false constraints.

        Raises:
            RecipeError: a generalised mean of a network without a last map, or a k1 that reaches the number of images.
            DataError: the constraints cannot be read or contradict each other.
        """
        constraints_of(train, recipe.clustering.constraints, None)
        if recipe.clustering.k1 >= len(train):
            raise RecipeError(
                f"clustering.k1={recipe.clustering.k1}: with {len(train):,} training images all are neighbours of all, "
                f"and form one cluster: set it far below {len(train):,}"
            )
        if recipe.model.pooling == "gem" and family_of(recipe.model.backbone) not in ("resnet", "resnet_ibn"):
            raise RecipeError(
                f"model.pooling=gem: {recipe.model.backbone} is no residual network, whose last map could be pooled "
                "so: set model.pooling=native"
            )

    def adopt(self, recipe: ClusterContrastRecipe, init: InitialWeights) -> InitialWeights:
        """Weights of CION's runs, of fine-tuned or bare backbones, and of official files, under our names."""
        return adopt_backbone(init, recipe.model, own_method=self.name)

    def build(
        self, recipe: ClusterContrastRecipe, classes: int, cameras: int, init: InitialWeights | None = None
    ) -> ClusterReid:
        """The network with random weights."""
        return ClusterReid(new_backbone(recipe.model), generalised_mean=recipe.model.pooling == "gem")

    def stages(
        self, recipe: ClusterContrastRecipe, model: ClusterReid, data: TrainingData, folder: Path | None
    ) -> list[Stage]:
        """One stage."""
        constraints = constraints_of(data.split, recipe.clustering.constraints, folder)
        return [ContrastStage(recipe, model, data, constraints)]

    def describe(self, recipe: ClusterContrastRecipe, model: ClusterReid) -> dict[str, Any]:
        """The backbone's name and image size, and the pooling."""
        return {**describe_backbone(model.backbone), "generalised_mean": model.pooling is not None}

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> ClusterReid:
        """The whole network: pooling and neck belong to the feature."""
        model = ClusterReid(described_backbone(description), generalised_mean=description["generalised_mean"])
        load_strictly(model, tensors, source=source)
        return model

    def backbone_prefix(self, description: Mapping[str, Any]) -> str:
        """One backbone, under its own name."""
        return PREFIX
