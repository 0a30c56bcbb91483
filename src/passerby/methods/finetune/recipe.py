"""What a recipe of fine-tuning a backbone says; the defaults are the published numbers of ReIDZoo's."""

from dataclasses import dataclass

from pydantic import Field

from passerby.config import NotNegative, Positive, Recipe, Section
from passerby.methods.networks.backbones import BackboneSection
from passerby.methods.schedules import Schedule, cosine_with_warmup
from passerby.methods.sections.augmentation import AugmentationSection
from passerby.models.zoo.catalogue import FineTuning, published_results

_RATE_OF_64 = 4e-4
_IDENTITIES, _WARMUP_EPOCHS, _EPOCHS = 16, 20, 120


class FineTuningLossWeights(Section):
    """Weights of the losses."""

    identity: NotNegative = 1.0
    """Identity loss."""
    triplet: NotNegative = 1.0
    """Triplet loss."""


class FineTuningSection(Section):
    """How everything is trained."""

    epochs: int = Field(default=_EPOCHS, ge=1)
    """Passes over the training identities."""
    identities_per_batch: int | None = Field(default=None, ge=2)
    """P, per process; null: as published for this backbone and data set, else 16."""
    images_per_identity: int = Field(default=4, ge=2)
    """K."""
    lr: Positive | None = None
    """Learning rate after warm-up; null: as published for this backbone and data set, else 4e-4 for each 64 images."""
    warmup_epochs: int | None = Field(default=None, ge=0)
    """Epochs of linear warm-up; null: as published for this backbone and data set, else 20; of 120, and that share of
    fewer."""
    warmup_start_factor: NotNegative = 0.01
    """Where the warm-up begins, as a fraction of the learning rate."""
    min_lr_factor: NotNegative = 0.002
    """Where the cosine ends, as a fraction of the learning rate."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Of stochastic gradient descent."""
    weight_decay: NotNegative = 1e-4
    """Coupled L2; biases too."""
    bias_lr_factor: NotNegative = 2.0
    """Learning rate of biases after warm-up, relative to the others."""
    loss_weights: FineTuningLossWeights = FineTuningLossWeights()
    """Weights of the losses."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Label smoothing of the identity loss."""
    margin: NotNegative | None = None
    """Triplet margin; null: the soft form."""


@dataclass(frozen=True)
class Batch:
    """P identities × K images, per process.

    Attributes:
        identities_per_batch: P.
        images_per_identity: K.
    """

    identities_per_batch: int
    images_per_identity: int


class FinetuneRecipe(Recipe):
    """A recipe of fine-tuning a backbone."""

    model: BackboneSection = BackboneSection()
    """The network."""
    augmentation: AugmentationSection = AugmentationSection()
    """From pixels to the network's input."""
    training: FineTuningSection = FineTuningSection()
    """How it is trained."""

    @property
    def published(self) -> FineTuning | None:
        """How this backbone was fine-tuned on this data set by its authors; on Market-1501 for other sets."""
        benchmark = "msmt17" if self.data.name in ("msmt17", ["msmt17"]) else "market1501"
        found = (result.settings.get(benchmark) for result in published_results(self.model.backbone))
        return next((each for each in found if each is not None), None)

    @property
    def batch(self) -> Batch:
        """P identities × K images."""
        section, published = self.training, self.published
        identities = section.identities_per_batch
        if identities is None:
            known = published.batch_size // section.images_per_identity if published else _IDENTITIES
            identities = max(known, 2)
        return Batch(identities, section.images_per_identity)

    @property
    def rate(self) -> float:
        """Learning rate after warm-up."""
        section, published = self.training, self.published
        if section.lr is not None:
            return section.lr
        if published is not None and section.identities_per_batch is None:
            return published.rate
        return _RATE_OF_64 * self.batch.identities_per_batch * self.batch.images_per_identity / 64

    @property
    def warmup_epochs(self) -> int:
        """Epochs of warm-up, never all."""
        section, published = self.training, self.published
        if section.warmup_epochs is not None:
            return section.warmup_epochs
        known = published.warmup_epochs if published else _WARMUP_EPOCHS
        return known * min(section.epochs, _EPOCHS) // _EPOCHS

    def schedules(self) -> tuple[Schedule, Schedule]:
        """Learning rates by epoch (1-based) of weights and of biases.

        Warm-up and cosine begin and end at the same rates for both, so biases learn at their multiple in between only.
        Epoch e has the values of the published code at e - 1. The cosine does not begin anew after the warm-up, so the
        rate leaps to 0.93 of its peak there.
        """
        rate = self.rate
        return _shifted_cosine(self, rate), _shifted_cosine(self, rate * self.training.bias_lr_factor)


def _shifted_cosine(recipe: FinetuneRecipe, peak: float) -> Schedule:
    section = recipe.training
    rate = cosine_with_warmup(
        peak,
        section.epochs,
        warmup_epochs=recipe.warmup_epochs,
        warmup_from=recipe.rate * section.warmup_start_factor,
        floor=recipe.rate * section.min_lr_factor,
    )
    return lambda epoch: rate(epoch - 1)
