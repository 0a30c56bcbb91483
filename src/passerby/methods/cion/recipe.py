"""What a recipe of identity-guided self-distillation says; the defaults are CION's published numbers."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from passerby.config import DataSection, Finite, NotNegative, Positive, Probability, Recipe, Section
from passerby.data.augmentation.view_parameters import Colours, View
from passerby.data.augmentation.views import IMAGENET_MEAN, IMAGENET_STD, ViewsTransform
from passerby.data.loading.identity_groups import Remainder
from passerby.errors import RecipeError
from passerby.losses.self_distillation import Form
from passerby.methods.cion.projection_head import BOTTLENECK, HIDDEN, OUTPUTS
from passerby.methods.cion.self_distillation import Network
from passerby.methods.networks.backbones import BackboneSection
from passerby.methods.sections.clip import Pixels
from passerby.methods.sections.learning_rate import LearningRate, Position, half_cosine

Share = Annotated[float, Field(gt=0, le=1)]
Shares = tuple[Share, Share]
Count = Annotated[int, Field(ge=1)]

_IMAGES_OF_LR = 256


class NativeDataSection(DataSection):
    """What to train and evaluate on; crops are cut out of images at their own size."""

    cache: Literal["target", "native", "none"] = "native"
    """Decoded images kept on disk: at their own size, resized before cropping, or not."""


class ModelSection(BackboneSection):
    """Student and teacher; global views have the size of the images that the result embeds."""

    batch_norm: Literal["synchronised", "per-process"] = "synchronised"
    """Statistics over the batches of all processes (needs GPUs), or of each by itself."""
    outputs: int = Field(default=OUTPUTS, ge=2, le=2**20)
    """K, the head's outputs; 65336 in published files, a slip for 65536."""
    hidden: int = Field(default=HIDDEN, ge=1, le=2**14)
    """Width of the head's first two layers."""
    bottleneck: int = Field(default=BOTTLENECK, ge=1, le=2**14)
    """Width of the unit vector before the last layer."""


class ViewsSection(Section):
    """The views of each image: two global ones, which the teacher sees too, and local ones."""

    local: int = Field(default=8, ge=0, le=64)
    """Local views."""
    local_size: tuple[Pixels, Pixels] = (128, 64)
    """Height and width of local views in pixels."""
    global_area: Shares = (0.8, 1.0)
    """Smallest and largest share of the image that a global view shows."""
    local_area: Shares = (0.05, 0.8)
    """The same of local views."""
    ratio: tuple[Positive, Positive] = (0.4, 0.6)
    """Smallest and largest width / height of a view; 0.25 and 0.4 for 384×128."""
    flip: Probability = 0.5
    """Probability of mirroring."""
    mean: tuple[Finite, Finite, Finite] = IMAGENET_MEAN
    """Subtracted from each channel (of values 0–1)."""
    std: tuple[Positive, Positive, Positive] = IMAGENET_STD
    """Divides each channel."""

    def transform(self, size: tuple[int, int]) -> ViewsTransform:
        """The views, global ones of this size first."""
        views = (
            View(size, self.global_area, blur=1.0),
            View(size, self.global_area, blur=0.1, solarise=0.2),
            *[View(self.local_size, self.local_area, blur=0.5)] * self.local,
        )
        return ViewsTransform(views, self.ratio, self.flip, Colours(), self.mean, self.std)


class TeacherSection(Section):
    """How the teacher follows the student, and what it says."""

    momentum: Probability = 0.996
    """What stays of the teacher at each update, at the beginning."""
    momentum_end: Probability = 1.0
    """The same at the end, on a cosine."""
    update: Literal["step", "epoch"] = "step"
    """After every step, as in the published code, or epoch, as in the paper."""
    normalisation: Literal["batch", "running"] = "batch"
    """Statistics of its own batches, as published, or an average of the student's."""
    temperature: Positive = 0.04
    """Of its softmax; lower is sharper."""
    centre_momentum: Probability = 0.9
    """What stays at each step of the mean that is subtracted from its logits."""


