"""What a recipe of CLIP-ReID says; the defaults are the published numbers of its ViT-B/16 variant."""

from typing import Literal

from pydantic import Field

from passerby.config import Recipe, Section
from passerby.methods.schedule import Schedule, cosine_with_warmup, steps_with_warmup


class ModelSection(Section):
    """The network."""

    architecture: str = "ViT-B-16"
    """An open_clip model name (ViT-B-16, RN50, …), or vit-tiny, resnet-tiny for work on two cores."""
    weights: str = "open_clip:openai"
    """CLIP's weights: a file (OpenAI's .pt, safetensors), open_clip:TAG, or random."""
    quick_gelu: bool | None = None
    """Whether the weights were trained with QuickGELU; null: as they say (needed only where a file does not say)."""
    allow_torchscript: bool = False
    """Open OpenAI's TorchScript archive, which can contain code: only a file you trust."""
    image_size: tuple[int, int] = (256, 128)
    """Height and width in pixels."""
    stride: int | None = None
    """Distance between patches; below the patch size they overlap (12 for OLP). Default: the patch size."""
    camera_embedding: bool = False
    """Add a learnable vector of the camera to the class token (SIE)."""
    camera_coefficient: float = 3.0
    """Weight of the camera embedding; 1.0 in the published command."""
    prompts: bool = True
    """Learn prompts and use the image-to-text loss; false: the baseline."""


class AugmentationSection(Section):
    """From pixels to the network's input."""

    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Subtracted from each channel (of values 0–1)."""
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Divides each channel."""
    train_interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    """Resizing in training."""
    test_interpolation: Literal["bicubic", "bilinear"] = "bilinear"
    """Resizing elsewhere; the published code differs between the two."""
    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of mirroring."""
    padding: int = Field(default=10, ge=0)
    """Zeros around the image before cropping back, in pixels."""
    erasing: float = Field(default=0.5, ge=0, le=1)
    """Probability of replacing a rectangle by noise."""


class PromptStageSection(Section):
    """Stage 1: prompts."""

    epochs: int = Field(default=120, ge=0)
    """Passes over the cached features."""
    batch_size: int = Field(default=64, ge=2)
    """Features per step, the last batch included."""
    rate: float = 3.5e-4
    """Learning rate after warm-up."""
    warmup_epochs: int = 5
    """Epochs of linear warm-up."""
    warmup_from: float = 1e-5
    """Learning rate at its start."""
    floor: float = 1e-6
    """Learning rate at the end of the cosine."""
    weight_decay: float = 1e-4
    """Coupled L2, as in Adam."""


class ImageStageSection(Section):
    """Stage 2: the image tower."""

    epochs: int = Field(default=60, ge=1)
    """Passes over the training identities."""
    identities_per_batch: int = Field(default=16, ge=2)
    """P, per process."""
    images_per_identity: int = Field(default=4, ge=1)
    """K."""
    rate: float = 5e-6
    """Learning rate after warm-up."""
    schedule: Literal["steps", "cosine"] = "steps"
    """Decay at milestones as published, or half a cosine."""
    warmup_epochs: int = 10
    """Epochs of linear warm-up."""
    warmup_factor: float = 0.1
    """Where the warm-up begins, as a fraction of the learning rate."""
    milestones: tuple[int, ...] = (30, 50)
    """Epochs at which the learning rate falls to a tenth."""
    weight_decay: float = 1e-4
    """Coupled L2, as in Adam; biases too."""
    bias_rate_factor: float = 2.0
    """Learning rate of parameters named bias, relative to the others."""
    identity_weight: float = 0.25
    """Weight of the identity losses of both heads."""
    triplet_weight: float = 1.0
    """Weight of the triplet losses of the three features."""
    text_weight: float = 1.0
    """Weight of the image-to-text loss (with prompts)."""
    smoothing: float = 0.1
    """Label smoothing of identity and image-to-text losses."""
    margin: float | None = 0.3
    """Triplet margin; null: the soft form."""
    gather_triplets: bool = False
    """Mine triplets among the batches of all processes instead of within each."""


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


def image_schedule(section: ImageStageSection) -> Schedule:
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
