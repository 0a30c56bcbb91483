"""CION's student, teacher and transforms, from a recipe or from what a file says of itself."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.split import Split
from passerby.distributed.devices import choose_accelerator
from passerby.errors import RecipeError
from passerby.methods.cion.recipe import CionRecipe
from passerby.methods.method import InitialWeights
from passerby.methods.networks.backbones import PREFIX, describe_backbone, described_backbone, new_backbone, part_of
from passerby.models.backbones.backbone import Backbone
from passerby.models.checkpoint import load_strictly
from passerby.models.networks.projection_head import ProjectionHead
from passerby.models.networks.self_distillation import SelfDistillation


def check(recipe: CionRecipe, train: Split) -> None:
    """Refuse what these training images or the backbone cannot give.

    Raises:
        RecipeError: fewer identities than a step needs, views of a size that the backbone does not take, or batch
            statistics shared by processes without GPUs.
    """
    _check_local_views(recipe)
    processes = recipe.trainer.processes
    section = recipe.training
    fewest = min((size for size in section.images_per_identity if size > 1), default=1)
    needed = section.batch_size // fewest * processes
    if fewest > 1 and train.identity_count < needed:
        largest = train.identity_count // processes * fewest
        across = f" on each of {processes} processes" if processes > 1 else ""
        raise RecipeError(
            f"training.batch_size={section.batch_size}{across} takes groups of {fewest} images of {needed} different "
            f"identities, but the training images show {train.identity_count}: set it to at most {largest}"
        )
    shared = processes > 1 and recipe.model.batch_norm == "synchronised"
    if shared and choose_accelerator(recipe.trainer) == "cpu":
        raise RecipeError(
            "model.batch_norm=synchronised: torch shares batch statistics between GPUs only: set it to per-process"
        )


def _check_local_views(recipe: CionRecipe) -> None:
    """Try a local view where shapes only are computed."""
    if not recipe.views.local:
        return
    with torch.device("meta"):
        try:
            new_backbone(recipe.model)(torch.zeros(2, 3, *recipe.views.local_size))
        except RecipeError:
            raise
        except Exception as error:  # every network has its own way to refuse a size
            reason = str(error).split("\n")[0][:120]
            raise RecipeError(
                f"views.local_size={list(recipe.views.local_size)}: {recipe.model.backbone} for images of "
                f"{list(recipe.model.image_size)} cannot take such views ({reason}): set it to model.image_size"
            ) from error


def transforms(recipe: CionRecipe) -> tuple[TrainTransform, TestTransform]:
    """How images are stored where a cache holds them at one size, and how they are embedded."""
    size, views = recipe.model.image_size, recipe.views
    stored = TrainTransform(size=size, mean=views.mean, std=views.std, padding=0, erasing=0)
    return stored, TestTransform(size=size, mean=views.mean, std=views.std)


def build(recipe: CionRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> SelfDistillation:
    """Student and teacher with random weights; those of `init`, a run of this method, are loaded by the caller."""
    del classes, cameras, init
    section = recipe.model
    backbone = new_backbone(section)
    head = ProjectionHead(backbone.feature_dim, section.outputs, hidden=section.hidden, bottleneck=section.bottleneck)
    return SelfDistillation(backbone, head, network=recipe.embedding.network)


def describe(recipe: CionRecipe, model: SelfDistillation) -> dict[str, Any]:
    """What `restore` and the embedder need, as JSON."""
    described = describe_backbone(model.student.backbone, transforms(recipe)[1])
    return {**described, "network": recipe.embedding.network}


def restore(description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Backbone:
    """The backbone of the network that embeds, alone."""
    backbone = described_backbone(description)
    load_strictly(backbone, part_of(tensors, f"{description['network']}.{PREFIX}"), source=source)
    return backbone
