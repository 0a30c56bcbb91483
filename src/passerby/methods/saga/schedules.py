"""SAGA's learning rates, as functions of the epoch or step. Sources: saga.md §3.2, 3.3 and 3.7."""

import math

from passerby.methods.saga.recipe import BackboneStageSection, RateSection, WordsStageSection
from passerby.methods.schedules import Schedule


def warmup_then_cosine(base: float, epochs: int, *, warmup_epochs: int, warmup_from: float, floor: float) -> Schedule:
    """Linear warm-up from `warmup_from`, then half a cosine from `base` to `floor` whose phase begins after it.

    Epochs (from 1) count as 0 in the formula, so that the first epoch has the rate that the warm-up begins with, and
    `floor` would be reached one epoch after the last.
    """

    def rate(epoch: int) -> float:
        done = epoch - 1
        if done < warmup_epochs:
            return warmup_from + (base - warmup_from) * done / warmup_epochs
        phase = (done - warmup_epochs) / max(epochs - warmup_epochs, 1)
        return floor + (base - floor) * 0.5 * (1 + math.cos(math.pi * min(phase, 1.0)))

    return rate


def words_schedule(section: WordsStageSection) -> Schedule:
    """Stage 1."""
    return warmup_then_cosine(
        section.lr,
        section.epochs,
        warmup_epochs=section.warmup_epochs,
        warmup_from=section.warmup_from,
        floor=section.floor,
    )


def anchors_schedule(section: RateSection) -> Schedule:
    """Stages 3a, 3b and 4."""
    return warmup_then_cosine(
        section.lr,
        section.epochs,
        warmup_epochs=section.warmup_epochs,
        warmup_from=0.1 * section.lr,
        floor=section.min_lr_factor * section.lr,
    )


def backbone_rate(section: BackboneStageSection, *, epoch: int, step: int, estimated_steps: int) -> float:
    """Stage 2's learning rate.

    Args:
        section: of the recipe.
        epoch: from 1.
        step: optimiser steps done in the stage.
        estimated_steps: of an epoch, by the sampler's own estimate; what milestones are counted in where the section
            asks for it.
    """
    progress = min(step / section.warmup_steps, 1.0) if section.warmup_steps else 1.0
    rate = section.lr * (section.warmup_start_factor * (1 - progress) + progress)
    if section.decay == "cosine":
        done = (epoch - 1) / max(section.epochs - 1, 1)
        return rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
    if section.sampler_milestones:
        passed = sum(step >= milestone * estimated_steps for milestone in section.milestones)
    else:
        passed = sum(epoch > milestone for milestone in section.milestones)
    return rate * 0.1**passed
