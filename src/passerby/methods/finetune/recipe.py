"""What a recipe of fine-tuning a backbone says; the defaults are the published numbers of ReIDZoo's."""

from pydantic import Field, model_validator

from passerby.config import NotNegative, Recipe, Section
from passerby.methods.networks.backbones import BackboneSection
from passerby.methods.sections.augmentation import AugmentationSection
from passerby.methods.sections.learning_rate import LearningRate
from passerby.models.zoo.catalogue import FineTuning, published_results

_LR_OF_64 = 4e-4
_IDENTITIES, _WARMUP_EPOCHS, _EPOCHS = 16, 20, 120


class FineTuningLossWeights(Section):
    """Weights of the losses."""

    identity: NotNegative = 1.0
    """Identity loss."""
    triplet: NotNegative = 1.0
    """Triplet loss."""


class FineTuningSection(LearningRate):
    """How everything is trained.

    Epoch e has the values of the published code at e - 1. Its cosine does not begin anew after the warm-up, so the
    learning rate leaps to 0.93 of its peak there.
    """

    lr: NotNegative = _LR_OF_64
    """Learning rate after warm-up; left out: as published, else 4e-4 for 64 images."""
    warmup_epochs: NotNegative = _WARMUP_EPOCHS
    """Epochs of linear warm-up; left out: as published, in proportion to 120 epochs."""
    warmup_start_factor: NotNegative = 0.01
    min_lr_factor: NotNegative = 0.002
    epochs: int = Field(default=_EPOCHS, ge=1)
    """Passes over the training identities."""
    identities_per_batch: int = Field(default=_IDENTITIES, ge=2)
    """P, per process; left out: as published for the backbone, else 16."""
    images_per_identity: int = Field(default=4, ge=2, le=4096)
    """K."""
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


class FinetuneRecipe(Recipe):
    """A recipe of fine-tuning a backbone."""

    model: BackboneSection = BackboneSection()
    """The network."""
    augmentation: AugmentationSection = AugmentationSection()
    """From pixels to the network's input."""
    training: FineTuningSection = FineTuningSection()
    """How it is trained."""

    @model_validator(mode="after")
    def _as_published(self) -> "FinetuneRecipe":
        """Fill in what was published for this backbone and data set, or Market-1501, and was left out."""
        training, published = self.training, self._published()
        given, images = training.model_fields_set, training.images_per_identity
        filled: dict[str, float] = {}
        if "identities_per_batch" not in given and published is not None:
            filled["identities_per_batch"] = max(published.batch_size // images, 2)
        if "lr" not in given:
            identities = filled.get("identities_per_batch", training.identities_per_batch)
            as_published = published is not None and "identities_per_batch" not in given
            filled["lr"] = published.rate if published and as_published else _LR_OF_64 * identities * images / 64
        if "warmup_epochs" not in given:
            known = published.warmup_epochs if published else _WARMUP_EPOCHS
            filled["warmup_epochs"] = known * min(training.epochs, _EPOCHS) // _EPOCHS
        self.__dict__["training"] = training.model_copy(update=filled)  # recipes are immutable once they are checked
        return self

    def _published(self) -> FineTuning | None:
        benchmark = "msmt17" if self.data.name in ("msmt17", ["msmt17"]) else "market1501"
        found = (result.settings.get(benchmark) for result in published_results(self.model.backbone))
        return next((each for each in found if each is not None), None)
