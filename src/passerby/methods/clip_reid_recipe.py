"""What a recipe of CLIP-ReID says; the defaults are the published numbers of its ViT-B/16 variant."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from passerby.config import Finite, NameOrPath, NotNegative, Recipe, Section
from passerby.errors import RecipeError
from passerby.methods.augmentation import AugmentationSection
from passerby.methods.schedule import Schedule, cosine_with_warmup, steps_with_warmup

Pixels = Annotated[int, Field(ge=1)]
Epoch = Annotated[int, Field(ge=1)]


class TowersSection(Section):
    """CLIP's towers, which several methods begin with."""

    architecture: str = "ViT-B-16"
    """An open_clip model name (ViT-B-16, RN50, …), or one of our small ones (vit-tiny-6, …) for work on two cores."""
    weights: NameOrPath = "open_clip:openai"
    """CLIP's: a file (OpenAI's .pt, safetensors), open_clip:TAG, tiny-clip (ours), a clip-pretrain run, or random."""
    quick_gelu: bool | None = None
    """Whether the weights were trained with QuickGELU; null: as they say (needed only where a file does not say)."""
    allow_torchscript: bool = False
    """Open OpenAI's TorchScript archive, which can contain code: only a file you trust."""
    image_size: tuple[Pixels, Pixels] = (256, 128)
    """Height and width in pixels."""
    stride: Pixels | None = None
    """Distance between patches; below the patch size they overlap (12 for OLP). Default: the patch size."""


class ModelSection(TowersSection):
    """The network."""

    camera_embedding: bool = False
    """Add a learnable vector of the camera to the class token (SIE)."""
    camera_coefficient: Finite = 3.0
    """Weight of the camera embedding; 1.0 in the published command."""
    prompts: bool = True
    """Learn prompts and use the image-to-text loss; false: the baseline."""


class PromptStageSection(Section):
    """Stage 1: prompts."""

    epochs: int = Field(default=120, ge=0)
    """Passes over the cached features."""
    batch_size: int = Field(default=64, ge=2)
    """Features per step, the last batch included."""
    rate: NotNegative = 3.5e-4
    """Learning rate after warm-up."""
    warmup_epochs: int = Field(default=5, ge=0)
    """Epochs of linear warm-up."""
    warmup_from: NotNegative = 1e-5
    """Learning rate at its start."""
    floor: NotNegative = 1e-6
    """Learning rate at the end of the cosine."""
    weight_decay: NotNegative = 1e-4
    """Coupled L2, as in Adam."""


class RateSection(Section):
    """How fast an image tower learns."""

    epochs: int = Field(default=60, ge=1)
    """Passes over the training identities."""
    rate: NotNegative = 5e-6
    """Learning rate after warm-up."""
    schedule: Literal["steps", "cosine"] = "steps"
    """Decay at milestones as published, or half a cosine."""
    warmup_epochs: int = Field(default=10, ge=0)
    """Epochs of linear warm-up."""
    warmup_factor: NotNegative = 0.1
    """Where the warm-up begins, as a fraction of the learning rate."""
    milestones: tuple[Epoch, ...] = (30, 50)
    """Epochs at which the learning rate falls to a tenth."""
    weight_decay: NotNegative = 1e-4
    """Coupled L2, as in Adam; biases too."""
    bias_rate_factor: NotNegative = 2.0
    """Learning rate of parameters named bias, relative to the others."""


class ImageStageSection(RateSection):
    """Stage 2: the image tower."""

    identities_per_batch: int = Field(default=16, ge=2)
    """P, per process."""
    images_per_identity: int = Field(default=4, ge=1)
    """K."""
    identity_weight: NotNegative = 0.25
    """Weight of the identity losses of both heads."""
    triplet_weight: NotNegative = 1.0
    """Weight of the triplet losses of the three features."""
    text_weight: NotNegative = 1.0
    """Weight of the image-to-text loss (with prompts)."""
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Label smoothing of identity and image-to-text losses."""
    margin: NotNegative | None = 0.3
    """Triplet margin; null: the soft form."""
    gather_triplets: bool = False
    """Mine triplets among the batches of all processes instead of within each."""

    @model_validator(mode="after")
    def _triplets_need_positives(self) -> "ImageStageSection":
        if self.images_per_identity == 1 and self.triplet_weight > 0:
            raise RecipeError(
                "stage2.images_per_identity=1 leaves the triplet loss without positives: set it to 2 or more, or "
                "stage2.triplet_weight=0"
            )
        return self


class ClipReidRecipe(Recipe):
    """A recipe of CLIP-ReID."""

    model: ModelSection = ModelSection()
    """The network."""
    augmentation: AugmentationSection = AugmentationSection()
    """From pixels to the network's input."""
    stage1: PromptStageSection = PromptStageSection()
    """Prompts."""
    stage2: ImageStageSection = ImageStageSection()
    """The image tower."""


def prompt_schedule(section: PromptStageSection) -> Schedule:
    """Warm-up, then a cosine down to the floor."""
    return cosine_with_warmup(
        section.rate,
        section.epochs,
        warmup_epochs=section.warmup_epochs,
        warmup_from=section.warmup_from,
        floor=section.floor,
    )


def image_schedule(section: RateSection) -> Schedule:
    """Warm-up, then decay at milestones as published, or a cosine down to a hundredth."""
    if section.schedule == "steps":
        return steps_with_warmup(
            section.rate,
            section.milestones,
            warmup_epochs=section.warmup_epochs,
            warmup_factor=section.warmup_factor,
        )
    return cosine_with_warmup(
        section.rate,
        section.epochs,
        warmup_epochs=section.warmup_epochs,
        warmup_from=section.rate * section.warmup_factor,
        floor=section.rate * 0.01,
    )