class DistillationSection(LearningRate):
    """How the student learns."""

    epochs: int = Field(default=100, ge=1)
    """Passes over the identities."""
    batch_size: int = Field(default=120, ge=1, le=2**16)
    """Images per step and process; a multiple of all `images_per_identity`."""
    images_per_identity: tuple[Count, ...] = (2, 4, 6, 8)
    """N, in the order of the curriculum; 1 is DINO, which knows no identities."""
    changes: tuple[Count, ...] = (40, 60, 80)
    """Epochs (from 0) at which the next N begins."""
    remainder: Remainder = "official"
    """The n mod N images left: repeats as published, a group filled up, or dropped."""
    form: Form = "official"
    """Weights of pairs: as the published code computes them, or as in Eq. 9."""
    temperature: Positive = 0.1
    """Of the student's softmax."""
    lr: NotNegative = 5e-4
    """Learning rate after warm-up for 256 images per step of all processes."""
    warmup_epochs: NotNegative = 10
    """Epochs of linear warm-up."""
    warmup_start_factor: NotNegative = 0.0
    """Where the warm-up begins, as a fraction of lr."""
    min_lr_factor: NotNegative = 0.002
    """Where the cosine ends, as a fraction of lr, however many images a step has."""
    weight_decay: NotNegative = 0.04
    """Decoupled, at the beginning; not of biases and norms."""
    weight_decay_end: NotNegative = 0.4
    """The same at the end, on a cosine."""
    clip: Positive | None = 3.0
    """Largest length of the gradient of each tensor; null: none."""
    clip_mode: Literal["unscaled", "official"] = "unscaled"
    """official: clip gradients while 16-mixed scales them up, as published by mistake."""
    frozen_epochs: int = Field(default=1, ge=0)
    """Epochs at the beginning in which the head's last layer does not learn."""

    WARMUP_BY_STEP = True
    WARMUP_REACHES_LR = True
    DECAY_BY_STEP = True
    COSINE_AFTER_WARMUP = True

    @model_validator(mode="after")
    def _curriculum_is_one(self) -> "DistillationSection":
        stages, changes = self.images_per_identity, self.changes
        if not stages or len(changes) != len(stages) - 1:
            raise RecipeError(
                f"training.changes={list(changes)} must be one epoch fewer than "
                f"training.images_per_identity={list(stages)} has values"
            )
        if any(later <= before for before, later in pairwise(changes)):
            raise RecipeError(f"training.changes={list(changes)} must grow")
        if changes and changes[-1] >= self.epochs:
            raise RecipeError(
                f"training.changes={list(changes)} reaches beyond training.epochs={self.epochs}: lower it, or name "
                "fewer values"
            )
        wrong = [n for n in stages if self.batch_size % n]
        if wrong:
            raise RecipeError(
                f"training.batch_size={self.batch_size} is no multiple of {wrong[0]} images per identity: make it one "
                f"of all of training.images_per_identity={list(stages)}"
            )
        if self.warmup_epochs >= self.epochs:
            raise RecipeError(f"training.warmup_epochs={self.warmup_epochs} leaves no epoch of {self.epochs}: lower it")
        return self

    def images_at(self, epoch: int) -> int:
        """N in an epoch (0-based)."""
        return self.images_per_identity[sum(epoch >= change for change in self.changes)]


class EmbeddingSection(Section):
    """What the result embeds with."""

    network: Network = "teacher"
    """Whose backbone; both are kept."""


class CionRecipe(Recipe):
    """A recipe of pre-training by identity-guided self-distillation."""

    data: NativeDataSection = NativeDataSection()
    """What to train and evaluate on."""
    model: ModelSection = ModelSection()
    """Student and teacher."""
    views: ViewsSection = ViewsSection()
    """The views of each image."""
    teacher: TeacherSection = TeacherSection()
    """How the teacher follows."""
    training: DistillationSection = DistillationSection()
    """How the student learns."""
    embedding: EmbeddingSection = EmbeddingSection()
    """What the result embeds with."""

    @property
    def lr_peak_factor(self) -> float:
        """By what the learning rate after warm-up is multiplied for the images of all processes in one step."""
        trainer = self.trainer
        return self.training.batch_size * trainer.processes * trainer.accumulate / _IMAGES_OF_LR

    def weight_decay_at(self, position: Position) -> float:
        """Weight decay at a step."""
        return half_cosine(self.training.weight_decay, self.training.weight_decay_end, self._share(position))

    def momentum_at(self, position: Position) -> float:
        """The teacher's momentum at a step."""
        return half_cosine(self.teacher.momentum, self.teacher.momentum_end, self._share(position))

    def _share(self, position: Position) -> float:
        return self.training.epochs_done(position, by_step=True) / self.training.epochs
