"""Sections of recipes that several methods on CLIP share: its towers, the stage of prompts, and learning rates."""

from typing import Annotated

from pydantic import Field

from passerby.config import NameOrPath, NotNegative, Section
from passerby.methods.sections.learning_rate import Decay, Epoch, LearningRate

Pixels = Annotated[int, Field(ge=1, le=4096)]


class TowersSection(Section):
    """CLIP's towers, which several methods begin with."""

    architecture: str = "ViT-B-16"
    """An open_clip name (ViT-B-16, RN50, …), or vit-tiny-6, … for work on two cores."""
    weights: NameOrPath = "open_clip:openai"
    """CLIP's: a file, open_clip:TAG, tiny-clip (ours), a clip-pretrain run, or random."""
    quick_gelu: bool | None = None
    """Whether the weights were trained with QuickGELU; null: as they say."""
    allow_torchscript: bool = False
    """Open OpenAI's TorchScript archive, which can hold code: only a file you trust."""
    image_size: tuple[Pixels, Pixels] = (256, 128)
    """Height and width in pixels."""
    stride: Pixels | None = None
    """Distance between patches, 12 for overlapping ones (OLP); null: the patch size."""


class PromptStageSection(LearningRate):
    """Stage 1: prompts."""

    lr: NotNegative = 3.5e-4
    """Learning rate after warm-up."""
    warmup_epochs: NotNegative = 5
    """Epochs of linear warm-up."""
    warmup_start_factor: NotNegative = 1e-5 / 3.5e-4
    """Where the warm-up begins, as a fraction of lr."""
    min_lr_factor: NotNegative = 1e-6 / 3.5e-4
    """Where the cosine ends, as a fraction of lr, with decay=cosine."""
    epochs: int = Field(default=120, ge=0)
    """Passes over the cached features."""
    batch_size: int = Field(default=64, ge=2, le=2**16)
    """Features per step, the last batch included."""
    weight_decay: NotNegative = 1e-4
    """Coupled L2, as in Adam."""

    COUNT_FROM = 1


class ImageTowerSection(LearningRate):
    """How an image tower learns: decay at milestones as published, or half a cosine down to a hundredth."""

    lr: NotNegative = 5e-6
    """Learning rate after warm-up."""
    warmup_epochs: NotNegative = 10
    """Epochs of linear warm-up."""
    decay: Decay = "steps"
    """After the warm-up: constant, half a cosine, or to a tenth at each milestone."""
    milestones: tuple[Epoch, ...] = (30, 50)
    """Epochs of the steps, with decay=steps."""
    min_lr_factor: NotNegative = 0.01
    """Where the cosine ends, as a fraction of lr, with decay=cosine."""
    epochs: int = Field(default=60, ge=1)
    """Passes over the training identities."""
    weight_decay: NotNegative = 1e-4
    """Coupled L2, as in Adam; biases too."""
    bias_lr_factor: NotNegative = 2.0
    """Learning rate of parameters named bias, relative to the others."""

    COUNT_FROM = 1
