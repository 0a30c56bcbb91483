"""The smallest model of every method, as files of weights."""

from pathlib import Path

import torch

from passerby.config import read_recipe
from passerby.methods import find_method
from passerby.models import save_model
from passerby.runs.request import checked_recipe

_CLIP = ("model.architecture=vit-nano", "model.weights=random", "model.image_size=[32, 16]", "augmentation.padding=3")
_SAGA = (
    *_CLIP,
    "anchors.token_layers=[1]",
    "anchors.layers=1",
    "anchors.count=4",
    "anchors.domain_count=2",
    "stage3.poolings=[]",
)
_BACKBONE = ("model.backbone=resnet_nano_ibn", "model.image_size=[64, 32]")

RECIPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "clip-reid": ("clip-reid-vit-tiny", _CLIP),
    "clip-reid with cameras": ("clip-reid-vit-tiny", (*_CLIP, "model.camera_embedding=true")),
    "clip-reid on a residual network": (
        "clip-reid-rn50-tiny",
        ("model.architecture=resnet-nano", "model.image_size=[64, 32]", "augmentation.padding=3"),
    ),
    "saga": ("saga-tiny", _SAGA),
    "saga over mirror images": ("saga-tiny", (*_SAGA, "embedding.flip=true", "anchors.domain=camera")),
    "saga in parts": ("saga-tiny", (*_SAGA, "embedding.parts=2", "anchors.visibility=true")),
    "ccafl": ("ccafl-tiny", _CLIP),
    "cion": ("cion-tiny", (*_BACKBONE, "views.local_size=[32, 16]")),
    "finetune": ("finetune-tiny", ("model.backbone=vit_nano", "model.image_size=[32, 16]", "augmentation.padding=3")),
    "mgn": ("mgn", ("model.backbone=resnet_nano_ibn", "model.image_size=[96, 32]", "augmentation.padding=3")),
    "cluster-contrast": ("cluster-contrast-tiny", (*_BACKBONE, "augmentation.padding=3")),
    "clip-pretrain": ("clip-pretrain-tiny", ("model.architecture=vit-nano", "model.image_size=[32, 16]")),
}
"""What is exported → a recipe, and what makes it small."""


def write_nano_model(name: str, file: Path) -> Path:
    """The file of weights of one of `RECIPES`; random weights, three cameras."""
    recipe_name, overrides = RECIPES[name]
    recipe = checked_recipe(read_recipe(recipe_name, overrides))
    method = find_method(recipe.method)
    torch.manual_seed(0)
    model = method.build(recipe, 5, 3)
    save_model(file, model, method.description(recipe, model))
    return file
