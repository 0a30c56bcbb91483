"""What a recipe of contrastive pre-training on drawn pairs says."""

from typing import Annotated

from pydantic import Field, model_validator

from passerby.config import DataSection, NotNegative, Probability, Recipe, Section
from passerby.errors import RecipeError
from passerby.methods.sections.clip import Pixels
from passerby.methods.sections.learning_rate import LearningRate

Share = Annotated[float, Field(gt=0, le=1)]


class ModelSection(Section):
    """The towers; they start from random weights."""

    architecture: str = "vit-tiny-6"
    """An open_clip model name, or vit-tiny, vit-tiny-6 for work on two cores."""
    image_size: tuple[Pixels, Pixels] = (128, 64)
    """Height and width in pixels."""
    stride: Pixels | None = None
    """Distance between patches; less than their size: they overlap; null: their size."""


class PairsSection(Section):
    """The images and captions, which are drawn when they are needed and never stored."""

    per_epoch: int = Field(default=8192, ge=2)
    """New pairs in an epoch, per process; every epoch is another city."""
    passes: int = Field(default=2, ge=1)
    """How often each pair is shown, augmented and described anew, beside others."""
    workers: int = Field(default=1, ge=0)
    """Processes that draw, for each one that trains; 0: that one draws by itself."""
    places: int = Field(default=12, ge=1, le=12)
    """Cameras of a city."""
    crowd: float = Field(default=0.7, ge=0, le=6)
    """Strangers near a person, on average."""
    least_visible: float = Field(default=0.35, ge=0, le=1)
    """Less than this share of a person is shown only where several tries gave no more."""


class AugmentationSection(Section):
    """From drawn images to the network's input; nothing that a caption tells may change."""

    flip: Probability = 0.5
    """Probability of mirroring."""
    padding: int = Field(default=5, ge=0)
    """Zeros around the image before cropping back, in pixels."""
    erasing: Probability = 0.0
    """Probability of replacing a rectangle by noise."""


class TrainingSection(LearningRate):
    """How both towers learn."""

    epochs: int = Field(default=16, ge=1)
    """Cities."""
    batch_size: int = Field(default=128, ge=2)
    """Pairs per step and process; those of all processes are compared."""
    patches: Share = 0.5
    """Share of the patches that the image tower sees, others each time."""
    whole_epochs: int = Field(default=2, ge=0)
    """Epochs at the end in which it sees all."""
    lr: NotNegative = 1e-3
    """Learning rate after warm-up."""
    warmup_epochs: NotNegative = 1.0
    """Epochs of linear warm-up."""
    warmup_start_factor: NotNegative = 0.01
    """Where the warm-up begins, as a fraction of lr."""
    min_lr_factor: NotNegative = 0.01
    """Where the cosine ends, as a fraction of lr, with decay=cosine."""
    weight_decay: NotNegative = 0.1
    """Decoupled; not of biases, norms, embeddings and the scale."""

    COUNT_FROM = 1
    WARMUP_BY_STEP = True
    DECAY_BY_STEP = True
    COSINE_AFTER_WARMUP = True


class ClipPretrainRecipe(Recipe):
    """A recipe of contrastive pre-training on drawn pairs."""

    model: ModelSection = ModelSection()
    """The towers."""
    pairs: PairsSection = PairsSection()
    """What they learn from."""
    augmentation: AugmentationSection = AugmentationSection()
    """From drawn images to the network's input."""
    training: TrainingSection = TrainingSection()
    """How they learn."""

    @model_validator(mode="after")
    def _draws_its_own(self) -> "ClipPretrainRecipe":
        if self.data != DataSection():
            raise RecipeError(
                "data: this method draws its own images: leave it out; `passerby eval RUN --data NAME` measures the "
                "result on a data set"
            )
        if self.pairs.per_epoch % self.training.batch_size:
            raise RecipeError(
                f"pairs.per_epoch={self.pairs.per_epoch} is no multiple of "
                f"training.batch_size={self.training.batch_size}: make it one"
            )
        if self.training.whole_epochs > self.training.epochs:
            raise RecipeError(
                f"training.whole_epochs={self.training.whole_epochs} is more than "
                f"training.epochs={self.training.epochs}: lower it"
            )
        return self
