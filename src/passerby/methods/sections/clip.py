"""Sections of recipes that several methods on CLIP share: its towers, the stage of prompts, and learning rates."""

from typing import Annotated, Literal

from pydantic import Field

from passerby.config import NameOrPath, NotNegative, Section
from passerby.methods.schedules import Schedule, cosine_with_warmup, steps_with_warmup

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


class PromptStageSection(Section):
    """Stage 1: prompts."""

    epochs: int = Field(default=120, ge=0)
    """Passes over the cached features."""
    batch_size: int = Field(default=64, ge=2)
    """Features per step, the last batch included."""
    lr: NotNegative = 3.5e-4
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
    lr: NotNegative = 5e-6
    """Learning rate after warm-up."""
    decay: Literal["steps", "cosine"] = "steps"
    """Decay at milestones as published, or half a cosine."""
    warmup_epochs: int = Field(default=10, ge=0)
    """Epochs of linear warm-up."""
    warmup_start_factor: NotNegative = 0.1
    """Where the warm-up begins, as a fraction of the learning rate."""
    milestones: tuple[Epoch, ...] = (30, 50)
    """Epochs at which the learning rate falls to a tenth."""
    weight_decay: NotNegative = 1e-4
    """Coupled L2, as in Adam; biases too."""
    bias_lr_factor: NotNegative = 2.0
    """Learning rate of parameters named bias, relative to the others."""


def prompt_schedule(section: PromptStageSection) -> Schedule:
    """Warm-up, then a cosine down to the floor."""
    return cosine_with_warmup(
        section.lr,
        section.epochs,
        warmup_epochs=section.warmup_epochs,
        warmup_from=section.warmup_from,
        floor=section.floor,
    )


def image_schedule(section: RateSection) -> Schedule:
    """Warm-up, then decay at milestones as published, or a cosine down to a hundredth."""
    if section.decay == "steps":
        return steps_with_warmup(
            section.lr,
            section.milestones,
            warmup_epochs=section.warmup_epochs,
            warmup_factor=section.warmup_start_factor,
        )
    return cosine_with_warmup(
        section.lr,
        section.epochs,
        warmup_epochs=section.warmup_epochs,
        warmup_from=section.lr * section.warmup_start_factor,
        floor=section.lr * 0.01,
    )
