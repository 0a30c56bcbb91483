"""What a recipe of learning from clusters says; the defaults are the numbers published with ReIDZoo."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from passerby.config import NotNegative, Positive, Recipe, Section
from passerby.methods.networks.backbones import BackboneSection
from passerby.methods.sections.augmentation import AugmentationSection
from passerby.methods.sections.learning_rate import Decay, Epoch, LearningRate


class ClusterModelSection(BackboneSection):
    """The network; its weights are random, or those that `init` names."""

    pooling: Literal["gem", "native"] = "gem"
    """A generalised mean of a residual network's last map, or as the backbone pools."""


class ClusteringSection(Section):
    """How images are clustered before every epoch."""

    k1: int = Field(default=30, ge=1)
    """Size of the reciprocal neighbourhoods of the Jaccard distance."""
    k2: int = Field(default=6, ge=1)
    """Images averaged over in it."""
    eps: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """Largest distance of neighbours; 0.7 was published for MSMT17."""
    min_samples: int = Field(default=4, ge=1)
    """Neighbours, itself included, that make an image a core of a cluster."""
    constraints: Path | None = None
    """A table of who is one person and who is not, which clusters obey."""


class ContrastSection(LearningRate):
    """How the network learns from clusters."""

    epochs: int = Field(default=50, ge=1)
    """Clusterings."""
    iterations: int = Field(default=200, ge=1)
    """Steps of an epoch."""
    identities_per_batch: int = Field(default=32, ge=2)
    """Clusters in a batch, per process."""
    images_per_identity: int = Field(default=8, ge=2, le=4096)
    """Images of each."""
    temperature: Positive = 0.05
    """Of the softmax over the centroids."""
    memory_momentum: float = Field(default=0.2, ge=0, lt=1)
    """What stays of a centroid when the least similar of its images moves it."""
    optimiser: Literal["sgd", "adam"] = "sgd"
    """Stochastic gradient descent with momentum (ReIDZoo), or Adam (the original)."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Of stochastic gradient descent."""
    lr: NotNegative = 3.5e-4
    """Learning rate after warm-up."""
    decay: Decay = "steps"
    """After the warm-up: constant, half a cosine, or to a tenth at each milestone."""
    milestones: tuple[Epoch, ...] = (20, 40)
    """Epochs of the steps, with decay=steps."""
    weight_decay: NotNegative = 5e-4
    """Coupled L2."""
    neck_from_data: bool = False
    """Begin the neck's statistics with the training images': short epochs need it."""


class ClusterContrastRecipe(Recipe):
    """A recipe of learning from clusters, without identities."""

    model: ClusterModelSection = ClusterModelSection()
    """The network."""
    augmentation: AugmentationSection = AugmentationSection()
    """From pixels to the network's input."""
    clustering: ClusteringSection = ClusteringSection()
    """How images are clustered."""
    training: ContrastSection = ContrastSection()
    """How the network learns."""
