"""What a recipe of MGN says; the defaults are the numbers published with ReIDZoo."""

from typing import Literal

from pydantic import Field, model_validator

from passerby.config import NotNegative, Positive, Recipe, Section
from passerby.errors import RecipeError
from passerby.methods.networks.backbones import BackboneSection
from passerby.methods.sections.augmentation import AugmentationSection
from passerby.methods.sections.clip import Pixels
from passerby.methods.sections.learning_rate import LearningRate


class MgnModelSection(BackboneSection):
    """The network."""

    image_size: tuple[Pixels, Pixels] = (384, 128)
    """Height and width in pixels."""
    width: int = Field(default=256, ge=1, le=2**14)
    """Of each of the eight features."""


class MgnAugmentationSection(AugmentationSection):
    """From pixels to the network's input."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Subtracted from each channel (of values 0–1)."""
    std: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)
    """Divides each channel."""
    fill: Literal["noise", "black"] = "black"
    """What erased rectangles are filled with."""


class MgnLossWeights(Section):
    """Weights of the losses."""

    identity: NotNegative = 0.125
    """Each of the eight identity losses."""
    triplet: NotNegative = 0.2
    """Each of the five triplet losses."""


class MgnSection(LearningRate):
    """How everything is trained."""

    epochs: int = Field(default=60, ge=1)
    """Passes over the training identities."""
    identities_per_batch: int = Field(default=4, ge=2)
    """P, per process."""
    images_per_identity: int = Field(default=16, ge=2, le=4096)
    """K."""
    lr: NotNegative = 3.5e-4
    """Learning rate after warm-up."""
    warmup_epochs: NotNegative = 10
    """Epochs of linear warm-up, step by step."""
    warmup_start_factor: NotNegative = 0.01
    """Where the warm-up begins, as a fraction of lr."""
    constant_epochs: int = Field(default=30, ge=0)
    """Epochs, warm-up included, before the cosine begins."""
    min_lr_factor: NotNegative = 0.0022
    """Where the cosine ends, as a fraction of lr, with decay=cosine."""
    frozen_epochs: int = Field(default=10, ge=0)
    """Epochs at the beginning in which trunk and branches are frozen."""
    weight_decay: NotNegative = 5e-4
    """Coupled L2, as in Adam; biases too."""
    loss_weights: MgnLossWeights = MgnLossWeights()
    """Weights of the losses."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """What the other classes share of the target of an identity loss."""
    scale: Positive = 64.0
    """Of circle logits."""
    margin: NotNegative = 0.35
    """Of circle logits."""
    gather_triplets: bool = True
    """Mine triplets among the batches of all processes instead of within each."""

    WARMUP_BY_STEP = True

    @model_validator(mode="after")
    def _cosine_has_epochs(self) -> "MgnSection":
        if not self.warmup_epochs <= self.constant_epochs < self.epochs:
            raise RecipeError(
                f"training.warmup_epochs={self.warmup_epochs}, constant_epochs={self.constant_epochs} and "
                f"epochs={self.epochs} must grow"
            )
        return self

    def cosine_start(self) -> float:
        """Epochs before the cosine begins to fall."""
        return self.constant_epochs


class MgnRecipe(Recipe):
    """A recipe of MGN."""

    model: MgnModelSection = MgnModelSection()
    """The network."""
    augmentation: MgnAugmentationSection = MgnAugmentationSection()
    """From pixels to the network's input."""
    training: MgnSection = MgnSection()
    """How it is trained."""
